import { MqttDecoder } from '../../../../src/mqtt/codec.ts';
import {
  type AckPacket,
  type AckType,
  type DecodedPacket,
  MqttCodecError,
  type MqttVisitor,
  type ProtocolVersion,
  type PublishView,
  type ReasonProperties,
} from '../../../../src/mqtt/packets.ts';
import { OutBuffer } from '../../../../src/wire/out-buffer.ts';

/** A PublishView that outlives its visit. */
export interface SeenPublish extends Omit<PublishView, 'bytes' | 'topicStart' | 'topicEnd' | 'payload' | 'isSameTopic'> {
  readonly type: 'publish';
  readonly topic: string;
  readonly payload: string;
  readonly isSameTopic: boolean;
}

export type Seen = SeenPublish | AckPacket | DecodedPacket;

/** Keeps all that a decoder visits, in order. */
export class Collector implements MqttVisitor {
  readonly seen: Seen[] = [];

  onPublish(view: PublishView): void {
    const { qos, isDuplicate, isRetain, packetId, isSameTopic, topicAlias, expirySeconds, subscriptionIdentifiers, properties } = view;
    const topic = view.bytes.toString('utf8', view.topicStart, view.topicEnd);
    const payload = view.payload().toString('hex');
    this.seen.push({
      ...{ type: 'publish', qos, isDuplicate, isRetain, packetId, topic, payload, isSameTopic },
      ...{ topicAlias, expirySeconds, subscriptionIdentifiers, properties },
    });
  }

  onAck(type: AckType, packetId: number, reasonCode: number, properties: ReasonProperties | undefined): void {
    this.seen.push({ type, packetId, reasonCode, properties });
  }

  onPacket(packet: DecodedPacket): void {
    this.seen.push(packet);
  }
}

/** Bytes from hex with blanks, and from what `text` gives. */
export function bytes(...hex: readonly string[]): Buffer {
  return Buffer.from(hex.join('').replaceAll(' ', ''), 'hex');
}

/** Hex of a UTF-8 Encoded String, or of Binary Data. */
export function text(content: string | Buffer): string {
  const content8 = Buffer.from(content);
  return `${content8.length.toString(16).padStart(4, '0')}${content8.toString('hex')}`;
}

/** Hex of Property Length and properties. */
export function properties(...hex: readonly string[]): string {
  const content = bytes(...hex);
  return `${content.length.toString(16).padStart(2, '0')}${content.toString('hex')}`;
}

/** A whole packet: fixed header with the Remaining Length its body has. */
export function packet(first: string, ...body: readonly string[]): Buffer {
  const content = bytes(...body);
  const length: number[] = [];
  for (let rest = content.length; ; rest >>>= 7) {
    length.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    if (rest <= 0x7f) break;
  }
  return Buffer.concat([bytes(first), Buffer.from(length), content]);
}

const PROTOCOL = { 3: `${text('MQIsdp')} 03`, 4: `${text('MQTT')} 04`, 5: `${text('MQTT')} 05` } as const;

/** CONNECT up to and with its version byte. */
export function protocol(version: ProtocolVersion): string {
  return PROTOCOL[version];
}

/** A decoder that has seen the greeting of this version. */
export function greeted(role: 'server' | 'client', version: ProtocolVersion, packetBytesMax = 2_000_000): MqttDecoder {
  const decoder = role === 'server' ? new MqttDecoder({ role, packetBytesMax }) : new MqttDecoder({ role, packetBytesMax, version });
  const none = version === 5 ? '00' : '';
  decoder.push(role === 'server' ? packet('10', protocol(version), '02 003c', none, text('c')) : packet('20', '00 00', none), new Collector());
  return decoder;
}

/** What a greeted decoder sees in `input`. */
export function decoded(role: 'server' | 'client', version: ProtocolVersion, input: Buffer): readonly Seen[] {
  const collector = new Collector();
  greeted(role, version).push(input, collector);
  return collector.seen;
}

/** The error `run` ends with. */
export function refusal(run: () => void): MqttCodecError {
  try {
    run();
  } catch (error) {
    if (error instanceof MqttCodecError) return error;
    throw error;
  }
  throw new TypeError('nothing was refused');
}

/** A link's output, for looking at. */
export class Sink {
  /** Sizes asked for, in order. */
  readonly reserved: number[] = [];
  #out = new OutBuffer(64);

  reserve(size: number): OutBuffer {
    this.reserved.push(size);
    if (this.#out.free < size) this.#grow(size);
    return this.#out;
  }

  #grow(size: number): void {
    const { filled, length } = this.#out;
    this.#out = new OutBuffer(2 * (length + size));
    this.#out.bytes.set(filled);
    this.#out.length = length;
  }

  /** What was written since it was last taken. */
  taken(): Buffer {
    const taken = Buffer.from(this.#out.filled);
    this.#out.length = 0;
    return taken;
  }
}
