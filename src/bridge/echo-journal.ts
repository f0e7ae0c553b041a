// Credits of the echo window on disk, in small pieces: the last one is written along with the groups that are written anyway, and a piece goes when it is old.
// A message leaves its queue in a group behind the one in which its credit was written, or in the same: one that is gone has its credit.
import type { GatewayState } from '../gateway/gateway.ts';
import { ECHO_PIECE_SECONDS } from '../model/limits.ts';

export interface EchoNote {
  /** Otherwise one was used. */
  readonly isCredit: boolean;
  /** 16 hexadecimal digits. */
  readonly digest: string;
}

const KEY_PREFIX = 'echo:';
const DIGEST_BYTES = 8;
const NOTE_BYTES = 1 + DIGEST_BYTES;
const NOTES_PER_PIECE = 32;

interface Piece {
  readonly number: number;
  readonly beganMs: number;
  endedMs: number;
  readonly bytes: Buffer;
  length: number;
}

export class EchoJournal {
  readonly #state: GatewayState;
  readonly #pieces: Piece[] = [];
  #nextNumber = 1;

  constructor(state: GatewayState) {
    this.#state = state;
  }

  /** What the boots before left, in order, once: how old it is nobody knows. */
  restored(nowMs: number): EchoNote[] {
    const stored = [...this.#state.entries()].filter(([key]) => key.startsWith(KEY_PREFIX));
    const pieces = stored.map(([key, bytes]): Piece => ({ number: Number(key.slice(KEY_PREFIX.length)), beganMs: nowMs, endedMs: nowMs, ...full(bytes) }));
    this.#pieces.push(...pieces.sort((a, b) => a.number - b.number));
    this.#nextNumber = (this.#pieces.at(-1)?.number ?? 0) + 1;
    return this.#pieces.flatMap(notesOf);
  }

  /** Along with the next group. */
  note({ isCredit, digest }: EchoNote, nowMs: number): void {
    const piece = this.#open(nowMs);
    piece.bytes[piece.length] = isCredit ? 1 : 0;
    piece.bytes.write(digest, piece.length + 1, 'hex');
    piece.length += NOTE_BYTES;
    piece.endedMs = nowMs;
    this.#state.putAlong(keyOf(piece), () => written(piece));
  }

  /** What was noted last is on disk when `whenDurable` says so. */
  write(): void {
    const piece = this.#pieces.at(-1);
    if (piece !== undefined) this.#state.put(keyOf(piece), written(piece));
  }

  /** Pieces that ended before. */
  expire(limitMs: number): void {
    for (;;) {
      const [oldest] = this.#pieces;
      if (oldest === undefined || oldest.endedMs > limitMs || this.#state.get(keyOf(oldest)) === undefined) return; // one that was never written goes later
      this.#state.delete(keyOf(oldest));
      this.#pieces.shift();
    }
  }

  clear(): void {
    for (const piece of this.#pieces) {
      piece.length = 0; // what is under way to the disk says nothing either
      this.#state.delete(keyOf(piece));
    }
    this.#pieces.splice(0, this.#pieces.length);
  }

  #open(nowMs: number): Piece {
    const last = this.#pieces.at(-1);
    if (last !== undefined && last.length < last.bytes.length && nowMs - last.beganMs < ECHO_PIECE_SECONDS * 1_000) return last;
    const piece = { number: this.#nextNumber, beganMs: nowMs, endedMs: nowMs, bytes: Buffer.alloc(NOTES_PER_PIECE * NOTE_BYTES), length: 0 };
    this.#nextNumber += 1;
    this.#pieces.push(piece);
    return piece;
  }
}

function keyOf({ number }: Piece): string {
  return KEY_PREFIX + number;
}

function written({ bytes, length }: Piece): Uint8Array {
  return bytes.subarray(0, length);
}

/** Nothing is added to it. */
function full(bytes: Uint8Array): Pick<Piece, 'bytes' | 'length'> {
  return { bytes: Buffer.from(bytes), length: bytes.length };
}

function notesOf({ bytes, length }: Piece): EchoNote[] {
  const notes: EchoNote[] = [];
  for (let at = 0; at + NOTE_BYTES <= length; at += NOTE_BYTES) {
    notes.push({ isCredit: bytes[at] === 1, digest: bytes.toString('hex', at + 1, at + NOTE_BYTES) });
  }
  return notes;
}
