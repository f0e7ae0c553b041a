import type { Clock } from '../model/clock.ts';

/** Work of the core that is put off, one piece a turn whoever it is for: a hundred subscribers of everything hold the others up no longer than one. */
export class TurnLine {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs once, behind those who came before. Must not throw. */
  later(run: () => void): void {
    this.#waiting.push(run);
    if (this.#waiting.length === 1) this.#arm();
  }

  #arm(): void {
    this.#clock.after(0, () => {
      const [run] = this.#waiting;
      run?.(); // who puts off more comes in behind the others
      this.#waiting.shift();
      if (this.#waiting.length > 0) this.#arm();
    });
  }
}
