// A packet of a client as the fields the specification names, so that a fuzzer can damage one of them and leave the rest sound.

export type FieldKind = 'byte' | 'uint16' | 'text' | 'properties' | 'payload';

export interface Field {
  readonly kind: FieldKind;
  /** Without its length prefix; of properties, each property whole. */
  readonly parts: readonly Buffer[];
  /** Added to the length that is written before it. */
  readonly lengthLie: number;
}

export interface Anatomy {
  /** Packet type and flags. */
  readonly first: number;
  readonly fields: readonly Field[];
  /** Added to the Remaining Length. */
  readonly lengthLie: number;
}

type PropertyKind = 'byte' | 'uint16' | 'uint32' | 'varint' | 'text' | 'pair';

/** MQTT 5 §2.2.2.2, those of clients. */
const PROPERTY_KINDS: Readonly<Record<number, PropertyKind>> = {
  1: 'byte',
  2: 'uint32',
  3: 'text',
  8: 'text',
  9: 'text',
  11: 'varint',
  17: 'uint32',
  21: 'text',
  22: 'text',
  23: 'byte',
  24: 'uint32',
  25: 'byte',
  31: 'text',
  33: 'uint16',
  34: 'uint16',
  35: 'uint16',
  38: 'pair',
  39: 'uint32',
};

/** @throws RangeError - not a sound packet of a client. */
export function dissect(packet: Buffer, version: number): Anatomy {
  const scanner = new Scanner(packet, version);
  return { first: packet.readUInt8(0), fields: scanner.fields(), lengthLie: 0 };
}

export function assemble({ first, fields, lengthLie }: Anatomy): Buffer {
  const body = Buffer.concat(fields.map(written));
  return Buffer.concat([Buffer.from([first]), varint(body.length + lengthLie), body]);
}

function written({ kind, parts, lengthLie }: Field): Buffer {
  const body = Buffer.concat(parts);
  if (kind === 'text') return Buffer.concat([uint16(body.length + lengthLie), body]);
  return kind === 'properties' ? Buffer.concat([varint(body.length + lengthLie), body]) : body;
}

export function uint16(value: number): Buffer {
  return Buffer.from([(value >> 8) & 0xff, value & 0xff]);
}

/** @param value - negative ones are written as the largest there is. */
export function varint(value: number): Buffer {
  const octets: number[] = [];
  let rest = value < 0 ? 268_435_455 : value;
  do {
    octets.push(rest > 127 ? (rest & 0x7f) | 0x80 : rest);
    rest >>= 7;
  } while (rest > 0);
  return Buffer.from(octets);
}

const LAYOUTS: Readonly<Record<number, (scanner: Scanner) => void>> = {
  1: (scanner) => scanner.connect(),
  3: (scanner) => scanner.publish(),
  4: (scanner) => scanner.ack(),
  5: (scanner) => scanner.ack(),
  6: (scanner) => scanner.ack(),
  7: (scanner) => scanner.ack(),
  8: (scanner) => scanner.filters(['text', 'byte']),
  10: (scanner) => scanner.filters(['text']),
  12: () => undefined,
  14: (scanner) => scanner.disconnect(),
};

class Scanner {
  readonly #packet: Buffer;
  readonly #version: number;
  readonly #fields: Field[] = [];
  #at = 1;

  constructor(packet: Buffer, version: number) {
    this.#packet = packet;
    this.#version = version;
  }

  fields(): readonly Field[] {
    this.#varint();
    const layout = LAYOUTS[this.#packet.readUInt8(0) >> 4];
    if (layout === undefined) throw new RangeError('no packet of a client');
    layout(this);
    if (this.#isMore()) throw new RangeError('more than the packet has fields');
    return this.#fields;
  }

  connect(): void {
    for (const kind of ['text', 'byte', 'byte', 'uint16'] as const) this.#take(kind);
    const flags = this.#fields[2]?.parts[0]?.readUInt8(0) ?? 0;
    this.#properties();
    this.#take('text');
    if ((flags & 0x04) !== 0) {
      this.#properties();
      this.#take('text');
      this.#take('text');
    }
    for (const flag of [0x80, 0x40]) if ((flags & flag) !== 0) this.#take('text');
  }

  publish(): void {
    this.#take('text');
    if ((this.#packet.readUInt8(0) & 0x06) !== 0) this.#take('uint16');
    this.#properties();
    this.#add('payload', [this.#packet.subarray(this.#at)]);
    this.#at = this.#packet.length;
  }

  ack(): void {
    this.#take('uint16');
    if (this.#isMore()) this.#take('byte');
    if (this.#isMore()) this.#properties();
  }

  filters(each: readonly ('text' | 'byte')[]): void {
    this.#take('uint16');
    this.#properties();
    while (this.#isMore()) for (const kind of each) this.#take(kind);
  }

  disconnect(): void {
    if (this.#isMore()) this.#take('byte');
    if (this.#isMore()) this.#properties();
  }

  #isMore(): boolean {
    return this.#at < this.#packet.length;
  }

  #add(kind: FieldKind, parts: readonly Buffer[]): void {
    this.#fields.push({ kind, parts, lengthLie: 0 });
  }

  #take(kind: 'byte' | 'uint16' | 'text'): void {
    const size = kind === 'text' ? this.#packet.readUInt16BE(this.#at) : kind === 'uint16' ? 2 : 1;
    if (kind === 'text') this.#at += 2;
    this.#add(kind, [this.#packet.subarray(this.#at, this.#at + size)]);
    this.#at += size;
  }

  /** Only 5.0 has them. */
  #properties(): void {
    if (this.#version !== 5) return;
    const size = this.#varint();
    const end = this.#at + size;
    const parts: Buffer[] = [];
    while (this.#at < end) {
      const start = this.#at;
      this.#at += 1 + this.#propertySize(start + 1, PROPERTY_KINDS[this.#packet.readUInt8(start)]);
      parts.push(this.#packet.subarray(start, this.#at));
    }
    this.#add('properties', parts);
  }

  #propertySize(at: number, kind: PropertyKind | undefined): number {
    const text = (from: number): number => 2 + this.#packet.readUInt16BE(from);
    switch (kind) {
      case 'byte':
        return 1;
      case 'uint16':
        return 2;
      case 'uint32':
        return 4;
      case 'varint':
        return this.#packet.subarray(at).findIndex((octet) => octet < 0x80) + 1;
      case 'text':
        return text(at);
      case 'pair':
        return text(at) + text(at + text(at));
      default:
        throw new RangeError('no property of a client');
    }
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const octet = this.#packet.readUInt8(this.#at++);
      value |= (octet & 0x7f) << shift;
      if (octet < 0x80) return value;
    }
  }
}
