import { putVarint } from './varint.ts';

const VARINT_BYTES_MAX = 8;
const TEXT_PREFIX_BYTES_MAX = 5;
const UTF8_BYTES_PER_UNIT_MAX = 3;

/** Little-endian numbers, texts and bytes, one behind the other, in one buffer that grows. */
export class ByteWriter {
  bytes: Buffer;
  length = 0;
  #view: DataView;
  readonly #growthBytes: number;

  /** @param growthBytes - least size of the buffer that replaces `room` when it is full. */
  constructor(room: Buffer, growthBytes = 64) {
    this.bytes = room;
    this.#view = viewOf(room);
    this.#growthBytes = growthBytes;
  }

  get written(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  /** Room for `size` more bytes. What was written moves to a new buffer when it does not fit; views of the old one stay as they were. */
  reserve(size: number): void {
    const needed = this.length + size;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.bytes.length, this.#growthBytes));
    grown.set(this.written);
    this.bytes = grown;
    this.#view = viewOf(grown);
  }

  u8(value: number): void {
    this.reserve(1);
    this.#view.setUint8(this.length, value);
    this.length += 1;
  }

  u16(value: number): void {
    this.reserve(2);
    this.#view.setUint16(this.length, value, true);
    this.length += 2;
  }

  u32(value: number): void {
    this.reserve(4);
    this.#view.setUint32(this.length, value, true);
    this.length += 4;
  }

  f64(value: number): void {
    this.reserve(8);
    this.#view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** 0 to 2^53. */
  varint(value: number): void {
    this.reserve(VARINT_BYTES_MAX);
    this.length = putVarint(this.bytes, this.length, value);
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Bytes behind a varint of their length. */
  blob(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** UTF-8 behind a varint of its length. */
  text(text: string): void {
    this.reserve(TEXT_PREFIX_BYTES_MAX + text.length * UTF8_BYTES_PER_UNIT_MAX);
    this.varint(Buffer.byteLength(text));
    this.length += this.bytes.write(text, this.length, 'utf8');
  }

  /** Overwrites four bytes written before. */
  setU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
