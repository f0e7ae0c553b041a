// A far broker played by the test: what a bridge dials, without a network. It remembers what it was told and answers what the test says.

import { clientId, peerAddress } from '../../src/model/client.ts';
import { GatewayError } from '../../src/model/errors.ts';
import { type Draft, Message, type QoS } from '../../src/model/message.ts';
import { type TopicName, topicName } from '../../src/model/topic.ts';
import { topicOf } from '../../src/model/topic-utf8.ts';
import { MqttDecoder } from '../../src/mqtt/codec.ts';
import { encodePacket } from '../../src/mqtt/encode.ts';
import { PublishEncoder } from '../../src/mqtt/encode-publish.ts';
import type { AckType, ConnackProperties, ConnectPacket, DecodedPacket, MqttVisitor, Packet, PublishView } from '../../src/mqtt/packets.ts';
import { DialError } from '../../src/transport/dial-error.ts';
import type { DialStage, Link, LinkHandlers, StreamDialer } from '../../src/transport/transport.ts';
import { OutBuffer } from '../../src/wire/out-buffer.ts';

export interface RemotePublish {
  readonly topic: string;
  readonly payload: string;
  readonly qos: QoS;
  readonly isDuplicate: boolean;
  readonly isRetain: boolean;
  readonly packetId: number;
}

const UNSET: LinkHandlers = { onBytes() {}, onFull() {}, onDrain() {}, onClose() {} };

/** The bridge's end of the line: what it writes is decoded at once. */
class RemoteLine implements Link {
  readonly peer = peerAddress('remote');
  readonly peerHost = '';
  readonly listener = 'test';
  readonly isProxied = false;
  readonly certificateSubject = undefined;
  readonly certificateCommonName = undefined;
  readonly certificateIdentity = undefined;
  readonly pskIdentity = undefined;
  readonly serverName = undefined;
  handlers: LinkHandlers = UNSET;
  isOpen = true;
  readonly #decoder = new MqttDecoder({ role: 'server', packetBytesMax: 2_000_000 });
  readonly #visitor: MqttVisitor;
  readonly #out = new OutBuffer(65_536);
  #isFlushing = false;

  constructor(visitor: MqttVisitor) {
    this.#visitor = visitor;
  }

  reserve(size: number): OutBuffer {
    this.flush();
    if (this.#out.free < size) throw new RangeError('larger than a test packet');
    queueMicrotask(() => this.flush());
    return this.#out;
  }

  send(bytes: Uint8Array): void {
    const out = this.reserve(bytes.length);
    out.bytes.set(bytes, out.length);
    out.length += bytes.length;
  }

  flush(): void {
    if (this.#isFlushing || this.#out.length === 0) return;
    this.#isFlushing = true;
    const bytes = Buffer.from(this.#out.bytes.subarray(0, this.#out.length));
    this.#out.length = 0;
    if (this.isOpen) this.#decoder.push(bytes, this.#visitor);
    this.#isFlushing = false;
  }

  pauseReading(): void {}

  resumeReading(): void {}

  close(): void {
    this.flush();
    this.destroy();
  }

  destroy(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    queueMicrotask(() => this.handlers.onClose());
  }
}

export class ScriptedRemote implements StreamDialer, MqttVisitor {
  readonly connects: ConnectPacket[] = [];
  readonly packets: DecodedPacket[] = [];
  readonly publishes: RemotePublish[] = [];
  /** Of each of them, by name; of a name that repeats the last. */
  readonly userProperties: Record<string, string>[] = [];
  readonly acks: [type: AckType, packetId: number, reasonCode: number][] = [];
  dialCount = 0;
  /** False: nobody answers at that address. */
  isReachable = true;
  /** The stage at which dialling it fails, and why. */
  failsAt: { readonly stage: DialStage; readonly reason: string } | undefined;
  /** Undefined: the test answers CONNECT itself. */
  connack: { isSessionPresent: boolean; reasonCode: number; properties?: ConnackProperties } | undefined = { isSessionPresent: false, reasonCode: 0 };
  grantsSubscriptions = true;
  /** PUBACK, PUBREC and PUBCOMP without being asked. */
  acknowledges = true;
  #line: RemoteLine | undefined;
  #version: 4 | 5 = 5;

  async dial(handlers: (link: Link) => LinkHandlers): Promise<Link> {
    this.dialCount += 1;
    if (!this.isReachable) throw new GatewayError('LINK_CLOSED', 'refused');
    if (this.failsAt !== undefined) throw new DialError('remote:1883', this.failsAt);
    const line = new RemoteLine(this);
    line.handlers = handlers(line);
    this.#line = line;
    return line;
  }

  onPublish(view: PublishView): void {
    const { qos, isDuplicate, isRetain, packetId } = view;
    const topic = view.bytes.toString('utf8', view.topicStart, view.topicEnd);
    this.publishes.push({ topic, payload: view.payload().toString(), qos, isDuplicate, isRetain, packetId });
    this.userProperties.push(Object.fromEntries(view.properties?.userProperties ?? []));
    if (this.acknowledges && qos > 0) this.ack(qos === 1 ? 'puback' : 'pubrec', packetId);
  }

  onAck(type: AckType, packetId: number, reasonCode: number): void {
    this.acks.push([type, packetId, reasonCode]);
    if (this.acknowledges && type === 'pubrel') this.ack('pubcomp', packetId);
    if (this.acknowledges && type === 'pubrec') this.ack('pubrel', packetId);
  }

  onPacket(packet: DecodedPacket): void {
    this.packets.push(packet);
    if (packet.type === 'connect') {
      this.connects.push(packet);
      this.#version = packet.version === 5 ? 5 : 4;
      if (this.connack !== undefined) this.send({ type: 'connack', ...this.connack });
    } else if (packet.type === 'subscribe' && this.grantsSubscriptions) {
      this.send({ type: 'suback', packetId: packet.packetId, reasonCodes: packet.subscriptions.map(({ qosMax }) => qosMax) });
    } else if (packet.type === 'pingreq') this.send({ type: 'pingresp' });
  }

  ack(type: AckType, packetId: number, reasonCode = 0): void {
    this.send({ type, packetId, reasonCode });
  }

  get payloads(): string[] {
    return this.publishes.map(({ payload }) => payload);
  }

  /** PUBACK for the last copy of that message. */
  take(payload: string): void {
    this.refuse(payload, 0);
  }

  refuse(payload: string, reasonCode: number): void {
    const copy = this.publishes.findLast((each) => each.payload === payload);
    this.ack('puback', copy?.packetId ?? 0, reasonCode);
  }

  send(packet: Packet): void {
    const out = new OutBuffer(4_096);
    encodePacket(packet, this.#version, { reserve: () => out });
    this.#deliver(out);
  }

  publish(topic: string, payload: string, qos: QoS, packetId = 0): void {
    this.publishAnywhere(topicName(topic), payload, qos, packetId);
  }

  /** Also where this gateway would not: other brokers have other limits. */
  publishAnywhere(topic: string, payload: string, qos: QoS, packetId = 0): void {
    this.publishDraft({ topic: topicOf(topic as TopicName), payload: Buffer.from(payload), qos, isRetain: false }, packetId, false);
  }

  publishDraft(draft: Draft, packetId: number, isDuplicate: boolean): void {
    const message = new Message(draft, { gateway: 'remote', clientId: clientId('remote') }, { publishedAtMs: 0, expiresAtMs: Number.POSITIVE_INFINITY });
    const out = new OutBuffer(4_096);
    const delivery = { message, qos: draft.qos, isRetain: false, isDuplicate, packetId, identifiers: [], expirySeconds: undefined };
    new PublishEncoder(this.#version).encode(delivery, { reserve: () => out }, Number.POSITIVE_INFINITY);
    this.#deliver(out);
  }

  /** Sends what is no packet, or many of them. */
  sendBytes(bytes: Uint8Array): void {
    this.#line?.handlers.onBytes(Buffer.from(bytes));
  }

  /** PUBLISH at QoS 1 with RETAIN, one for each of `topics`, as one read of a socket brings them. */
  floodRetained(topics: readonly string[], packetIdOf: (index: number) => number): void {
    const out = new OutBuffer(topics.length * 64);
    const encoder = new PublishEncoder(this.#version);
    for (const [index, name] of topics.entries()) {
      const draft = { topic: topicOf(topicName(name)), payload: Buffer.from('x'), qos: 1, isRetain: true } as const;
      const message = new Message(draft, { gateway: 'remote', clientId: clientId('remote') }, { publishedAtMs: 0, expiresAtMs: Number.POSITIVE_INFINITY });
      const publish = { message, qos: 1, isRetain: true, isDuplicate: false, packetId: packetIdOf(index), identifiers: [], expirySeconds: undefined } as const;
      encoder.encode(publish, { reserve: () => out }, Number.POSITIVE_INFINITY);
    }
    this.sendBytes(out.bytes.subarray(0, out.length));
  }

  /** The last connection. */
  get line(): Link | undefined {
    return this.#line;
  }

  /** The line is cut. */
  hangUp(): void {
    this.#line?.destroy();
  }

  /** From a microtask of its own: a peer never answers inside the call that asked. */
  #deliver(out: OutBuffer): void {
    const line = this.#line;
    const bytes = Buffer.from(out.bytes.subarray(0, out.length));
    queueMicrotask(() => {
      if (line?.isOpen) line.handlers.onBytes(bytes);
    });
  }
}
