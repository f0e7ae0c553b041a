// SQLite's log as bytes, read before SQLite reads it: at the first frame whose checksum is wrong SQLite ends its reading without a word, and whatever
// was committed behind it is gone. The checksum of a frame is seeded by that of the frame before, so frames behind a bad one still prove themselves, and
// that they belong to it; what an earlier use of the file left behind does not (https://www.sqlite.org/fileformat2.html#walformat).
import { readFileSync } from 'node:fs';
import { PAGE_BYTES } from './page-format.ts';

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES;
/** Checksums over words as little-endian machines write them. */
const MAGIC = 0x377f_0682;
const VERSION = 3_007_000;
const WORD_BYTES = 4;
/** Of the shared-memory index: two copies of its header, of which we read frame count and salts. */
const INDEX_HEADER_BYTES = 48;

interface Pair {
  readonly a: number;
  readonly b: number;
}

export interface WalFrame {
  /** Place in the file, from 0. */
  readonly index: number;
  readonly page: number;
  /** Pages of the database after this commit; 0: not the end of one. */
  readonly pagesAfterCommit: number;
  /** A view. */
  readonly bytes: Buffer;
}

export interface WalReading {
  /** Frames that prove themselves, in the order they were written. */
  readonly frames: readonly WalFrame[];
  /** Frames below this index are what SQLite would take. */
  readonly takenBySqlite: number;
  /** With those among them that do not, as of page 0 where they name none that can be theirs: what they hold may prove itself. */
  readonly allFrames: readonly WalFrame[];
  /** Frames are in the file that SQLite would not take, and that were written in this use of it: of a commit that was not finished, or behind a bad one. */
  readonly hasUnreachable: boolean;
  /** Some of them are behind a bad one. */
  readonly isBroken: boolean;
  /** So are frames of a later commit than the one that was hit: that one was complete, and what it said acknowledged. */
  readonly isDamageProven: boolean;
  /** The last frames do not prove themselves, though they name this use of the file. */
  readonly isEndUnclear: boolean;
  /** So many more frames the index beside the log knew of. */
  readonly framesMissing: number;
  /** The index counts frames, of this log or of one that should be here, that SQLite would not take from the file. */
  readonly isBehindIndex: boolean;
}

interface Slot {
  readonly frame: WalFrame | undefined;
  readonly isOfThisUse: boolean;
  /** SQLite would take it, if it takes all before. */
  readonly isPlain: boolean;
  /** What it says it is, proven or not. */
  readonly suspect: WalFrame;
}

/** @param path - of the log; a missing one has no frames. @param indexPath - of its index in shared memory. */
export function readWal(path: string, indexPath: string): WalReading {
  const bytes = bytesOfFile(path);
  const slots = new WalScan(bytes).slots();
  const frames = slots.flatMap(({ frame }) => frame ?? []);
  const firstOdd = slots.findIndex(({ isPlain }) => !isPlain);
  const reached = firstOdd < 0 ? slots.length : firstOdd;
  const lastCommit = frames.findLast(({ index, pagesAfterCommit }) => index < reached && pagesAfterCommit > 0);
  const beyond = frames.filter(({ index }) => index >= reached);
  const firstCommitBeyond = beyond.findIndex(({ pagesAfterCommit }) => pagesAfterCommit > 0);
  const last = slots.at(-1);
  const takenBySqlite = lastCommit === undefined ? 0 : lastCommit.index + 1;
  const known = readIndex(indexPath, bytes);
  return {
    frames,
    takenBySqlite,
    allFrames: slots.map(
      ({ frame, suspect, isOfThisUse }, index) => frame ?? (isOfThisUse && isInOrder(slots, index) ? suspect : { ...suspect, page: 0, pagesAfterCommit: 0 }),
    ),
    hasUnreachable: slots.length > takenBySqlite,
    isBroken: beyond.length > 0,
    isDamageProven: firstCommitBeyond >= 0 && firstCommitBeyond < beyond.length - 1,
    isEndUnclear: last !== undefined && last.frame === undefined,
    framesMissing: known.isOfThisLog ? Math.max(0, known.frames - slots.length) : 0,
    isBehindIndex: known.frames > (known.isOfThisLog ? takenBySqlite : 0),
  };
}

/** What the next frame's checksum may begin from: what the frame before says, and what its bytes give. */
interface Seeds {
  readonly stored: Pair;
  readonly computed: Pair;
}

interface ReadSlot {
  readonly slot: Slot;
  readonly following: Seeds;
  /** The frame before was hit in its checksum, not in its page. */
  readonly isBeforeProven: boolean;
}

class WalScan {
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  readonly #isHeaderWhole: boolean;
  readonly #salts: Pair;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / WORD_BYTES));
    const isSigned = bytes.length >= HEADER_BYTES && isSame(this.#sum({ a: 0, b: 0 }, 0, 24), this.#pairAt(24));
    this.#isHeaderWhole = isSigned && bytes.readUInt32BE(0) === MAGIC && bytes.readUInt32BE(4) === VERSION && bytes.readUInt32BE(8) === PAGE_BYTES;
    this.#salts = this.#isHeaderWhole || this.#count === 0 ? this.#pairOr(16) : this.#saltsOfFrames();
  }

  /** Up to the last frame of this use of the file that proves itself, or says at least that it is of this use. */
  slots(): Slot[] {
    const slots: Slot[] = [];
    let seeds = this.#seedsOfFirst();
    for (let index = 0; index < this.#count; index += 1) {
      const { slot, following, isBeforeProven } = this.#slot(index, seeds, slots.at(-1));
      const before = slots.at(-1);
      if (isBeforeProven && before !== undefined) slots[index - 1] = { ...before, frame: this.#frame(index - 1) };
      slots.push(slot);
      seeds = following;
    }
    return slots.slice(0, slots.findLastIndex(({ frame, isOfThisUse }) => frame !== undefined || isOfThisUse) + 1);
  }

  #slot(index: number, { stored, computed }: Seeds, before: Slot | undefined): ReadSlot {
    const at = HEADER_BYTES + index * FRAME_BYTES;
    const said = this.#pairAt(at + 16);
    const sum = this.#frameSum(stored, at);
    const other = isSame(stored, computed) ? sum : this.#frameSum(computed, at);
    const isOfThisUse = isSame(this.#pairAt(at + 8), this.#salts);
    const isLinked = isSame(sum, said) || isSame(other, said);
    const isAccepted = isLinked && (isOfThisUse || before?.frame !== undefined);
    const isPlain = isAccepted && isOfThisUse && isSame(sum, said) && this.#isHeaderWhole;
    return {
      slot: { frame: isAccepted ? this.#frame(index) : undefined, isOfThisUse, isPlain, suspect: this.#frame(index) },
      following: { stored: said, computed: isSame(other, said) ? other : sum },
      isBeforeProven: isAccepted && !isSame(sum, said),
    };
  }

  #seedsOfFirst(): Seeds {
    const stored = this.#pairOr(24);
    return { stored, computed: this.#bytes.length >= HEADER_BYTES ? this.#sum({ a: 0, b: 0 }, 0, 24) : stored };
  }

  get #count(): number {
    return Math.max(0, Math.floor((this.#bytes.length - HEADER_BYTES) / FRAME_BYTES));
  }

  #frame(index: number): WalFrame {
    const at = HEADER_BYTES + index * FRAME_BYTES;
    const { a: page, b: pagesAfterCommit } = this.#pairAt(at);
    return { index, page, pagesAfterCommit, bytes: this.#bytes.subarray(at + FRAME_HEADER_BYTES, at + FRAME_BYTES) };
  }

  /** Without a header: what two frames in a row agree in, but for zeros. */
  #saltsOfFrames(): Pair {
    for (let index = 1; index < this.#count; index += 1) {
      const salts = this.#pairAt(HEADER_BYTES + index * FRAME_BYTES + 8);
      if (salts.a + salts.b > 0 && isSame(salts, this.#pairAt(HEADER_BYTES + (index - 1) * FRAME_BYTES + 8))) return salts;
    }
    return this.#pairAt(HEADER_BYTES + 8);
  }

  #frameSum(seed: Pair, at: number): Pair {
    return this.#sum(this.#sum(seed, at, at + 8), at + FRAME_HEADER_BYTES, at + FRAME_BYTES);
  }

  #sum(seed: Pair, start: number, end: number): Pair {
    let { a, b } = seed;
    for (let at = start / WORD_BYTES; at < end / WORD_BYTES; at += 2) {
      a = (a + (this.#words[at] as number) + b) >>> 0;
      b = (b + (this.#words[at + 1] as number) + a) >>> 0;
    }
    return { a, b };
  }

  #pairAt(at: number): Pair {
    return { a: this.#bytes.readUInt32BE(at), b: this.#bytes.readUInt32BE(at + 4) };
  }

  #pairOr(at: number): Pair {
    return this.#bytes.length >= HEADER_BYTES ? this.#pairAt(at) : { a: 0, b: 0 };
  }
}

/** Within a commit pages are written in ascending order: a number that breaks it was hit itself. */
function isInOrder(slots: readonly Slot[], index: number): boolean {
  const before = slots[index - 1]?.frame;
  const after = slots[index + 1]?.frame;
  const { page = 0, pagesAfterCommit = 0 } = slots[index]?.suspect ?? {};
  const isAboveBefore = before === undefined || before.pagesAfterCommit > 0 || before.page < page;
  return page > 0 && isAboveBefore && (after === undefined || pagesAfterCommit > 0 || page < after.page);
}

interface WalIndex {
  readonly frames: number;
  readonly isOfThisLog: boolean;
}

/** What SQLite's index of the log in shared memory says; it outlives a process, not the machine. */
function readIndex(path: string, wal: Buffer): WalIndex {
  const index = bytesOfFile(path);
  const first = index.subarray(0, INDEX_HEADER_BYTES);
  const isWhole = index.length >= 2 * INDEX_HEADER_BYTES && first.equals(index.subarray(INDEX_HEADER_BYTES, 2 * INDEX_HEADER_BYTES));
  if (!isWhole) return { frames: 0, isOfThisLog: false };
  return { frames: first.readUInt32LE(16), isOfThisLog: wal.length >= HEADER_BYTES && first.subarray(32, 40).equals(wal.subarray(16, 24)) };
}

/** Whole frames, with words at multiples of four. Nothing when it cannot be read: that is the caller's next discovery. */
function bytesOfFile(path: string): Buffer {
  try {
    const bytes = readFileSync(path);
    const isAligned = bytes.byteOffset % WORD_BYTES === 0 && (bytes.length - HEADER_BYTES) % FRAME_BYTES === 0;
    return isAligned ? bytes : Buffer.concat([bytes], Math.ceil((bytes.length - HEADER_BYTES) / FRAME_BYTES) * FRAME_BYTES + HEADER_BYTES); // a frame that is cut off ends with zeros
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) return Buffer.alloc(0);
    throw error;
  }
}

function isSame(x: Pair, y: Pair): boolean {
  return x.a === y.a && x.b === y.b;
}
