/** From `first` to `last`, both included. */
export interface NumberRange {
  readonly first: number;
  readonly last: number;
}

/** A set of whole numbers that mostly come one after the other: kept as what is between its holes. */
export class NumberRanges implements Iterable<NumberRange> {
  /** Ascending, with a hole between any two. */
  readonly #ranges: { first: number; last: number }[];

  /** @param ranges - ascending, with a hole between any two. */
  constructor(ranges: readonly NumberRange[] = []) {
    this.#ranges = ranges.map((range) => ({ ...range }));
  }

  /** How many ranges there are. */
  get count(): number {
    return this.#ranges.length;
  }

  get first(): number | undefined {
    return this.#ranges[0]?.first;
  }

  get last(): number | undefined {
    return this.#ranges.at(-1)?.last;
  }

  has(number: number): boolean {
    const before = this.#ranges[this.#indexBehind(number) - 1];
    return before !== undefined && number <= before.last;
  }

  [Symbol.iterator](): IterableIterator<NumberRange> {
    return this.#ranges.values();
  }

  /** Moves the upper half of the ranges into another one. */
  splitUpper(): NumberRanges {
    return new NumberRanges(this.#ranges.splice(this.#ranges.length >>> 1));
  }

  /** @returns false: it was there already. */
  add(number: number): boolean {
    const at = this.#indexBehind(number);
    const before = this.#ranges[at - 1];
    const behind = this.#ranges[at];
    if (before !== undefined && number <= before.last) return false;
    const joinsBefore = before?.last === number - 1;
    const joinsBehind = behind?.first === number + 1;
    if (before !== undefined && joinsBefore) {
      before.last = behind !== undefined && joinsBehind ? behind.last : number;
      if (joinsBehind) this.#ranges.splice(at, 1);
    } else if (behind !== undefined && joinsBehind) behind.first = number;
    else this.#ranges.splice(at, 0, { first: number, last: number });
    return true;
  }

  /** What it lacks of `within`, ascending. */
  *holes({ first, last }: NumberRange): Generator<NumberRange> {
    let next = first;
    for (let at = Math.max(0, this.#indexBehind(first) - 1); next <= last; at += 1) {
      const range = this.#ranges[at];
      if (range === undefined || range.first > last) break;
      if (range.first > next) yield { first: next, last: range.first - 1 };
      next = Math.max(next, range.last + 1);
    }
    if (next <= last) yield { first: next, last };
  }

  /** Of the first range that begins behind `number`. */
  #indexBehind(number: number): number {
    const ranges = this.#ranges;
    let low = 0;
    let high = ranges.length;
    if (high === 0 || number >= (ranges[high - 1]?.first ?? 0)) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ranges[middle]?.first ?? 0) > number) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
