/** Ranges told of in a status: more would say nothing more. */
const RANGES_TOLD_MAX = 50;
/** Numbers told of one by one. */
const NUMBERS_TOLD_MAX = 1_000;
/** Ranges remembered; what is beyond is counted. */
const RANGES_MAX = 10_000;

export interface GroupRange {
  readonly first: number;
  readonly last: number;
}

/** Numbers of groups that are lost, as ranges in order. */
export class LostGroups {
  #ranges: GroupRange[] = [];
  #beyond = 0;

  get count(): number {
    return this.#ranges.reduce((sum, { first, last }) => sum + last - first + 1, this.#beyond);
  }

  /** At most a thousand of them. */
  get numbers(): number[] {
    const numbers: number[] = [];
    for (const { first, last } of this.#ranges) {
      for (let number = first; number <= last && numbers.length < NUMBERS_TOLD_MAX; number += 1) numbers.push(number);
    }
    return numbers;
  }

  /** The first fifty: `3`, `7-12`. */
  get ranges(): string[] {
    return this.#ranges.slice(0, RANGES_TOLD_MAX).map(rangeText);
  }

  addAll(others: LostGroups): void {
    for (const { first, last } of others.#ranges) this.add(first, last);
    this.#beyond += others.#beyond;
  }

  add(first: number, last: number = first): void {
    if (this.#ranges.length >= RANGES_MAX) {
      this.#beyond += last - first + 1;
      return;
    }
    const joined = { first, last };
    const others: GroupRange[] = [];
    for (const range of this.#ranges) {
      if (range.last + 1 < first || last + 1 < range.first) others.push(range);
      else {
        joined.first = Math.min(joined.first, range.first);
        joined.last = Math.max(joined.last, range.last);
      }
    }
    this.#ranges = [...others, joined].sort((a, b) => a.first - b.first);
  }
}

export function rangeText({ first, last }: GroupRange): string {
  return first === last ? `${first}` : `${first}-${last}`;
}
