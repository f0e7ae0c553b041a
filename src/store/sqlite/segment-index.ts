// Which segment holds which sequences, how many bytes it has and how many references to it are live: what is needed to find a message and to know
// when a segment is of no use any more. Columns of numbers: a million segments are forty megabytes less than as many objects.
import type { Sequence } from '../../session/session-store.ts';

const FIRST_CAPACITY = 256;

export interface SegmentFacts {
  /** Number of the group; greater than that of every segment added before. */
  readonly number: number;
  readonly firstSequence: Sequence;
  readonly nextSequence: Sequence;
  readonly bytes: number;
  readonly live: number;
}

/** Segments `from` to `to`, both included, with whatever lies between. */
export interface SegmentRange {
  readonly from: number;
  readonly to: number;
}

export class SegmentIndex {
  #numbers = new Float64Array(FIRST_CAPACITY);
  #firsts = new Float64Array(FIRST_CAPACITY);
  #nexts = new Float64Array(FIRST_CAPACITY);
  #live = new Uint32Array(FIRST_CAPACITY);
  /** 0: the segment was dropped. */
  #bytes = new Uint32Array(FIRST_CAPACITY);
  #length = 0;
  #dropped = 0;
  /** Segments below this number are in the tables: without live references they are dead. */
  #replayFrom = 0;
  #dead = 0;
  #recent = 0;

  /** Segments that are not dropped. */
  get count(): number {
    return this.#length - this.#dropped;
  }

  /** Behind every sequence of every segment. */
  get nextSequence(): Sequence {
    return this.#length === 0 ? 1 : at(this.#nexts, this.#length - 1);
  }

  get deadCount(): number {
    return this.#dead;
  }

  add({ number, firstSequence, nextSequence, bytes, live }: SegmentFacts): void {
    if (this.#length === this.#numbers.length) this.#makeRoom();
    const index = this.#length;
    this.#numbers[index] = number;
    this.#firsts[index] = firstSequence;
    this.#nexts[index] = nextSequence;
    this.#live[index] = live;
    this.#bytes[index] = bytes;
    this.#length += 1;
  }

  /** Number of the segment that holds `sequence`. */
  find(sequence: Sequence): number | undefined {
    const index = this.#indexOf(sequence);
    return index < 0 ? undefined : this.#numbers[index];
  }

  /** Numbers of the segments next to a sequence that none holds: below and above. */
  around(sequence: Sequence): { readonly below: number | undefined; readonly above: number | undefined } {
    let index = 0;
    while (index < this.#length && at(this.#firsts, index) <= sequence) index += 1;
    return { below: index === 0 ? undefined : at(this.#numbers, index - 1), above: index === this.#length ? undefined : at(this.#numbers, index) };
  }

  addReference(sequence: Sequence): void {
    const index = this.#indexOf(sequence);
    if (index >= 0) this.#live[index] = at(this.#live, index) + 1;
  }

  dropReference(sequence: Sequence): void {
    const index = this.#indexOf(sequence);
    if (index < 0) return;
    const live = at(this.#live, index) - 1;
    this.#live[index] = live;
    if (live === 0 && at(this.#numbers, index) < this.#replayFrom) this.#dead += 1;
  }

  /** The tables hold everything the segments below `number` say. */
  replayFrom(number: number): void {
    this.#replayFrom = number;
    this.#dead = 0;
    for (let index = 0; index < this.#length && at(this.#numbers, index) < number; index += 1) {
      if (this.#isDead(index)) this.#dead += 1;
    }
  }

  /** Takes dead segments out of the index, oldest first, at most `bytesMax` bytes of them (but at least one). */
  takeDead(bytesMax: number): SegmentRange[] {
    const ranges: { from: number; to: number }[] = [];
    let bytes = 0;
    let isOpen = false;
    for (let index = 0; index < this.#length && this.#dead > 0 && bytes < bytesMax; index += 1) {
      if (this.#isDead(index)) {
        const number = at(this.#numbers, index);
        const range = isOpen ? ranges.at(-1) : undefined;
        if (range === undefined) ranges.push({ from: number, to: number });
        else range.to = number;
        isOpen = true;
        bytes += at(this.#bytes, index);
        this.#drop(index);
      } else if (at(this.#bytes, index) > 0) {
        isOpen = false;
      }
    }
    if (this.#dropped > this.#length / 2) this.#compact();
    return ranges;
  }

  #isDead(index: number): boolean {
    return at(this.#bytes, index) > 0 && at(this.#live, index) === 0 && at(this.#numbers, index) < this.#replayFrom;
  }

  #drop(index: number): void {
    this.#bytes[index] = 0;
    this.#dropped += 1;
    this.#dead -= 1;
  }

  /** Index of the segment that holds `sequence`; −1: none. */
  #indexOf(sequence: Sequence): number {
    if (this.#holds(this.#recent, sequence)) return this.#recent;
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (at(this.#firsts, middle) <= sequence) low = middle + 1;
      else high = middle;
    }
    const index = low - 1;
    if (index < 0 || !this.#holds(index, sequence)) return -1;
    this.#recent = index;
    return index;
  }

  #holds(index: number, sequence: Sequence): boolean {
    return index < this.#length && at(this.#firsts, index) <= sequence && sequence < at(this.#nexts, index) && at(this.#bytes, index) > 0;
  }

  #makeRoom(): void {
    const capacity = 2 * this.#numbers.length;
    this.#numbers = grown(this.#numbers, new Float64Array(capacity));
    this.#firsts = grown(this.#firsts, new Float64Array(capacity));
    this.#nexts = grown(this.#nexts, new Float64Array(capacity));
    this.#live = grown(this.#live, new Uint32Array(capacity));
    this.#bytes = grown(this.#bytes, new Uint32Array(capacity));
  }

  #compact(): void {
    let kept = 0;
    for (let index = 0; index < this.#length; index += 1) {
      if (at(this.#bytes, index) === 0) continue;
      this.#numbers[kept] = at(this.#numbers, index);
      this.#firsts[kept] = at(this.#firsts, index);
      this.#nexts[kept] = at(this.#nexts, index);
      this.#live[kept] = at(this.#live, index);
      this.#bytes[kept] = at(this.#bytes, index);
      kept += 1;
    }
    this.#length = kept;
    this.#dropped = 0;
    this.#recent = 0;
  }
}

function at(column: Float64Array | Uint32Array, index: number): number {
  return column[index] as number;
}

function grown<Column extends Float64Array | Uint32Array>(column: Column, bigger: Column): Column {
  bigger.set(column);
  return bigger;
}
