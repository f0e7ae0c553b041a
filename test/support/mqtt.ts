// Lockstep bench for native MQTT: the real gateway on the real core, a peer that is a script, a clock moved by hand.
import { expect } from 'vitest';
import type { BrokerSettings } from '../../src/broker/broker.ts';
import type { QoS } from '../../src/model/message.ts';
import { topicFilter, topicName } from '../../src/model/topic.ts';
import { Turns } from '../../src/model/turns.ts';
import { MqttDecoder } from '../../src/mqtt/codec.ts';
import { encodePacket } from '../../src/mqtt/encode.ts';
import { MqttGateway } from '../../src/mqtt/gateway.ts';
import type {
  AckPacket,
  AckType,
  ConnectPacket,
  DecodedPacket,
  MqttVisitor,
  Packet,
  ProtocolVersion,
  PublishView,
  ReasonProperties,
  SubscribePacket,
  SubscriptionRequest,
  UnsubscribePacket,
  WillMessage,
} from '../../src/mqtt/packets.ts';
import { DEFAULT_MQTT_SETTINGS, type MqttSettings } from '../../src/mqtt/settings.ts';
import { TurnWriter } from '../../src/transport/turn-writer.ts';
import { OutBuffer } from '../../src/wire/out-buffer.ts';
import { startCore, type TestCore } from './core.ts';
import { FakeClock, settled } from './fake-clock.ts';
import { type MemoryPeer, MemoryTransport } from './memory-link.ts';
import { MemoryStore } from './memory-store.ts';
import { RecordingLog } from './recording-log.ts';
import { requestOf, TestClient } from './test-client.ts';

/** A Topic Filter with what of its Subscription Options is not usual: QoS 2, all else 0. */
export type FilterRequest = Omit<Partial<SubscriptionRequest>, 'filter'> & { readonly filter: string };

export interface MqttBenchOptions {
  /** Of the listener `mqtt.tcp`. */
  readonly settings?: Partial<MqttSettings>;
  /** Further listeners by name. */
  readonly listeners?: Readonly<Record<string, Partial<MqttSettings>>>;
  readonly broker?: Partial<BrokerSettings>;
  /** False: nothing is durable until the test says `store.commit()`. */
  readonly autoCommit?: boolean;
}

export class MqttBench {
  readonly clock = new FakeClock();
  readonly core: TestCore;
  readonly gateway: MqttGateway;
  /** What the gateway writes down of its connections. */
  readonly log = new RecordingLog();
  readonly #transports: readonly MemoryTransport[];

  private constructor({ settings, listeners, broker, autoCommit = true }: MqttBenchOptions) {
    const store = new MemoryStore({ clock: this.clock, autoCommit });
    this.core = startCore({ clock: this.clock, store, turns: new Turns(new TurnWriter()), ...(broker === undefined ? {} : { settings: broker }) });
    const all = Object.entries({ 'mqtt.tcp': settings, ...listeners }).map(([name, over]) => {
      return { transport: new MemoryTransport(name), settings: { ...DEFAULT_MQTT_SETTINGS, ...over } };
    });
    this.#transports = all.map(({ transport }) => transport);
    this.gateway = new MqttGateway(all);
  }

  /** For a test that starts the gateway itself, on a core of its own. */
  static unstarted(options: MqttBenchOptions): MqttBench {
    return new MqttBench(options);
  }

  static async start(options: MqttBenchOptions = {}): Promise<MqttBench> {
    const bench = new MqttBench(options);
    await bench.gateway.start({ ...bench.core.context('mqtt'), log: bench.log });
    return bench;
  }

  /** A link on which nothing was sent yet; what comes is read as a client of that version would. */
  peer(version: ProtocolVersion = 5, listener = 'mqtt.tcp'): MqttPeer {
    const transport = this.#transports.find(({ name }) => name === listener);
    if (transport === undefined) throw new TypeError(`no listener ${listener}`);
    return new MqttPeer(transport.connect(), version);
  }

  /** A client that has connected. Clean, without keep-alive and will, unless said otherwise. */
  async connected(over: Partial<ConnectPacket> & { readonly clientId: string }): Promise<MqttPeer> {
    const peer = this.peer(over.version);
    await peer.sends(connect(over)).expects({ type: 'connack', reasonCode: 0 });
    return peer;
  }

  /** A client of another protocol on the same core. */
  async application(id = 'application'): Promise<TestClient> {
    const client = new TestClient(this.core.context('other'));
    await client.connect(requestOf(id));
    return client;
  }

  metric(name: string): number {
    return this.core.metric(name);
  }
}

export type SeenPublish = { readonly type: 'publish'; readonly topic: string; readonly payload: string } & Pick<
  PublishView,
  'qos' | 'isDuplicate' | 'isRetain' | 'packetId' | 'topicAlias' | 'expirySeconds' | 'subscriptionIdentifiers' | 'properties'
>;

export type Seen = SeenPublish | AckPacket | DecodedPacket;

/** Everything said so far has been answered, with the commits that took. */
export async function quiet(): Promise<void> {
  for (let commits = 0; commits < 3; commits += 1) await settled();
}

/** A scripted client. What it receives is kept until a test asks for it. */
export class MqttPeer {
  readonly link: MemoryPeer;
  readonly version: ProtocolVersion;
  readonly #decoder: MqttDecoder;
  readonly #inbox = new Inbox();
  #bytesRead = 0;

  constructor(link: MemoryPeer, version: ProtocolVersion) {
    this.link = link;
    this.version = version;
    this.#decoder = new MqttDecoder({ role: 'client', packetBytesMax: 2_000_000, version });
  }

  /** Packets, or octets in hex where no packet could say it. All of it arrives in one read. */
  sends(...packets: readonly (Packet | Uint8Array | string)[]): this {
    this.link.sends(Buffer.concat(packets.map((packet) => octets(packet, this.version))));
    return this;
  }

  publishes(topic: string, payload: string | Uint8Array, over: PublishOptions = {}): this {
    return this.sends(publishBytes(this.version, topic, payload, over));
  }

  /** Compares everything that came since the last time, in order. Fields a test leaves out may have any value. */
  async expects(...expected: readonly object[]): Promise<void> {
    expect(await this.receives()).toMatchObject(expected);
  }

  async expectsNothing(): Promise<void> {
    expect(await this.receives()).toEqual([]);
  }

  /** The octets that came since the last time. */
  async expectsOctets(...hex: readonly string[]): Promise<void> {
    await quiet();
    expect(this.#take().toString('hex')).toBe(octets(hex.join(''), this.version).toString('hex'));
  }

  /** As `expects`, and the gateway has closed the link behind it. */
  async expectsEnd(...last: readonly object[]): Promise<void> {
    await this.expects(...last);
    expect(this.link.isEnded).toBe(true);
  }

  /** The link breaks, and the gateway has noticed. */
  async breaks(): Promise<void> {
    this.link.resets();
    await quiet();
  }

  async receives(): Promise<Seen[]> {
    await quiet();
    this.#decoder.push(this.#take(), this.#inbox);
    return this.#inbox.take();
  }

  /** Takes the one PUBLISH that came. */
  async receivesPublish(): Promise<SeenPublish> {
    const received = await this.receives();
    expect(received.map(({ type }) => type)).toEqual(['publish']);
    return received[0] as SeenPublish;
  }

  async payloads(): Promise<string[]> {
    const received = await this.receives();
    return received.filter((packet) => packet.type === 'publish').map(({ payload }) => payload);
  }

  /** Subscribes and takes the SUBACK; what came with it is thrown away. */
  async subscribed(...requests: readonly FilterRequest[]): Promise<this> {
    const received = await this.sends(subscribe(1, ...requests)).receives();
    expect(received[0]).toMatchObject({ type: 'suback', packetId: 1 });
    return this;
  }

  #take(): Buffer {
    const { received } = this.link;
    const fresh = received.subarray(this.#bytesRead);
    this.#bytesRead = received.length;
    return fresh;
  }
}

class Inbox implements MqttVisitor {
  #seen: Seen[] = [];

  take(): Seen[] {
    const seen = this.#seen;
    this.#seen = [];
    return seen;
  }

  onPublish(view: PublishView): void {
    const { qos, isDuplicate, isRetain, packetId, topicAlias, expirySeconds, subscriptionIdentifiers, properties } = view;
    const topic = view.bytes.toString('utf8', view.topicStart, view.topicEnd);
    const payload = view.payload().toString();
    this.#seen.push({
      ...{ type: 'publish', topic, payload, qos, isDuplicate, isRetain, packetId },
      ...{ topicAlias, expirySeconds, subscriptionIdentifiers, properties },
    });
  }

  onAck(type: AckType, packetId: number, reasonCode: number, properties: ReasonProperties | undefined): void {
    this.#seen.push({ type, packetId, reasonCode, properties });
  }

  onPacket(packet: DecodedPacket): void {
    this.#seen.push(packet);
  }
}

export function connect(over: Partial<ConnectPacket> = {}): ConnectPacket {
  return { type: 'connect', version: 5, isBridge: false, clientId: 'peer', cleanStart: true, keepAliveSeconds: 0, ...over };
}

export function will(over: Partial<Omit<WillMessage, 'topic' | 'payload'>> & { readonly topic?: string; readonly payload?: string } = {}): WillMessage {
  const { topic = 'will', payload = 'gone', ...rest } = over;
  return { topic: topicName(topic), payload: Buffer.from(payload), qos: 0, isRetain: false, ...rest };
}

export function subscribe(packetId: number, ...requests: readonly FilterRequest[]): SubscribePacket {
  const subscriptions = requests.map(({ filter, ...over }) => ({
    ...({ qosMax: 2, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const),
    ...over,
    filter: topicFilter(filter),
  }));
  return { type: 'subscribe', packetId, subscriptions };
}

export function identified(subscriptionIdentifier: number, packet: SubscribePacket): SubscribePacket {
  return { ...packet, properties: { subscriptionIdentifier } };
}

export function unsubscribe(packetId: number, ...filters: readonly string[]): UnsubscribePacket {
  return { type: 'unsubscribe', packetId, filters: filters.map((filter) => topicFilter(filter)) };
}

export function ack(type: AckType, packetId: number, reasonCode = 0): AckPacket {
  return { type, packetId, reasonCode };
}

export function disconnect(reasonCode = 0, sessionExpirySeconds?: number): Packet {
  return { type: 'disconnect', reasonCode, properties: sessionExpirySeconds === undefined ? undefined : { sessionExpirySeconds } };
}

export interface PublishOptions {
  readonly qos?: QoS;
  readonly packetId?: number;
  readonly isRetain?: boolean;
  readonly isDuplicate?: boolean;
  /** Hex of the 5.0 properties without their length. */
  readonly properties?: string;
}

/** A PUBLISH with a body of less than 2 MiB. */
export function publishBytes(version: ProtocolVersion, topic: string, payload: string | Uint8Array, over: PublishOptions = {}): Buffer {
  const { qos = 0, packetId = 1, isRetain = false, isDuplicate = false, properties = '' } = over;
  const name = Buffer.from(topic);
  const bag = octets(properties, version);
  const body = Buffer.concat([
    Buffer.from([name.length >> 8, name.length & 0xff]),
    name,
    qos === 0 ? Buffer.alloc(0) : Buffer.from([packetId >> 8, packetId & 0xff]),
    version === 5 ? Buffer.concat([Buffer.from([bag.length]), bag]) : Buffer.alloc(0),
    Buffer.from(payload),
  ]);
  const first = 0x30 | (isDuplicate ? 8 : 0) | (qos << 1) | (isRetain ? 1 : 0);
  return Buffer.concat([Buffer.from([first, ...remainingLength(body.length)]), body]);
}

function remainingLength(length: number): number[] {
  return length < 0x80 ? [length] : [(length & 0x7f) | 0x80, ...remainingLength(length >> 7)];
}

function octets(packet: Packet | Uint8Array | string, version: ProtocolVersion): Buffer {
  if (typeof packet === 'string') return Buffer.from(packet.replaceAll(/\s/g, ''), 'hex');
  if (packet instanceof Uint8Array) return Buffer.from(packet);
  const out = new OutBuffer(1 << 20);
  encodePacket(packet, version, { reserve: () => out });
  return out.bytes.subarray(0, out.length);
}
