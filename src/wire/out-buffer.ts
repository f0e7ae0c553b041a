/**
 * Room to write into, owned by a link. `Link.reserve(size)` hands it out with at least `size` bytes free behind `length`; the encoder
 * writes there and moves `length`. It must not be kept: the next turn may bring another.
 */
export class OutBuffer {
  readonly bytes: Buffer;
  length = 0;
  #filled: Buffer;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.#filled = this.bytes;
  }

  get free(): number {
    return this.bytes.length - this.length;
  }

  /** What was written so far, as a part of `bytes`. Readings are alike: the view of the last one often serves again. */
  get filled(): Buffer {
    if (this.#filled.length !== this.length) this.#filled = this.bytes.subarray(0, this.length);
    return this.#filled;
  }
}
