// Longer commit windows when the flash wears faster than its owner wants: each step doubles what one commit takes along. Looked at every ten minutes, by what
// the day would come to at the pace of the last ten; each day begins with its own budget.

export const WINDOW_FACTOR_MAX = 16;
export const WIDENING_INTERVAL_MS = 600_000;
/** At this share of the budget the window becomes shorter again. */
const EASY_SHARE = 0.5;

export interface DayUse {
  /** Into the day. */
  readonly dayMs: number;
  readonly dayLengthMs: number;
  /** So far. */
  readonly bytes: number;
}

export class WindowWidening {
  readonly #budgetBytes: number;
  #factor = 1;
  #lastMs = 0;
  #lastBytes = 0;

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  /** How many times as long as configured the window should be. */
  get factor(): number {
    return this.#factor;
  }

  /** @returns whether the factor changed. */
  look({ dayMs, dayLengthMs, bytes }: DayUse): boolean {
    if (dayMs < this.#lastMs || bytes < this.#lastBytes) this.#begin(); // another day
    if (dayMs - this.#lastMs < WIDENING_INTERVAL_MS) return false;
    const perMs = (bytes - this.#lastBytes) / (dayMs - this.#lastMs);
    const expected = bytes + perMs * (dayLengthMs - dayMs);
    this.#lastMs = dayMs;
    this.#lastBytes = bytes;
    const before = this.#factor;
    if (expected > this.#budgetBytes) this.#factor = Math.min(WINDOW_FACTOR_MAX, this.#factor * 2);
    else if (expected < this.#budgetBytes * EASY_SHARE) this.#factor = Math.max(1, this.#factor / 2);
    return this.#factor !== before;
  }

  #begin(): void {
    this.#lastMs = 0;
    this.#lastBytes = 0;
  }
}
