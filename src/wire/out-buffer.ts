/**
 * Room to write into, owned by a link. `Link.reserve(size)` hands it out with at least `size` bytes free behind `length`; the encoder
 * writes there and moves `length`. It must not be kept: the next turn may bring another.
 */
export class OutBuffer {
  bytes: Buffer;
  length = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  get free(): number {
    return this.bytes.length - this.length;
  }
}
