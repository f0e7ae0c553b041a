// Which segment holds which sequences, how many bytes it has and how many references to it are live: what is needed to find a message and to know
// when a segment is of no use any more, or of little. Columns of numbers: a million segments are forty megabytes less than as many objects.
//
// Live bytes are a lower bound. A reference that goes takes the bytes of its message with it, though another queue may still want it: which messages
// are wanted is in the segment, and whoever reads it says how many bytes that is (`examined`).
import { SEGMENT_BYTES } from '../../model/limits.ts';
import type { Sequence } from '../../session/session-store.ts';

const FIRST_CAPACITY = 256;
/** Columns that are filled to less than one part in so many are cut. */
const SPARE_CAPACITY = 8;
/** Smaller ones cost more for being there than for what is in them. */
export const TINY_SEGMENT_BYTES = SEGMENT_BYTES / 8;

export interface SegmentFacts {
  /** Number of the group; greater than that of every segment added before. */
  readonly number: number;
  readonly firstSequence: Sequence;
  readonly nextSequence: Sequence;
  readonly bytes: number;
  readonly live: number;
  /** Bytes of what is referred to, at least. */
  readonly liveBytes: number;
}

/** A segment as compaction sees it: written over for each it looks at, for there may be a million. */
export interface SegmentLook {
  number: number;
  firstSequence: Sequence;
  nextSequence: Sequence;
  /** 0: it was dropped. */
  bytes: number;
  live: number;
  liveBytes: number;
  /** What `liveBytes` was when it was known for certain; all bytes until then. */
  examinedBytes: number;
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
  #liveBytes = new Uint32Array(FIRST_CAPACITY);
  /** Live bytes when they were last known for certain; all bytes until then. */
  #examined = new Uint32Array(FIRST_CAPACITY);
  /** 0: the segment was dropped. */
  #bytes = new Uint32Array(FIRST_CAPACITY);
  #length = 0;
  #dropped = 0;
  /** Segments below this number are in the tables: without live references they are dead. */
  #replayFrom = 0;
  #dead = 0;
  #recent = 0;
  #sum = 0;
  #liveSum = 0;
  #tiny = 0;

  /** Of all segments. */
  get bytes(): number {
    return this.#sum;
  }

  /** Of what is referred to, at least. */
  get liveBytes(): number {
    return this.#liveSum;
  }

  /** Segments of fewer bytes than `TINY_SEGMENT_BYTES`. */
  get tinyCount(): number {
    return this.#tiny;
  }

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

  add({ number, firstSequence, nextSequence, bytes, live, liveBytes }: SegmentFacts): void {
    if (this.#length === this.#numbers.length) this.#resize(2 * this.#length);
    const index = this.#length;
    this.#numbers[index] = number;
    this.#firsts[index] = firstSequence;
    this.#nexts[index] = nextSequence;
    this.#live[index] = live;
    this.#put(index, bytes, liveBytes);
    this.#length += 1;
  }

  /** Number of the segment that holds `sequence`. */
  find(sequence: Sequence): number | undefined {
    const index = this.#indexOf(sequence);
    return index < 0 ? undefined : this.#numbers[index];
  }

  /** Numbers of the segments something refers to, in order, from those above `after` on. */
  *liveNumbers(after = 0): Generator<number> {
    for (let index = this.#countUpTo(this.#numbers, after); index < this.#length; index += 1)
      if (at(this.#live, index) > 0 && at(this.#bytes, index) > 0) yield at(this.#numbers, index);
  }

  /** Numbers of the segments next to a sequence that none holds: below and above. */
  around(sequence: Sequence): { readonly below: number | undefined; readonly above: number | undefined } {
    const index = this.#countUpTo(this.#firsts, sequence);
    return { below: index === 0 ? undefined : at(this.#numbers, index - 1), above: index === this.#length ? undefined : at(this.#numbers, index) };
  }

  /** @returns where it is, for `liveAtLeast`; −1: in no segment. */
  addReference(sequence: Sequence): number {
    const index = this.#indexOf(sequence);
    if (index >= 0) this.#live[index] = at(this.#live, index) + 1;
    return index;
  }

  /** The segment at `index` holds at least so many bytes of messages that are referred to. */
  liveAtLeast(index: number, bytes: number): void {
    if (index >= 0 && bytes > at(this.#liveBytes, index)) this.#setLiveBytes(index, Math.min(bytes, at(this.#bytes, index)));
  }

  /** @param bytes - of its message in the segment. */
  dropReference(sequence: Sequence, bytes: number): void {
    const index = this.#indexOf(sequence);
    if (index < 0) return;
    const live = at(this.#live, index) - 1;
    this.#live[index] = live;
    this.#setLiveBytes(index, live === 0 ? 0 : Math.max(0, at(this.#liveBytes, index) - bytes));
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

  /** Index of the first segment whose number is not below `number`; dropped ones count. */
  indexFrom(number: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (at(this.#numbers, middle) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Shows the segment at `index`; false behind the last that is in the tables. */
  look(index: number, into: SegmentLook): boolean {
    if (index >= this.#length || at(this.#numbers, index) >= this.#replayFrom) return false;
    into.number = at(this.#numbers, index);
    into.firstSequence = at(this.#firsts, index);
    into.nextSequence = at(this.#nexts, index);
    into.bytes = at(this.#bytes, index);
    into.live = at(this.#live, index);
    into.liveBytes = at(this.#liveBytes, index);
    into.examinedBytes = at(this.#examined, index);
    return true;
  }

  /** The segment was read: so many bytes of it are referred to. */
  examined(number: number, liveBytes: number): void {
    const index = this.indexFrom(number);
    this.#setLiveBytes(index, liveBytes);
    this.#examined[index] = liveBytes;
  }

  /** One segment of `bytes` bytes, all of them live, stands for the segments `from` to `to` and has the number of the last. */
  replace({ from, to }: SegmentRange, bytes: number): void {
    const start = this.indexFrom(from);
    const last = this.indexFrom(to);
    const first = at(this.#firsts, start);
    let live = 0;
    for (let index = start; index <= last; index += 1) {
      this.#firsts[index] = first; // in order, as the search wants them
      if (at(this.#bytes, index) === 0) continue;
      live += at(this.#live, index);
      if (this.#isDead(index)) this.#dead -= 1;
      this.#remove(index);
    }
    this.#recent = 0;
    this.#live[last] = live;
    this.#dropped -= 1;
    this.#put(last, bytes, bytes);
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
    this.closeGaps();
    return ranges;
  }

  #isDead(index: number): boolean {
    return at(this.#bytes, index) > 0 && at(this.#live, index) === 0 && at(this.#numbers, index) < this.#replayFrom;
  }

  #drop(index: number): void {
    this.#remove(index);
    this.#dead -= 1;
  }

  #remove(index: number): void {
    this.#setLiveBytes(index, 0);
    this.#count(at(this.#bytes, index), -1);
    this.#bytes[index] = 0;
    this.#live[index] = 0;
    this.#dropped += 1;
  }

  #put(index: number, bytes: number, liveBytes: number): void {
    this.#bytes[index] = bytes;
    this.#liveBytes[index] = liveBytes;
    this.#examined[index] = bytes;
    this.#liveSum += liveBytes;
    this.#count(bytes, 1);
  }

  #count(bytes: number, by: 1 | -1): void {
    this.#sum += by * bytes;
    if (bytes < TINY_SEGMENT_BYTES) this.#tiny += by;
  }

  #setLiveBytes(index: number, bytes: number): void {
    this.#liveSum += bytes - at(this.#liveBytes, index);
    this.#liveBytes[index] = bytes;
  }

  /** Index of the segment that holds `sequence`; −1: none. */
  #indexOf(sequence: Sequence): number {
    if (this.#holds(this.#recent, sequence)) return this.#recent;
    const index = this.#countUpTo(this.#firsts, sequence) - 1;
    if (index < 0 || !this.#holds(index, sequence)) return -1;
    this.#recent = index;
    return index;
  }

  /** How many entries of a column, which is in order, are not greater than `value`. */
  #countUpTo(column: Float64Array, value: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (at(column, middle) <= value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #holds(index: number, sequence: Sequence): boolean {
    return index < this.#length && at(this.#firsts, index) <= sequence && sequence < at(this.#nexts, index) && at(this.#bytes, index) > 0;
  }

  #resize(capacity: number): void {
    this.#numbers = resized(this.#numbers, new Float64Array(capacity));
    this.#firsts = resized(this.#firsts, new Float64Array(capacity));
    this.#nexts = resized(this.#nexts, new Float64Array(capacity));
    this.#live = resized(this.#live, new Uint32Array(capacity));
    this.#liveBytes = resized(this.#liveBytes, new Uint32Array(capacity));
    this.#examined = resized(this.#examined, new Uint32Array(capacity));
    this.#bytes = resized(this.#bytes, new Uint32Array(capacity));
  }

  /** Once most of the columns are segments that were dropped. Where segments are in them changes. */
  closeGaps(): void {
    if (this.#dropped <= this.#length / 2) return;
    let kept = 0;
    for (let index = 0; index < this.#length; index += 1) {
      if (at(this.#bytes, index) === 0) continue;
      this.#numbers[kept] = at(this.#numbers, index);
      this.#firsts[kept] = at(this.#firsts, index);
      this.#nexts[kept] = at(this.#nexts, index);
      this.#live[kept] = at(this.#live, index);
      this.#liveBytes[kept] = at(this.#liveBytes, index);
      this.#examined[kept] = at(this.#examined, index);
      this.#bytes[kept] = at(this.#bytes, index);
      kept += 1;
    }
    this.#length = kept;
    this.#dropped = 0;
    this.#recent = 0;
    if (SPARE_CAPACITY * kept < this.#numbers.length) this.#resize(Math.max(FIRST_CAPACITY, 2 * kept));
  }
}

function at(column: Float64Array | Uint32Array, index: number): number {
  return column[index] as number;
}

function resized<Column extends Float64Array | Uint32Array>(column: Column, other: Column): Column {
  other.set(column.subarray(0, other.length));
  return other;
}
