// PUBLISH (MQTT 5 §3.3): the one packet that is decoded without making an object.
import type { MessageProperties, QoS } from '../model/message.ts';
import type { FieldReader } from './decode-fields.ts';
import { MqttCodecError, type PublishView, REASON } from './packets.ts';
import { messageProperties, readProperties, WHERE } from './properties.ts';

/** Longer topics are never remembered: the memory is per connection. */
const SAME_TOPIC_BYTES_MAX = 256;
const SAME_TOPIC_BYTES_MIN = 64;
const NOTHING = Buffer.alloc(0);
/** Before the first topic, for all connections. */
const NO_TOPIC = new Uint8Array(0);
const PLUS = 0x2b;
const HASH = 0x23;

class DecodedPublish implements PublishView {
  qos: QoS = 0;
  isDuplicate = false;
  isRetain = false;
  packetId = 0;
  bytes: Buffer = NOTHING;
  topicStart = 0;
  topicEnd = 0;
  isSameTopic = false;
  topicAlias = 0;
  expirySeconds: number | undefined = undefined;
  subscriptionIdentifiers: readonly number[] | undefined = undefined;
  properties: MessageProperties | undefined = undefined;
  payloadStart = 0;
  payloadEnd = 0;

  payload(): Buffer {
    return this.bytes.subarray(this.payloadStart, this.payloadEnd);
  }
}

export class PublishDecoder {
  readonly #view = new DecodedPublish();
  readonly #reader: FieldReader;
  readonly #where: number;
  #topic = NO_TOPIC;
  #topicLength = 0;

  /** @param reader - shared with the decoder; its version is the connection's. */
  constructor(reader: FieldReader, role: 'server' | 'client') {
    this.#reader = reader;
    this.#where = role === 'server' ? WHERE.publishByClient : WHERE.publishByServer; // MQTT-3.3.4-6
  }

  /**
   * Decodes the packet whose body is `bytes[start, end)`; the view is overwritten by the next one.
   *
   * @param flags - the low four bits of the fixed header.
   * @throws MqttCodecError
   */
  decode(bytes: Buffer, flags: number, start: number, end: number): PublishView {
    const view = this.#view;
    const qos = (flags >> 1) & 3;
    if (qos === 3) malformed('MQTT-3.3.1-4', 'QoS 3');
    if (flags > 7 && qos === 0) malformed('MQTT-3.3.1-2', 'DUP at QoS 0');
    const topicStart = start + 2;
    const topicEnd = topicStart + (((bytes[start] ?? 0) << 8) | (bytes[start + 1] ?? 0));
    const headEnd = qos === 0 ? topicEnd : topicEnd + 2;
    if (headEnd > end) malformed('MQTT 5 §3.3.2', 'the packet ends inside a field');
    view.bytes = bytes;
    view.qos = qos as QoS;
    view.isDuplicate = flags > 7;
    view.isRetain = (flags & 1) !== 0;
    view.packetId = qos === 0 ? 0 : ((bytes[topicEnd] ?? 0) << 8) | (bytes[topicEnd + 1] ?? 0);
    if (qos !== 0 && view.packetId === 0) throw new MqttCodecError(REASON.protocolError, 'MQTT-2.2.1-3', 'Packet Identifier 0');
    view.payloadStart = this.#reader.version === 5 ? this.#properties(bytes, headEnd, end) : headEnd;
    view.payloadEnd = end;
    view.topicStart = topicStart;
    view.topicEnd = topicEnd;
    view.isSameTopic = this.#isSameTopic(bytes, topicStart, topicEnd);
    if (!view.isSameTopic) this.#takeTopic(bytes, topicStart, topicEnd);
    return view;
  }

  /** Lets go of the last packet's chunk: an idle connection must not hold it. */
  release(): void {
    this.#view.bytes = NOTHING;
    this.#view.subscriptionIdentifiers = undefined;
    this.#view.properties = undefined;
  }

  /** Fills what properties say into the view; returns where the payload starts. */
  #properties(bytes: Buffer, start: number, end: number): number {
    const view = this.#view;
    view.topicAlias = 0;
    view.expirySeconds = undefined;
    view.subscriptionIdentifiers = undefined;
    view.properties = undefined;
    if (start < end && bytes[start] === 0) return start + 1;
    const reader = this.#reader;
    reader.section = 'MQTT 5 §3.3.2.3';
    reader.point(bytes, start, end);
    const bag = readProperties(reader, this.#where);
    if (bag !== undefined) {
      view.topicAlias = bag.topicAlias ?? 0;
      view.expirySeconds = bag.messageExpirySeconds;
      view.subscriptionIdentifiers = bag.subscriptionIdentifiers;
      view.properties = messageProperties(bag);
    }
    return reader.at;
  }

  #isSameTopic(bytes: Buffer, start: number, end: number): boolean {
    const topic = this.#topic;
    const length = end - start;
    if (length !== this.#topicLength || length === 0) return false;
    let i = length - 1; // topics of one client differ at their ends
    while (i >= 0 && topic[i] === bytes[start + i]) i -= 1;
    return i < 0;
  }

  /** Checks a topic not seen in the packet before, and remembers it. */
  #takeTopic(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (length === 0) {
      if (this.#view.topicAlias === 0) malformed('MQTT 5 §3.3.2.1', 'neither a Topic Name nor a Topic Alias');
      return;
    }
    this.#topicLength = 0;
    const reader = this.#reader;
    reader.point(bytes, start, end);
    reader.requireText(start, end);
    if (hasWildcard(bytes, start, end)) malformed('MQTT-3.3.2-2', 'wildcard in a Topic Name');
    if (length > SAME_TOPIC_BYTES_MAX) return;
    if (length > this.#topic.length) this.#topic = new Uint8Array(length > SAME_TOPIC_BYTES_MIN ? SAME_TOPIC_BYTES_MAX : SAME_TOPIC_BYTES_MIN);
    for (let i = 0; i < length; i += 1) this.#topic[i] = bytes[start + i] ?? 0;
    this.#topicLength = length;
  }
}

/** A loop of ours is quicker while the topic is short: a view of the bytes costs more than it. */
function hasWildcard(bytes: Buffer, start: number, end: number): boolean {
  if (end - start > SAME_TOPIC_BYTES_MAX) {
    const topic = bytes.subarray(start, end);
    return topic.includes(PLUS) || topic.includes(HASH);
  }
  for (let at = start; at < end; at += 1) if (bytes[at] === PLUS || bytes[at] === HASH) return true;
  return false;
}

function malformed(clause: string, message: string): never {
  throw new MqttCodecError(REASON.malformedPacket, clause, message);
}
