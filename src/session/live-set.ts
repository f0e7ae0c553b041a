// A queue is a set of live sequence numbers, not a cursor: what was acknowledged out of order, refused, expired or evicted is a hole, and holes cost
// nothing. The set is a sorted list of chunks; each covers the sequences from its base up to the base of the next.
import { LiveChunk } from './live-chunk.ts';
import type { LiveEntries, Sequence } from './session-store.ts';

export class LiveSet implements LiveEntries {
  #chunks: LiveChunk[] = [];
  #count = 0;
  #bytes = 0;
  /** Rows to write, by key; undefined: to delete. */
  #dirty = new Map<Sequence, LiveChunk | undefined>();
  /** The last chunk that ran empty: a queue that holds one message at a time makes no garbage. */
  #spare: LiveChunk | undefined;

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get last(): Sequence | undefined {
    return this.#chunks.at(-1)?.last;
  }

  has(sequence: Sequence): boolean {
    const index = this.#indexOf(sequence);
    return index >= 0 && (this.#chunks[index] as LiveChunk).has(sequence);
  }

  next(sequence: Sequence): Sequence | undefined {
    const index = this.#indexOf(sequence);
    if (index >= 0) {
      const found = (this.#chunks[index] as LiveChunk).next(sequence);
      if (found !== undefined) return found;
    }
    const after = this.#chunks[index + 1];
    return after?.next(after.base - 1);
  }

  previous(sequence: Sequence): Sequence | undefined {
    const index = this.#indexOf(sequence);
    if (index < 0) return undefined;
    const chunk = this.#chunks[index] as LiveChunk;
    return chunk.previous(sequence) ?? this.#chunks[index - 1]?.last;
  }

  visit(see: (sequence: Sequence, size: number) => void): void {
    for (const chunk of this.#chunks) chunk.visit(see);
  }

  /** False when the entry is there already. Cheap behind the last entry; anywhere else only replay adds. */
  add(sequence: Sequence, size: number): boolean {
    const tail = this.#chunks.at(-1);
    if (tail === undefined || sequence > tail.last) this.#append(tail, sequence, size);
    else if (!this.#insert(sequence, size)) return false;
    this.#count += 1;
    this.#bytes += size;
    return true;
  }

  /** False when there was no such entry. */
  remove(sequence: Sequence): boolean {
    const index = this.#indexOf(sequence);
    if (index < 0) return false;
    const chunk = this.#chunks[index] as LiveChunk;
    const size = chunk.remove(sequence);
    if (size === undefined) return false;
    this.#count -= 1;
    this.#bytes -= size;
    if (chunk.count > 0) this.#touch(chunk);
    else this.#drop(index, chunk);
    return true;
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  /**
   * Rows that changed since they were last taken, at most `rowsMax`: key and bytes, or undefined for a row to delete. What is taken counts as
   * stored. Entries `isLeftOut` names are in none of them.
   */
  takeDirty(rowsMax: number, row: (key: Sequence, live: Uint8Array | undefined) => void, isLeftOut?: (sequence: Sequence) => boolean): number {
    let taken = 0;
    for (const [key, chunk] of this.#dirty) {
      if (taken === rowsMax) break;
      taken += 1;
      this.#dirty.delete(key);
      if (chunk !== undefined) {
        chunk.isDirty = false;
        chunk.isStored = true;
      }
      row(key, chunk?.serialise(isLeftOut));
    }
    return taken;
  }

  /**
   * Every row there should be, for a file that has none. They count as stored, and differ as before from what is written next. Entries `isLeftOut` names are in
   * none of them.
   */
  storeRows(row: (key: Sequence, live: Uint8Array) => void, isLeftOut?: (sequence: Sequence) => boolean): void {
    for (const chunk of this.#chunks) {
      chunk.isStored = true;
      row(chunk.base, chunk.serialise(isLeftOut));
    }
  }

  /** One stored row, in order of keys. Rows of an interrupted checkpoint may overlap; replay settles what is in one too many. */
  restore(key: Sequence, live: Uint8Array): void {
    const chunk = LiveChunk.restore(key, live);
    if (chunk.count === 0) {
      this.#dirty.set(key, undefined);
    } else if (key > (this.last ?? -1)) {
      this.#chunks.push(chunk);
      chunk.visit((_sequence, size) => {
        this.#count += 1;
        this.#bytes += size;
      });
    } else {
      this.#dirty.set(key, undefined);
      chunk.visit((sequence, size) => this.add(sequence, size));
    }
  }

  #append(tail: LiveChunk | undefined, sequence: Sequence, size: number): void {
    if (tail?.append(sequence, size) === true) {
      this.#touch(tail);
      return;
    }
    const chunk = this.#place(this.#chunks.length, sequence);
    chunk.append(sequence, size);
    this.#touch(chunk);
  }

  #insert(sequence: Sequence, size: number): boolean {
    const index = this.#indexOf(sequence);
    const chunk = index < 0 ? this.#place(0, sequence) : (this.#chunks[index] as LiveChunk);
    const isAdded = chunk.insert(sequence, size);
    if (isAdded === false) return false;
    this.#touch(chunk);
    if (isAdded === true) return true;
    if (sequence > chunk.last) {
      const next = this.#place(index + 1, sequence);
      next.append(sequence, size);
      this.#touch(next);
      return true;
    }
    const upper = chunk.split();
    this.#chunks.splice(index + 1, 0, upper);
    this.#touch(upper);
    return this.#insert(sequence, size);
  }

  #place(index: number, base: Sequence): LiveChunk {
    const chunk = this.#spare ?? new LiveChunk(base);
    this.#spare = undefined;
    chunk.restart(base);
    chunk.isStored = this.#dirty.has(base); // its row waits to be deleted; now it will be replaced
    this.#chunks.splice(index, 0, chunk);
    return chunk;
  }

  #touch(chunk: LiveChunk): void {
    if (chunk.isDirty) return;
    chunk.isDirty = true;
    this.#dirty.set(chunk.base, chunk);
  }

  #drop(index: number, chunk: LiveChunk): void {
    if (index === 0) this.#chunks.shift();
    else this.#chunks.splice(index, 1);
    if (chunk.isStored) this.#dirty.set(chunk.base, undefined);
    else this.#dirty.delete(chunk.base);
    this.#spare = chunk;
  }

  /** The chunk that covers `sequence`: the last whose base is not greater; −1 when all are. */
  #indexOf(sequence: Sequence): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#chunks[middle] as LiveChunk).base <= sequence) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
