// A stretch of one queue: live sequence numbers with their sizes, sorted, in one typed array. One chunk is one row of the store, so it stays small
// enough to be rewritten for a single settled entry, and large enough that a million entries are a few thousand rows.
import { putVarint, varintBytes } from '../wire/varint.ts';
import type { Sequence } from './session-store.ts';

/** Serialised length of a full chunk, bytes: one row fits a 1 KiB page with its key. */
export const CHUNK_BYTES_MAX = 700;
const CHUNK_ENTRIES_MAX = 256;
const FIRST_CAPACITY = 8;
const SPAN_MAX = 0xffff_ffff;
/** Two varints of 32 bits. */
const ENTRY_BYTES_MAX = 10;

export class LiveChunk {
  /** Changed since it was last written to its row. */
  isDirty = false;
  /** Has a row. */
  isStored = false;
  #base: Sequence;
  /** Pairs of (sequence − base, size), in order of sequence, from `#start` to `#end` entries. */
  #cells = new Uint32Array(2 * FIRST_CAPACITY);
  #start = 0;
  #end = 0;
  /** Upper bound of the serialised length. A removal leaves it: joining two deltas never needs more bytes than both had. */
  #bytesBound = 0;

  constructor(base: Sequence) {
    this.#base = base;
  }

  /** No entry is smaller; the key of the row. */
  get base(): Sequence {
    return this.#base;
  }

  get count(): number {
    return this.#end - this.#start;
  }

  /** Of a chunk that is not empty. */
  get last(): Sequence {
    return this.#base + this.#cell(2 * (this.#end - 1));
  }

  /** Makes an empty chunk stand for another stretch. */
  restart(base: Sequence): void {
    this.#base = base;
    this.#start = 0;
    this.#end = 0;
    this.#bytesBound = 0;
    this.isDirty = false;
    this.isStored = false;
  }

  /** Adds behind every entry there is; false when the chunk is full. */
  append(sequence: Sequence, size: number): boolean {
    const delta = sequence - this.#base;
    const gap = this.#end === this.#start ? delta : delta - this.#cell(2 * (this.#end - 1));
    const bytes = varintBytes(gap) + varintBytes(size);
    if (delta > SPAN_MAX || this.count === CHUNK_ENTRIES_MAX || this.#bytesBound + bytes > CHUNK_BYTES_MAX) return false;
    this.#makeRoom();
    this.#cells[2 * this.#end] = delta;
    this.#cells[2 * this.#end + 1] = size;
    this.#end += 1;
    this.#bytesBound += bytes;
    return true;
  }

  /** Adds anywhere; undefined when the chunk is full, false when the entry is there already. */
  insert(sequence: Sequence, size: number): boolean | undefined {
    const delta = sequence - this.#base;
    const index = this.#lowerBound(delta);
    if (index < this.#end && this.#cell(2 * index) === delta) return false;
    if (delta > SPAN_MAX || this.count === CHUNK_ENTRIES_MAX || this.#bytesBound + ENTRY_BYTES_MAX > CHUNK_BYTES_MAX) return undefined;
    const rank = index - this.#start;
    this.#makeRoom();
    const at = this.#start + rank;
    this.#cells.copyWithin(2 * (at + 1), 2 * at, 2 * this.#end);
    this.#cells[2 * at] = delta;
    this.#cells[2 * at + 1] = size;
    this.#end += 1;
    this.#bytesBound += ENTRY_BYTES_MAX;
    return true;
  }

  /** The size of the entry that left; undefined when there was none. */
  remove(sequence: Sequence): number | undefined {
    const delta = sequence - this.#base;
    const index = this.#lowerBound(delta);
    if (index === this.#end || this.#cell(2 * index) !== delta) return undefined;
    const size = this.#cell(2 * index + 1);
    if (index === this.#start) {
      this.#start += 1;
    } else {
      this.#cells.copyWithin(2 * index, 2 * (index + 1), 2 * this.#end);
      this.#end -= 1;
    }
    return size;
  }

  has(sequence: Sequence): boolean {
    const delta = sequence - this.#base;
    const index = this.#lowerBound(delta);
    return index < this.#end && this.#cell(2 * index) === delta;
  }

  /** Smallest entry greater than `sequence`. */
  next(sequence: Sequence): Sequence | undefined {
    const index = this.#lowerBound(sequence + 1 - this.#base);
    return index < this.#end ? this.#base + this.#cell(2 * index) : undefined;
  }

  /** Greatest entry smaller than `sequence`. */
  previous(sequence: Sequence): Sequence | undefined {
    const index = this.#lowerBound(sequence - this.#base);
    return index > this.#start ? this.#base + this.#cell(2 * (index - 1)) : undefined;
  }

  visit(see: (sequence: Sequence, size: number) => void): void {
    for (let index = this.#start; index < this.#end; index += 1) see(this.#base + this.#cell(2 * index), this.#cell(2 * index + 1));
  }

  /** Moves the upper half into a new chunk; of a chunk that `insert` found full. */
  split(): LiveChunk {
    const middle = this.#start + (this.count >>> 1);
    const upper = new LiveChunk(this.#base + this.#cell(2 * middle));
    for (let index = middle; index < this.#end; index += 1) upper.append(this.#base + this.#cell(2 * index), this.#cell(2 * index + 1));
    this.#end = middle;
    this.#bytesBound = this.#serialisedBytes();
    return upper;
  }

  /**
   * At most CHUNK_BYTES_MAX bytes: per entry the varint of its distance from the one before (the first: from `base`) and of its size.
   *
   * @param isLeftOut - entries no row may know.
   */
  serialise(isLeftOut?: (sequence: Sequence) => boolean): Uint8Array {
    const bytes = new Uint8Array(this.#serialisedBytes());
    let at = 0;
    let before = 0;
    for (let index = this.#start; index < this.#end; index += 1) {
      const delta = this.#cell(2 * index);
      if (isLeftOut?.(this.#base + delta) === true) continue;
      at = putVarint(bytes, at, delta - before);
      at = putVarint(bytes, at, this.#cell(2 * index + 1));
      before = delta;
    }
    return isLeftOut === undefined ? bytes : bytes.slice(0, at);
  }

  /** A chunk from its row. Of bytes that are cut off, what can be read is taken. */
  static restore(base: Sequence, bytes: Uint8Array): LiveChunk {
    const chunk = new LiveChunk(base);
    let sequence = base;
    let value = 0;
    let factor = 1;
    let isSize = false;
    for (const byte of bytes) {
      value += (byte & 0x7f) * factor;
      factor *= 0x80;
      if (byte >= 0x80) continue;
      if (!isSize) sequence += value;
      else if (!chunk.append(sequence, value)) break;
      isSize = !isSize;
      value = 0;
      factor = 1;
    }
    chunk.isStored = true;
    return chunk;
  }

  #serialisedBytes(): number {
    let bytes = 0;
    let before = 0;
    for (let index = this.#start; index < this.#end; index += 1) {
      const delta = this.#cell(2 * index);
      bytes += varintBytes(delta - before) + varintBytes(this.#cell(2 * index + 1));
      before = delta;
    }
    return bytes;
  }

  /** Index of the first entry at or above `delta`. */
  #lowerBound(delta: number): number {
    let low = this.#start;
    if (low < this.#end && this.#cell(2 * low) >= delta) return low; // settled in order, it is the first
    let high = this.#end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#cell(2 * middle) < delta) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #cell(index: number): number {
    return this.#cells[index] as number;
  }

  /** Room for one more behind `#end`. */
  #makeRoom(): void {
    if (2 * this.#end < this.#cells.length) return;
    const live = this.#cells.subarray(2 * this.#start, 2 * this.#end);
    const cells = this.#start >= this.#end - this.#start ? this.#cells : new Uint32Array(this.#cells.length * 2);
    cells.set(live);
    this.#cells = cells;
    this.#end -= this.#start;
    this.#start = 0;
  }
}
