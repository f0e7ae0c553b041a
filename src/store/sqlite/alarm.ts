import type { CancelTimer, Clock } from '../../model/clock.ts';

/** Rings once, at the earliest of the moments it was set for since it rang last: one timer, set anew for an earlier moment only. */
export class Alarm {
  readonly #clock: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly #ring: () => void;
  #atMs = Number.POSITIVE_INFINITY;
  #cancel: CancelTimer | undefined;

  constructor(clock: Pick<Clock, 'monotonicMs' | 'after'>, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** By the monotonic clock. `Infinity`: never. */
  setFor(atMs: number): void {
    if (atMs >= this.#atMs) return;
    this.#cancel?.();
    this.#atMs = atMs;
    this.#cancel = this.#clock.after(atMs - this.#clock.monotonicMs(), () => {
      this.off();
      this.#ring();
    });
  }

  off(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#atMs = Number.POSITIVE_INFINITY;
  }
}
