// Frames as a client sends them: each under a key of its own that nobody could guess (RFC 6455 §5.3).
import { randomFillSync } from 'node:crypto';
import type { OutBuffer } from '../wire/out-buffer.ts';
import { FRAME_HEADER_BYTES_MAX, MASKED, putBinaryHeader } from './websocket-frames.ts';
import type { FrameMaker } from './websocket-framing.ts';

const KEY_BYTES = 4;
/** Room before the payload of a frame of any length. */
const MASKED_HEADER_BYTES_MAX = FRAME_HEADER_BYTES_MAX + KEY_BYTES;
/** Random bytes of one connection, asked for by so many. */
const POOL_BYTES = 256;

/** Masks what stands behind the key at `keyAt`, up to `end`. */
function mask(bytes: Buffer, keyAt: number, end: number): void {
  const from = keyAt + KEY_BYTES;
  for (let at = from; at < end; at += 1) bytes[at] = (bytes[at] ?? 0) ^ (bytes[keyAt + ((at - from) & 3)] ?? 0);
}

/** What one connection sends. */
export class ClientFrames implements FrameMaker {
  readonly sender = 'client';
  readonly headroom = MASKED_HEADER_BYTES_MAX;
  readonly #pool = Buffer.alloc(POOL_BYTES);
  #poolAt = POOL_BYTES;

  /** As `binaryFrame`, for a payload that begins at MASKED_HEADER_BYTES_MAX. */
  seal({ bytes, length }: OutBuffer): Buffer {
    const size = length - MASKED_HEADER_BYTES_MAX;
    const keyAt = MASKED_HEADER_BYTES_MAX - KEY_BYTES;
    this.#putKey(bytes, keyAt);
    mask(bytes, keyAt, length);
    return bytes.subarray(putBinaryHeader(bytes, keyAt, size, MASKED), length);
  }

  /** A control frame has two bytes before its payload. */
  control(frame: Buffer): Buffer {
    const masked = Buffer.concat([frame.subarray(0, 2), Buffer.alloc(KEY_BYTES), frame.subarray(2)]);
    masked[1] = MASKED | (frame[1] ?? 0);
    this.#putKey(masked, 2);
    mask(masked, 2, masked.length);
    return masked;
  }

  #putKey(bytes: Buffer, at: number): void {
    if (this.#poolAt === POOL_BYTES) {
      randomFillSync(this.#pool);
      this.#poolAt = 0;
    }
    this.#pool.copy(bytes, at, this.#poolAt, this.#poolAt + KEY_BYTES);
    this.#poolAt += KEY_BYTES;
  }
}
