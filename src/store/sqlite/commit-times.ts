const SAMPLES = 64;
/** Weight of the newest sample. */
const SMOOTHING = 1 / 8;

/** How long the last commits took, or a part of each. */
export class CommitTimes {
  readonly #samples = new Float64Array(SAMPLES);
  #count = 0;
  #recentMs = 0;

  add(durationMs: number): void {
    this.#samples[this.#count % SAMPLES] = durationMs;
    this.#count += 1;
    this.#recentMs += (durationMs - this.#recentMs) * (this.#count === 1 ? 1 : SMOOTHING);
  }

  /** Smoothed; cheap to ask. */
  get recentMs(): number {
    return this.#recentMs;
  }

  get lastMs(): number {
    return this.#count === 0 ? 0 : (this.#samples[(this.#count - 1) % SAMPLES] as number);
  }

  get medianMs(): number {
    const known = this.#known().sort();
    return known[known.length >> 1] ?? 0;
  }

  get maxMs(): number {
    return this.#known().reduce((max, each) => Math.max(max, each), 0);
  }

  #known(): Float64Array {
    return this.#samples.slice(0, Math.min(this.#count, SAMPLES));
  }
}

/** What a person reads of a time in ms. */
export function thousandths(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
