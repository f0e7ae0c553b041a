import { OutBuffer } from '../wire/out-buffer.ts';

/** What one quiet link needs in a turn: a few acknowledgements, one reading. */
export const SMALL_BUFFER_BYTES = 4 * 1024;
/** What one write carries at most, as much as a read yields. */
export const LARGE_BUFFER_BYTES = 64 * 1024;
/** Kept for reuse: a fan-out to this many links per turn allocates nothing (4 MiB). */
const SMALL_BUFFERS_KEPT = 1_024;
/** A fan-out that fills a large buffer on this many links allocates nothing (8 MiB, touched only as far as used). */
const LARGE_BUFFERS_KEPT = 128;

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
