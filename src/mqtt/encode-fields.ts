// The data types of MQTT 5 §1.5, written.
import { GatewayError } from '../model/errors.ts';
import type { OutBuffer } from '../wire/out-buffer.ts';
import { putVarint } from '../wire/varint.ts';
import { PROPERTIES, type PropertyBag } from './properties.ts';

/** Where packets go; a Link is one. */
export interface OutSink {
  /** Room for exactly `size` bytes behind `length`. */
  reserve(size: number): OutBuffer;
}

/** Largest packet the protocol can frame: five bytes of fixed header and a Remaining Length of 268,435,455. */
export const PACKET_BYTES_LIMIT = 268_435_460;

const BYTES_MIN = 256;
const FIELD_BYTES_MAX = 65_535;

/** Collects a packet's body, whose size must be known before the packet can begin. */
export class FieldWriter {
  bytes = Buffer.allocUnsafe(BYTES_MIN);
  length = 0;

  u8(value: number): this {
    this.length = this.#room(1).writeUInt8(value, this.length);
    return this;
  }

  u16(value: number): this {
    this.length = this.#room(2).writeUInt16BE(value, this.length);
    return this;
  }

  u32(value: number): this {
    this.length = this.#room(4).writeUInt32BE(value, this.length);
    return this;
  }

  varint(value: number): this {
    this.length = putVarint(this.#room(4), this.length, value);
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#room(bytes.length).set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  binary(bytes: Uint8Array): this {
    return this.#prefix(bytes.length).raw(bytes);
  }

  text(text: string): this {
    const size = Buffer.byteLength(text);
    this.#prefix(size);
    this.length += this.#room(size).write(text, this.length, 'utf8');
    return this;
  }

  /** Property Length and properties, in the order of the table (MQTT-2.2.2-2: a zero when there are none). */
  properties(bag: PropertyBag | undefined): this {
    if (bag === undefined) return this.u8(0);
    const block = new FieldWriter();
    for (const property of PROPERTIES) writeProperty(block, property, bag);
    return this.varint(block.length).raw(block.bytes.subarray(0, block.length));
  }

  #prefix(size: number): this {
    if (size > FIELD_BYTES_MAX) throw new GatewayError('LIMIT_EXCEEDED', `an MQTT field holds ${FIELD_BYTES_MAX} bytes, not ${size}`);
    return this.u16(size);
  }

  #room(size: number): Buffer {
    if (this.length + size > this.bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(2 * this.bytes.length, this.length + size));
      this.bytes.copy(grown, 0, 0, this.length);
      this.bytes = grown;
    }
    return this.bytes;
  }
}

function writeProperty(writer: FieldWriter, property: (typeof PROPERTIES)[number], bag: PropertyBag): void {
  const { id } = property;
  if (bag[property.name] === undefined) return;
  switch (property.kind) {
    case 'flag':
    case 'qos':
      writer.u8(id).u8(Number(bag[property.name]));
      break;
    case 'u16':
      writer.u8(id).u16(bag[property.name] ?? 0);
      break;
    case 'u32':
      writer.u8(id).u32(bag[property.name] ?? 0);
      break;
    case 'text':
      writer.u8(id).text(bag[property.name] ?? '');
      break;
    case 'binary':
      writer.u8(id).binary(bag[property.name] ?? new Uint8Array());
      break;
    case 'identifiers':
      for (const identifier of bag.subscriptionIdentifiers ?? []) writer.u8(id).varint(identifier);
      break;
    case 'pairs':
      for (const [name, value] of bag.userProperties ?? []) writer.u8(id).text(name).text(value);
      break;
  }
}
