const EMPTY = Buffer.alloc(0);
const BYTES_MIN = 64;
const BYTES_SINGLY_MAX = 16;
/** Kept for the next time. */
const BYTES_IDLE_MAX = 1024;

/** Keeps the beginning of something whose rest has not come yet. Grows by doubling, so that a peer pays for the memory with bytes it sent. */
export class Accumulator {
  bytes: Buffer = EMPTY;
  length = 0;

  /** Appends `source[start, end)`. Room is taken ahead, up to `bytesMax` bytes in all. */
  append(source: Uint8Array, range: { readonly start: number; readonly end: number }, bytesMax: number): void {
    const needed = this.length + range.end - range.start;
    if (needed > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(bytesMax, Math.max(2 * this.bytes.length, BYTES_MIN))));
      this.bytes.copy(grown, 0, 0, this.length);
      this.bytes = grown;
    }
    if (range.end - range.start <= BYTES_SINGLY_MAX) this.#appendSingly(source, range);
    else this.bytes.set(source.subarray(range.start, range.end), this.length);
    this.length = needed;
  }

  /** Drops the first `count` bytes. What is left moves to the front; a large buffer with nothing left goes. */
  consume(count: number): void {
    if (count < this.length) this.bytes.copyWithin(0, count, this.length);
    this.length -= count;
    if (this.length === 0 && this.bytes.length > BYTES_IDLE_MAX) this.bytes = EMPTY;
  }

  /** What was appended, now the caller's; nothing is left here. */
  take(): Buffer {
    const taken = this.bytes.subarray(0, this.length);
    this.bytes = EMPTY;
    this.length = 0;
    return taken;
  }

  /** A view costs more than some bytes do. */
  #appendSingly(source: Uint8Array, { start, end }: { readonly start: number; readonly end: number }): void {
    for (let at = start, to = this.length; at < end; at += 1, to += 1) this.bytes[to] = source[at] as number;
  }
}
