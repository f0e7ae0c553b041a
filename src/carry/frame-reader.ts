// Reads frames out of a file that may be damaged anywhere: what does not check out is skipped up to the next head that does.
import { crc32 } from 'node:zlib';
import { GatewayError } from '../model/errors.ts';
import { type FrameHead, HEAD_BYTES, headAt, MAGIC, VERSION } from './frame.ts';

export interface FoundFrame {
  readonly kind: number;
  /** A view, valid until the next frame is asked for. */
  readonly body: Buffer;
  /** Where in the file it begins. */
  readonly offset: number;
}

/** Bytes that belong to no intact frame. */
export interface Damage {
  readonly offset: number;
  readonly bytes: number;
}

/**
 * In memory: one frame and one chunk.
 *
 * @throws GatewayError STORE_UNAVAILABLE - a later version wrote the file.
 */
export function* framesIn(chunks: Iterable<Buffer>): Generator<FoundFrame | Damage> {
  const source = chunks[Symbol.iterator]();
  try {
    yield* framesOf(new Window(source));
  } finally {
    source.return?.();
  }
}

function* framesOf(window: Window): Generator<FoundFrame | Damage> {
  let mark: string | undefined;
  let damagedFrom: number | undefined;
  while (window.has(1)) {
    const found = frameAtStart(window, mark);
    if (found === undefined) {
      damagedFrom ??= window.offset;
      window.skipToMagic();
      continue;
    }
    if (damagedFrom !== undefined) yield { offset: damagedFrom, bytes: window.offset - damagedFrom };
    damagedFrom = undefined;
    mark = found.head.mark;
    yield { kind: found.head.kind, body: found.body, offset: window.offset };
    window.skip(HEAD_BYTES + found.head.length);
  }
  if (damagedFrom !== undefined) yield { offset: damagedFrom, bytes: window.offset - damagedFrom };
}

/** @param mark - that of the frames so far; undefined: there were none. */
function frameAtStart(window: Window, mark: string | undefined): { readonly head: FrameHead; readonly body: Buffer } | undefined {
  if (!window.has(HEAD_BYTES)) return undefined;
  const head = headAt(window.bytes, 0);
  if (head === undefined || (mark !== undefined && head.mark !== mark)) return undefined;
  if (head.version !== VERSION)
    throw new GatewayError('STORE_UNAVAILABLE', `it is of version ${head.version}, this Postern reads version ${VERSION}: import it with a newer one`);
  if (!window.has(HEAD_BYTES + head.length)) return undefined;
  const body = window.bytes.subarray(HEAD_BYTES, HEAD_BYTES + head.length);
  return crc32(body) === head.bodyCrc ? { head, body } : undefined;
}

/** The part of a file that is looked at, from `offset` on. */
class Window {
  bytes: Buffer = Buffer.alloc(0);
  offset = 0;
  readonly #chunks: Iterator<Buffer>;

  constructor(chunks: Iterator<Buffer>) {
    this.#chunks = chunks;
  }

  /** Whether there are so many more bytes. */
  has(count: number): boolean {
    while (this.bytes.length < count) {
      const next = this.#chunks.next();
      if (next.done === true) return false;
      this.bytes = Buffer.concat([this.bytes, next.value]);
    }
    return true;
  }

  skip(count: number): void {
    this.bytes = this.bytes.subarray(count);
    this.offset += count;
  }

  /** Past the first byte, to where a head may begin: what is left at the end is too short for one. */
  skipToMagic(): void {
    const at = this.bytes.indexOf(MAGIC, 1);
    if (at !== -1) this.skip(at);
    else this.skip(Math.max(1, this.bytes.length - MAGIC.length + 1));
  }
}
