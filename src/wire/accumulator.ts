const EMPTY = Buffer.alloc(0);
const BYTES_MIN = 64;

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
    this.bytes.set(source.subarray(range.start, range.end), this.length);
    this.length = needed;
  }

  /** What was appended, now the caller's; nothing is left here. */
  take(): Buffer {
    const taken = this.bytes.subarray(0, this.length);
    this.bytes = EMPTY;
    this.length = 0;
    return taken;
  }
}
