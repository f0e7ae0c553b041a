// MQTT framing and dispatch (MQTT 5 §2.1): bytes of one connection in, packets out to a visitor. PUBLISH and its acknowledgements cost no
// object; whole packets are decoded where they lie in the chunk, and only a packet cut by a chunk's end is copied.
import { CONNECT_BYTES_MAX } from '../model/limits.ts';
import { Accumulator } from '../wire/accumulator.ts';
import { varintBytes } from '../wire/varint.ts';
import { ACK_CLAUSE, ACK_REASONS, requireListed } from './decode-codes.ts';
import { decodeConnack, decodeConnect } from './decode-connect.ts';
import { FieldReader } from './decode-fields.ts';
import { decodeAuth, decodeDisconnect, decodeSuback, decodeSubscribe, decodeUnsuback, decodeUnsubscribe } from './decode-packets.ts';
import { PublishDecoder } from './decode-publish.ts';
import { type AckType, type DecodedPacket, MqttCodecError, type MqttVisitor, type ProtocolVersion, REASON } from './packets.ts';
import { readProperties, WHERE } from './properties.ts';

type Role = 'server' | 'client';

/** `server` takes what clients send, `client` what servers send: a packet of the other direction is refused. */
export type DecoderOptions =
  | { readonly role: 'server'; readonly packetBytesMax: number }
  | {
      readonly role: 'client';
      readonly packetBytesMax: number;
      /** What our CONNECT said. */
      readonly version: ProtocolVersion;
    };

/** What one read of a socket brings at most; it may follow the packet at which the decoder was paused. */
const READ_BYTES_MAX = 65_536;
const REMAINING_LENGTH_BYTES_MAX = 4;

const PINGREQ: DecodedPacket = { type: 'pingreq' };
const PINGRESP: DecodedPacket = { type: 'pingresp' };

/** MQTT 5 table 2-1, by packet type. `flags` is what the low four bits must be. */
interface PacketType {
  readonly name: DecodedPacket['type'] | AckType | 'publish';
  readonly section: string;
  readonly flags: number;
  readonly from: 'client' | 'server' | 'both';
}

const TYPES: readonly (PacketType | undefined)[] = [
  undefined,
  { name: 'connect', section: 'MQTT 5 §3.1', flags: 0, from: 'client' },
  { name: 'connack', section: 'MQTT 5 §3.2', flags: 0, from: 'server' },
  { name: 'publish', section: 'MQTT 5 §3.3', flags: 0, from: 'both' },
  { name: 'puback', section: 'MQTT 5 §3.4', flags: 0, from: 'both' },
  { name: 'pubrec', section: 'MQTT 5 §3.5', flags: 0, from: 'both' },
  { name: 'pubrel', section: 'MQTT 5 §3.6', flags: 2, from: 'both' },
  { name: 'pubcomp', section: 'MQTT 5 §3.7', flags: 0, from: 'both' },
  { name: 'subscribe', section: 'MQTT 5 §3.8', flags: 2, from: 'client' },
  { name: 'suback', section: 'MQTT 5 §3.9', flags: 0, from: 'server' },
  { name: 'unsubscribe', section: 'MQTT 5 §3.10', flags: 2, from: 'client' },
  { name: 'unsuback', section: 'MQTT 5 §3.11', flags: 0, from: 'server' },
  { name: 'pingreq', section: 'MQTT 5 §3.12', flags: 0, from: 'client' },
  { name: 'pingresp', section: 'MQTT 5 §3.13', flags: 0, from: 'server' },
  { name: 'disconnect', section: 'MQTT 5 §3.14', flags: 0, from: 'both' },
  { name: 'auth', section: 'MQTT 5 §3.15', flags: 0, from: 'both' },
];

const PUBLISH = 3;

export class MqttDecoder {
  readonly #role: Role;
  readonly #packetBytesMax: number;
  readonly #reader: FieldReader;
  readonly #publish: PublishDecoder;
  /** A cut packet while running; while paused everything that came after. */
  readonly #rest = new Accumulator();
  #state: 'running' | 'paused' | 'closed' = 'running';
  /** CONNECT was seen, or CONNACK at a client. */
  #isGreeted = false;
  /** Packet types that may come now, as bits: told by the first byte, so that a peer of another protocol is not waited for. */
  #due: number;
  /** Largest packet now: who has not said CONNECT gets less room. */
  #sizeMax: number;

  constructor(options: DecoderOptions) {
    const version = options.role === 'client' ? options.version : undefined;
    this.#role = options.role;
    this.#packetBytesMax = options.packetBytesMax;
    // A server may refuse them (MQTT 5 §1.5.4), and should: the next broker of a bridge does, again and again. From there we take what comes.
    this.#reader = new FieldReader({ version, refusesDiscouraged: options.role === 'server' });
    this.#publish = new PublishDecoder(this.#reader, options.role);
    this.#due = dueTypes(options.role, version, false);
    this.#sizeMax = options.role === 'server' ? Math.min(options.packetBytesMax, CONNECT_BYTES_MAX) : options.packetBytesMax;
  }

  /** Version of the connection; undefined at a server before a CONNECT named one we speak. */
  get version(): ProtocolVersion | undefined {
    return this.#reader.version;
  }

  get isGreeted(): boolean {
    return this.#reader.version !== undefined;
  }

  /** Memory held for bytes that are not decoded yet; at most `packetBytesMax`, and 64 KiB more while paused. */
  get bufferedBytes(): number {
    return this.#rest.bytes.length;
  }

  /** Largest packet from now on, in bytes; a CONNECT raises it to what was given to the constructor. */
  limitPackets(packetBytesMax: number): void {
    this.#sizeMax = packetBytesMax;
  }

  /**
   * Visits every packet that is complete and keeps the beginning of the next.
   *
   * @param chunk - borrowed until the call returns, by the visitor too.
   * @throws MqttCodecError - and whatever a visitor throws; the decoder is closed after either.
   */
  push(chunk: Buffer, visitor: MqttVisitor): void {
    if (this.#state === 'closed') return;
    try {
      let at = this.#state === 'running' && this.#rest.length > 0 ? this.#completeRest(chunk, visitor) : 0;
      at = this.#decodeWhole(chunk, at, visitor);
      if (at < chunk.length) this.#keep(chunk, at);
    } catch (error) {
      this.close();
      throw error;
    } finally {
      this.#publish.release();
      this.#reader.release();
    }
  }

  /**
   * Ends the visits, also in the middle of a chunk, until `resume`: while a CONNECT is judged, or the session cannot take more. Bytes are kept
   * meanwhile; stop reading the link, a peer that goes on is an error (0x97).
   */
  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  /** @throws MqttCodecError - like `push`, whose packets it now visits. */
  resume(visitor: MqttVisitor): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    if (this.#rest.length > 0) this.push(this.#rest.take(), visitor); // never from inside a visit, where nothing is kept
  }

  /** Drops what is kept and everything that still comes: after DISCONNECT, or once the connection is given up. */
  close(): void {
    this.#state = 'closed';
    this.#rest.take();
  }

  /** Decodes whole packets from `at` on; returns where the first incomplete one starts. */
  #decodeWhole(bytes: Buffer, from: number, visitor: MqttVisitor): number {
    let at = from;
    while (this.#state === 'running' && at + 2 <= bytes.length) {
      const first = bytes[at] ?? 0;
      this.#requireDue(first >> 4);
      const byte = bytes[at + 1] ?? 0;
      const length = byte < 0x80 ? byte : remainingLength(bytes, at + 1, bytes.length);
      if (length < 0) break;
      const body = at + 1 + varintBytes(length);
      const end = body + length;
      this.#requireFit(end - at);
      if (end > bytes.length) break;
      if (first >> 4 === PUBLISH) {
        visitor.onPublish(this.#publish.decode(bytes, first & 0x0f, body, end));
      } else {
        this.#reader.point(bytes, body, end);
        this.#decodeOther(first, visitor);
      }
      at = end;
    }
    return at;
  }

  #requireFit(size: number): void {
    if (size > this.#sizeMax) throw new MqttCodecError(REASON.packetTooLarge, 'MQTT 5 §3.2.2.3.6', `a packet of ${size} bytes`);
  }

  #requireDue(number: number): void {
    if (((this.#due >> number) & 1) === 0) throw this.#refusal(number);
  }

  #decodeOther(first: number, visitor: MqttVisitor): void {
    const type = TYPES[first >> 4];
    if (type === undefined) return;
    const flags = first & 0x0f;
    this.#reader.section = type.section;
    // Devices of 3.1 set DUP, and CONNECT's flags at will; they mean nothing there. CONNECT's are judged once its version is read.
    if (flags !== type.flags && type.name !== 'connect' && this.#reader.version !== 3) {
      this.#reader.fail('MQTT-2.1.3-1', `reserved flags of ${type.name.toUpperCase()} are wrong`);
    }
    switch (type.name) {
      case 'puback':
      case 'pubrec':
      case 'pubrel':
      case 'pubcomp':
        this.#decodeAck(type.name, visitor);
        break;
      case 'publish':
        break;
      default:
        visitor.onPacket(this.#decodePacket(type.name, flags));
    }
  }

  #decodeAck(type: AckType, visitor: MqttVisitor): void {
    const reader = this.#reader;
    const packetId = reader.packetId(REASON.protocolError);
    let reasonCode = 0;
    let properties: ReturnType<typeof readProperties>;
    if (reader.version === 5 && reader.remaining > 0) {
      reasonCode = reader.u8();
      if (reasonCode !== 0) requireListed(ACK_REASONS[type], reasonCode, ACK_CLAUSE[type]);
      if (reader.remaining > 0) properties = readProperties(reader, WHERE.ack);
    }
    reader.requireEnd();
    visitor.onAck(type, packetId, reasonCode, properties);
  }

  #decodePacket(name: DecodedPacket['type'], flags: number): DecodedPacket {
    const reader = this.#reader;
    switch (name) {
      case 'connect':
        return this.#greeted(decodeConnect(reader, flags));
      case 'connack':
        return this.#greeted(decodeConnack(reader));
      case 'subscribe':
        return decodeSubscribe(reader);
      case 'suback':
        return decodeSuback(reader);
      case 'unsubscribe':
        return decodeUnsubscribe(reader);
      case 'unsuback':
        return decodeUnsuback(reader);
      case 'pingreq':
        return requireEmpty(reader, PINGREQ);
      case 'pingresp':
        return requireEmpty(reader, PINGRESP);
      case 'disconnect':
        return decodeDisconnect(reader, this.#role);
      case 'auth':
        return decodeAuth(reader);
    }
  }

  #greeted(packet: DecodedPacket): DecodedPacket {
    this.#isGreeted = true;
    this.#due = dueTypes(this.#role, this.#reader.version, true);
    this.#sizeMax = this.#packetBytesMax;
    return packet;
  }

  /** Why a packet of this type may not come now. */
  #refusal(number: number): MqttCodecError {
    const type = TYPES[number];
    if (type === undefined || (type.name === 'auth' && this.#isGreeted)) {
      return new MqttCodecError(REASON.malformedPacket, 'MQTT 5 §2.1.2', `packet type ${number}`);
    }
    const [first, again] = this.#role === 'server' ? ['MQTT-3.1.0-1', 'MQTT-3.1.0-2'] : ['MQTT-3.2.0-1', 'MQTT-3.2.0-2'];
    if (!this.#isGreeted) return new MqttCodecError(REASON.protocolError, first, `${type.name} is the first packet`);
    if (isGreeting(type) && type.from !== this.#role) return new MqttCodecError(REASON.protocolError, again, `a second ${type.name}`);
    return new MqttCodecError(REASON.protocolError, 'MQTT 5 §2.1.2', `${type.name} comes from the wrong side`);
  }

  /** Takes from `chunk` what the packet in `#rest` still lacks and decodes it when it is whole; returns where the chunk goes on. */
  #completeRest(chunk: Buffer, visitor: MqttVisitor): number {
    const rest = this.#rest;
    let at = 0;
    while (rest.length > 0) {
      this.#requireDue((rest.bytes[0] ?? 0) >> 4);
      const size = packetBytes(rest);
      this.#requireFit(size);
      if (rest.length === size) this.#decodeWhole(rest.take(), 0, visitor);
      else if (at === chunk.length) break;
      else {
        const end = size === 0 ? at + 1 : Math.min(chunk.length, at + size - rest.length);
        rest.append(chunk, { start: at, end }, this.#sizeMax);
        at = end;
      }
    }
    return at;
  }

  #keep(chunk: Buffer, from: number): void {
    const bytesMax = this.#state === 'paused' ? this.#sizeMax + READ_BYTES_MAX : this.#sizeMax;
    if (this.#state === 'closed') return;
    if (this.#rest.length + chunk.length - from > bytesMax) {
      throw new MqttCodecError(REASON.quotaExceeded, 'MQTT 5 §3.1.4', 'too much was sent before the last packet was answered');
    }
    this.#rest.append(chunk, { start: from, end: chunk.length }, bytesMax);
  }
}

function isGreeting({ name }: PacketType): boolean {
  return name === 'connect' || name === 'connack';
}

/** The packet types a peer may send to `role`, as bits. */
function dueTypes(role: Role, version: ProtocolVersion | undefined, isGreeted: boolean): number {
  return TYPES.reduce((due, type, number) => (type !== undefined && isDue(type, role, version, isGreeted) ? due | (1 << number) : due), 0);
}

function isDue(type: PacketType, role: Role, version: ProtocolVersion | undefined, isGreeted: boolean): boolean {
  if (type.from === role) return false;
  if (type.name === 'auth') return version === 5 && (isGreeted || role === 'client'); // before CONNACK too
  if (type.name === 'disconnect') return isGreeted && (version === 5 || role === 'server'); // a 3.x server sends none
  return isGreeting(type) !== isGreeted;
}

/** Remaining Length at `at`; -1 when it is not complete before `end`. */
function remainingLength(bytes: Buffer, at: number, end: number): number {
  let length = 0;
  for (let i = 0; i < REMAINING_LENGTH_BYTES_MAX; i += 1) {
    if (at + i >= end) return -1;
    const byte = bytes[at + i] ?? 0;
    length |= (byte & 0x7f) << (7 * i);
    if (byte > 0x7f) continue;
    if (byte === 0 && i > 0) throw misframed('MQTT-1.5.5-1', 'Remaining Length is longer than it need be');
    return length;
  }
  throw misframed('MQTT 5 §2.1.4', 'Remaining Length has more than four bytes');
}

/** Size of the packet that begins in `rest`; 0 when its fixed header is not complete. */
function packetBytes(rest: Accumulator): number {
  const length = remainingLength(rest.bytes, 1, rest.length);
  return length < 0 ? 0 : 1 + varintBytes(length) + length;
}

function requireEmpty(reader: FieldReader, packet: DecodedPacket): DecodedPacket {
  if (reader.remaining > 0) throw misframed(reader.section, `${packet.type.toUpperCase()} has a body`);
  return packet;
}

/** The peer sees packets where we see none: it would not find an answer either. */
function misframed(clause: string, message: string): MqttCodecError {
  return new MqttCodecError(REASON.malformedPacket, clause, message, { closesSilently: true });
}
