import { GatewayError } from '../model/errors.ts';

const VARINT_FACTOR_MAX = 0x80 ** 7;

/**
 * Reads what ByteWriter wrote, from `at` up to `end`.
 *
 * @throws GatewayError STORE_CORRUPT - when the bytes end before the value does.
 */
export class ByteReader {
  readonly bytes: Buffer;
  at: number;
  end: number;
  readonly #view: DataView;

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get left(): number {
    return this.end - this.at;
  }

  u8(): number {
    return this.#view.getUint8(this.#step(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#step(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#step(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#step(8), true);
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; factor <= VARINT_FACTOR_MAX; factor *= 0x80) {
      const byte = this.u8();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw new GatewayError('STORE_CORRUPT', `integer without an end at byte ${this.at}`);
  }

  /** A view, not a copy. */
  raw(length: number): Buffer {
    const start = this.#step(length);
    return this.bytes.subarray(start, start + length);
  }

  /** A view, not a copy. */
  blob(): Buffer {
    return this.raw(this.varint());
  }

  text(): string {
    const length = this.varint();
    const start = this.#step(length);
    return this.bytes.toString('utf8', start, start + length);
  }

  #step(length: number): number {
    const start = this.at;
    if (length > this.end - start) throw new GatewayError('STORE_CORRUPT', `${length} bytes wanted at byte ${start}, ${this.end - start} there`);
    this.at = start + length;
    return start;
  }
}
