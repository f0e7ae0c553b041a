// The data types of MQTT 5 §1.5, read from one packet.
import { type TopicFilter, type TopicName, topicFilterOfAnyDepth, topicName } from '../model/topic.ts';
import { inspectUtf8 } from '../wire/utf8.ts';
import { MqttCodecError, type ProtocolVersion, REASON } from './packets.ts';

/** How an ill-formed field is answered; `closesSilently` as in MqttCodecError. */
export interface Blame {
  readonly reasonCode: number;
  readonly closesSilently: boolean;
}

export const MALFORMED: Blame = { reasonCode: REASON.malformedPacket, closesSilently: false };

const NOTHING = Buffer.alloc(0);
const WILDCARD_PLACE = 'MQTT-4.7.1-1, MQTT-4.7.1-2';

/** Walks over one packet's fields. One per decoder, pointed at each packet in turn; what it returns is the caller's to keep. */
export class FieldReader {
  /** Of the connection; undefined before CONNECT has said it. */
  version: ProtocolVersion | undefined;
  /** Section of the packet that is read, for errors that have no statement of their own. */
  section = '';
  blame: Blame = MALFORMED;
  bytes: Buffer = NOTHING;
  at = 0;
  end = 0;
  readonly #refusesDiscouraged: boolean;

  /** @param options - `refusesDiscouraged`: strings with control characters or non-characters are malformed, except in MQTT 3.1. */
  constructor(options: { readonly version: ProtocolVersion | undefined; readonly refusesDiscouraged: boolean }) {
    this.version = options.version;
    this.#refusesDiscouraged = options.refusesDiscouraged;
  }

  /** Reads `bytes[start, end)` from now on. */
  point(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** Lets go of the bytes. */
  release(): void {
    this.point(NOTHING, 0, 0);
  }

  get remaining(): number {
    return this.end - this.at;
  }

  u8(): number {
    return this.bytes[this.#advance(1)] ?? 0;
  }

  u16(): number {
    const at = this.#advance(2);
    return ((this.bytes[at] ?? 0) << 8) | (this.bytes[at + 1] ?? 0);
  }

  u32(): number {
    return this.bytes.readUInt32BE(this.#advance(4));
  }

  /** Variable Byte Integer, 0..268435455 (MQTT 5 §1.5.5). */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.u8();
      value |= (byte & 0x7f) << shift;
      if (byte > 0x7f) continue;
      if (byte === 0 && shift > 0) this.fail('MQTT-1.5.5-1', 'Variable Byte Integer is longer than it need be');
      return value;
    }
    this.fail('MQTT 5 §1.5.5', 'Variable Byte Integer has more than four bytes');
  }

  /** Binary Data (MQTT 5 §1.5.6), copied. */
  binary(): Uint8Array {
    const length = this.u16();
    const start = this.#advance(length);
    return Uint8Array.prototype.slice.call(this.bytes, start, start + length);
  }

  /** UTF-8 Encoded String (MQTT 5 §1.5.4). U+FEFF stays (MQTT-1.5.4-3). */
  text(): string {
    const length = this.u16();
    const start = this.#advance(length);
    this.requireText(start, start + length);
    return this.bytes.toString('utf8', start, start + length);
  }

  /** Throws unless `bytes[start, end)` may be a UTF-8 Encoded String. */
  requireText(start: number, end: number): void {
    const kind = inspectUtf8(this.bytes, start, end);
    if (kind === 'plain') return;
    if (kind === 'nul') this.fail('MQTT-1.5.4-2', 'U+0000 in a string');
    if (kind === 'ill-formed') this.fail('MQTT-1.5.4-1', 'a string is not UTF-8');
    if (this.#refusesDiscouraged && this.version !== 3) this.fail('MQTT 5 §1.5.4', 'control character or non-character in a string');
  }

  /** A string that names a topic. */
  topicName(): TopicName {
    const text = this.text();
    if (text === '') this.fail('MQTT-4.7.3-1', 'empty Topic Name');
    try {
      return topicName(text);
    } catch {
      return this.fail('MQTT-4.7.1-1', 'wildcard in a Topic Name');
    }
  }

  /** A string that is a Topic Filter, of any depth. */
  topicFilter(): TopicFilter {
    const text = this.text();
    if (text === '') this.fail('MQTT-4.7.3-1', 'empty Topic Filter');
    try {
      return topicFilterOfAnyDepth(text);
    } catch {
      return this.fail(WILDCARD_PLACE, 'misplaced wildcard in a Topic Filter');
    }
  }

  /** Packet Identifier, 1..65535; zero is blamed as `reasonCode`. */
  packetId(reasonCode: number): number {
    const packetId = this.u16();
    if (packetId === 0) throw new MqttCodecError(reasonCode, 'MQTT-2.2.1-3', 'Packet Identifier 0');
    return packetId;
  }

  requireEnd(): void {
    if (this.at !== this.end) this.fail(this.section, `${this.end - this.at} bytes after the end of the packet`);
  }

  /** @throws MqttCodecError - always, answered as `blame` says. */
  fail(clause: string, message: string): never {
    throw new MqttCodecError(this.blame.reasonCode, clause, message, this.blame);
  }

  #advance(length: number): number {
    const at = this.at;
    if (length > this.end - at) this.fail(this.section, 'the packet ends inside a field');
    this.at = at + length;
    return at;
  }
}
