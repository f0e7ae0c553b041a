/**
 * Work that is put off, one piece a turn: before each, every socket that has something to say is read. Who is put off again goes to the end.
 */
export class TurnQueue {
  #waiting: (() => void)[] = [];
  #isArmed = false;
  readonly #nextTurn = (): void => this.#run();

  /** Runs once. Must not throw. */
  later(run: () => void): void {
    this.#waiting.push(run);
    this.#arm();
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    setImmediate(this.#nextTurn);
  }

  #run(): void {
    this.#isArmed = false;
    const run = this.#waiting.shift();
    if (this.#waiting.length > 0) this.#arm();
    run?.();
  }
}
