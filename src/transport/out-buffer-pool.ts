import { OUT_BUFFERS_KEPT_BYTES } from '../model/limits.ts';
import { OutBuffer } from '../wire/out-buffer.ts';

/** What one quiet link needs in a turn: a few acknowledgements, one reading. */
export const SMALL_BUFFER_BYTES = 4 * 1024;
/** What one write carries at most, as much as a read yields. */
export const LARGE_BUFFER_BYTES = 64 * 1024;
/** A third of what is kept: a fan-out of small messages to this many links (1,024) allocates nothing. */
const SMALL_BUFFERS_KEPT = OUT_BUFFERS_KEPT_BYTES / 3 / SMALL_BUFFER_BYTES;
/** The rest, touched only as far as it is used: a fan-out that fills the large buffers of this many links (128) allocates nothing. */
const LARGE_BUFFERS_KEPT = (OUT_BUFFERS_KEPT_BYTES * 2) / 3 / LARGE_BUFFER_BYTES;

/** Output buffers of all links. Bounded in what it keeps, not in what it hands out: each link's share is bounded by LINK_OUT_HIGH_BYTES. */
export class OutBufferPool {
  readonly #small: OutBuffer[] = [];
  readonly #large: OutBuffer[] = [];

  /** An empty buffer with room for `size` bytes; the smallest of the two kinds that holds them, or one of its own beyond both. */
  take(size: number): OutBuffer {
    if (size <= SMALL_BUFFER_BYTES) return this.#small.pop() ?? new OutBuffer(SMALL_BUFFER_BYTES);
    if (size <= LARGE_BUFFER_BYTES) return this.#large.pop() ?? new OutBuffer(LARGE_BUFFER_BYTES);
    return new OutBuffer(size);
  }

  /** `buffer` must be neither written to nor read by anyone from now on, the kernel included. */
  giveBack(buffer: OutBuffer): void {
    buffer.length = 0;
    if (buffer.bytes.length === SMALL_BUFFER_BYTES) {
      if (this.#small.length < SMALL_BUFFERS_KEPT) this.#small.push(buffer);
    } else if (buffer.bytes.length === LARGE_BUFFER_BYTES && this.#large.length < LARGE_BUFFERS_KEPT) {
      this.#large.push(buffer);
    }
  }

  /** Bytes kept for reuse. */
  get keptBytes(): number {
    return this.#small.length * SMALL_BUFFER_BYTES + this.#large.length * LARGE_BUFFER_BYTES;
  }
}
