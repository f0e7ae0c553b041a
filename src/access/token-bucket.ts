export interface BucketTerms {
  readonly perSecond: number;
  /** What may be taken at once after a quiet time. */
  readonly burst: number;
  /** What may be owed at most, the rest is forgiven. */
  readonly debtMax: number;
}

/** A rate as a bucket that fills steadily and holds a burst. Reads the time it is given, needs no timer. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #capacity: number;
  readonly #lowest: number;
  #level: number;
  #atMs: number;

  /** Full at first. */
  constructor({ perSecond, burst, debtMax }: BucketTerms, nowMs: number) {
    this.#perMs = perSecond / 1000;
    this.#capacity = burst;
    this.#lowest = -debtMax;
    this.#level = burst;
    this.#atMs = nowMs;
  }

  /** As much is owed as may be. */
  get isDebtFull(): boolean {
    return this.#level <= this.#lowest;
  }

  /** Takes in any case, into debt if it must. @returns milliseconds until the debt is paid; 0 when there is none. */
  take(amount: number, nowMs: number): number {
    this.#fill(nowMs);
    this.#level = Math.max(this.#lowest, this.#level - amount);
    return this.#level >= 0 ? 0 : Math.ceil(-this.#level / this.#perMs);
  }

  /** @returns false, and takes nothing, when there is too little. */
  tryTake(amount: number, nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#level < amount) return false;
    this.#level -= amount;
    return true;
  }

  #fill(nowMs: number): void {
    this.#level = Math.min(this.#capacity, this.#level + (nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
  }
}
