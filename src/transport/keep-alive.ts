import type { CancelTimer, Clock } from '../model/clock.ts';

export interface Watched {
  onSilence(): void;
}

export interface KeepAliveParts {
  /** Not read just now: its silence says nothing. */
  readonly held: { readonly isHeld: boolean };
  readonly watched: Watched;
}

/** Watches one client's silence. A packet costs it a look at the clock, no timer. */
export class KeepAlive {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #held: KeepAliveParts['held'];
  readonly #watched: Watched;
  #heardAtMs: number;
  #cancel: CancelTimer;

  /** @param limitMs - a client that was silent for so long is gone; above 0. */
  constructor(clock: Clock, limitMs: number, { held, watched }: KeepAliveParts) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#held = held;
    this.#watched = watched;
    this.#heardAtMs = clock.monotonicMs();
    this.#cancel = clock.after(this.#limitMs, () => this.#check());
  }

  heard(): void {
    this.#heardAtMs = this.#clock.monotonicMs();
  }

  stop(): void {
    this.#cancel();
  }

  #check(): void {
    if (this.#held.isHeld) this.heard();
    const silentMs = this.#clock.monotonicMs() - this.#heardAtMs;
    if (silentMs >= this.#limitMs) this.#watched.onSilence();
    else this.#cancel = this.#clock.after(this.#limitMs - silentMs, () => this.#check());
  }
}
