// PUBLISH towards peers. One message often goes to many: what is the same for all of them is encoded once and copied, only flags and packet id
// are written for each.
import type { Topic } from '../model/topic.ts';
import { putTopic, utf8Length } from '../model/topic-utf8.ts';
import { putVarint, varintBytes } from '../wire/varint.ts';
import { messageBag } from './encode.ts';
import { FieldWriter, type OutSink, PACKET_BYTES_LIMIT } from './encode-fields.ts';
import type { OutgoingPublish, ProtocolVersion } from './packets.ts';

/** How this peer gets the Topic Name, where it is not the message's own. */
export interface WireTopic {
  /** Undefined: no name goes out, for the peer knows the alias already. */
  readonly topic: Topic | undefined;
  /** 1..the peer's Topic Alias Maximum; 0: none. 5.0 only. */
  readonly alias: number;
}

/** Payloads up to this size are part of the template; larger ones are copied from the message, once per peer. */
const TEMPLATE_PAYLOAD_MAX = 1_024;
const TEMPLATE_BYTES_MIN = 2_048;
const NOTHING = new Uint8Array(0);
const NO_IDENTIFIERS: readonly number[] = [];
/** A Property Length of 0 (MQTT-2.2.2-2). */
const NO_PROPERTIES = new Uint8Array(1);

/** What a template is made of, besides topic and alias. */
type Sources = Pick<OutgoingPublish, 'message' | 'expirySeconds' | 'identifiers' | 'receipt'>;

export class PublishEncoder {
  readonly #version: ProtocolVersion;
  /** The last message as it goes out, flags and packet id still to be set. Grows to the largest head (topic and properties) there was. */
  #template = Buffer.allocUnsafeSlow(TEMPLATE_BYTES_MIN);
  #templateLength = 0;
  #packetIdAt = 0;
  #hasPayload = false;
  #last: Sources | undefined;
  #lastTopic: Topic | undefined;
  #lastAlias = 0;
  #lastHasId = false;

  constructor(version: ProtocolVersion) {
    this.#version = version;
  }

  /**
   * Writes one PUBLISH.
   *
   * @param packetBytesMax - the peer's Maximum Packet Size.
   * @returns false: it is larger, and nothing was written; act as if it had been sent (MQTT-3.1.2-24, MQTT-3.1.2-25).
   */
  encode(publish: OutgoingPublish, sink: OutSink, packetBytesMax: number, wire?: WireTopic): boolean {
    const topic = wire === undefined ? publish.message.topic : wire.topic;
    const alias = wire === undefined ? 0 : wire.alias;
    if (!this.#isLast(publish, topic, alias)) this.#encodeTemplate(publish, topic, alias);
    const templateLength = this.#templateLength;
    const size = this.#hasPayload ? templateLength : templateLength + publish.message.payload.length;
    if (size > packetBytesMax || size > PACKET_BYTES_LIMIT)
      return this.#hasReceipt(publish) && this.encode(withoutReceipt(publish), sink, packetBytesMax, wire);
    const out = sink.reserve(size);
    const { bytes, length: start } = out;
    this.#template.copy(bytes, start, 0, templateLength);
    bytes[start] = 0x30 | (publish.isDuplicate ? 0x08 : 0) | (publish.qos << 1) | (publish.isRetain ? 0x01 : 0);
    if (publish.qos !== 0) {
      bytes[start + this.#packetIdAt] = publish.packetId >> 8;
      bytes[start + this.#packetIdAt + 1] = publish.packetId & 0xff;
    }
    if (!this.#hasPayload) bytes.set(publish.message.payload, start + templateLength);
    out.length = start + size;
    return true;
  }

  #isLast(publish: OutgoingPublish, topic: Topic | undefined, alias: number): boolean {
    const last = this.#last;
    return (
      last !== undefined &&
      last.message === publish.message &&
      this.#lastHasId === publish.qos > 0 &&
      this.#lastTopic === topic &&
      (this.#version !== 5 ||
        (this.#lastAlias === alias &&
          last.expirySeconds === publish.expirySeconds &&
          last.receipt === publish.receipt &&
          isSameList(last.identifiers, publish.identifiers)))
    );
  }

  #hasReceipt({ receipt }: OutgoingPublish): boolean {
    return this.#version === 5 && receipt !== undefined;
  }

  #encodeTemplate(publish: OutgoingPublish, topic: Topic | undefined, alias: number): void {
    const { message, expirySeconds, identifiers, receipt } = publish;
    const { payload } = message;
    const properties = this.#version === 5 ? propertyBlock(publish, alias) : NOTHING;
    const hasId = publish.qos > 0;
    const hasPayload = payload.length <= TEMPLATE_PAYLOAD_MAX;
    const nameLength = topic === undefined ? 0 : utf8Length(topic);
    const headLength = 2 + nameLength + (hasId ? 2 : 0) + properties.length;
    const length = 1 + varintBytes(headLength + payload.length) + headLength + (hasPayload ? payload.length : 0);
    if (length > this.#template.length) this.#template = Buffer.allocUnsafeSlow(length);
    const template = this.#template;
    let at = putVarint(template, 1, headLength + payload.length);
    at = template.writeUInt16BE(nameLength, at);
    if (topic !== undefined) at = putTopic(template, at, topic);
    this.#packetIdAt = at;
    if (hasId) at += 2;
    template.set(properties, at);
    if (hasPayload) template.set(payload, at + properties.length);
    this.#templateLength = length;
    this.#hasPayload = hasPayload;
    this.#last = { message, expirySeconds, identifiers: identifiers.length === 0 ? NO_IDENTIFIERS : [...identifiers], receipt };
    this.#lastTopic = topic;
    this.#lastAlias = alias;
    this.#lastHasId = hasId;
  }
}

function withoutReceipt({ message, qos, isRetain, isDuplicate, packetId, identifiers, expirySeconds }: OutgoingPublish): OutgoingPublish {
  return { message, qos, isRetain, isDuplicate, packetId, identifiers, expirySeconds };
}

function propertyBlock({ message, expirySeconds, identifiers, receipt }: Sources, alias: number): Uint8Array {
  const { properties } = message;
  if (properties === undefined && receipt === undefined && expirySeconds === undefined && identifiers.length === 0 && alias === 0) return NO_PROPERTIES;
  const writer = new FieldWriter().properties({
    ...messageBag(properties),
    ...(receipt !== undefined && { userProperties: [...(properties?.userProperties ?? []), ...receipt] }), // MQTT-3.3.2-17: its own stay as they are
    messageExpirySeconds: expirySeconds,
    subscriptionIdentifiers: identifiers,
    topicAlias: alias === 0 ? undefined : alias,
  });
  return writer.bytes.subarray(0, writer.length);
}

function isSameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
