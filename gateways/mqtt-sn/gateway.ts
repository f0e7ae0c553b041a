// Datagrams in, one Connection per client. What comes from an address without a client is judged here, and leaves nothing behind.
import type { Gateway, GatewayContext } from '../../src/gateway/gateway.ts';
import { MalformedPacketError } from '../../src/model/errors.ts';
import type { DatagramPeer, DatagramTransport } from '../../src/transport/transport.ts';
import { PROTOCOL } from './attach.ts';
import type { GatewayParts } from './client.ts';
import { decode, encode } from './codec.ts';
import { Connector } from './connect.ts';
import { mqttSnCounters } from './counters.ts';
import { Directory } from './directory.ts';
import { type End, endOf, sendTo } from './ends.ts';
import { decapsulate, isEncapsulated } from './forwarder.ts';
import type { Packet, Pingreq, Publish } from './packets.ts';
import { PredefinedTopics } from './predefined-topics.ts';
import type { MqttSnSettings } from './settings.ts';
import { publishedTopic } from './topics.ts';

/** The client id access rules see for QoS −1; rules written for EMQX name this one. */
const ANONYMOUS_PUBLISHER = 'NegQoS-Client';
/** Octets of a malformed datagram that are logged. */
const LOGGED_BYTES = 16;

export class MqttSnGateway implements Gateway {
  readonly name = PROTOCOL;
  readonly #settings: MqttSnSettings;
  readonly #predefined: PredefinedTopics;
  readonly #transports: readonly DatagramTransport[];
  readonly #directory: Directory;
  #service: Service | undefined;

  /** @throws GatewayError INVALID_TOPIC - in a predefined topic. */
  constructor(settings: MqttSnSettings, transports: readonly DatagramTransport[]) {
    this.#settings = settings;
    this.#predefined = new PredefinedTopics(settings.predefinedTopics);
    this.#transports = transports;
    this.#directory = new Directory(transports);
  }

  async start(context: GatewayContext): Promise<void> {
    const counters = mqttSnCounters(context.metrics);
    const { retrySeconds, retries } = this.#settings;
    const parts: GatewayParts = {
      context,
      settings: this.#settings,
      counters,
      predefined: this.#predefined,
      retryRules: { clock: context.clock, intervalMs: retrySeconds * 1_000, repetitionsMax: retries, retransmitted: counters.retransmitted },
      transports: this.#transports,
      send: (packet, to) => {
        counters.sent.value += 1;
        sendTo(to, encode(packet));
      },
    };
    const service = new Service(parts, this.#directory);
    this.#service = service;
    context.metrics.gauge('mqtt-sn.clients', () => this.#directory.size);
    const restored = await service.connector.restoreAll(); // before the first datagram: the devices have not noticed that we were away
    for (const transport of this.#transports) await transport.listen((bytes, from) => service.onDatagram(bytes, transport, from));
    for (const connection of restored) connection.resumeLink(); // what is owed to them leaves by the open transports
  }

  /** Says nothing to the devices: to them a restart is a lost packet. */
  async stop(): Promise<void> {
    this.#service?.connector.stop();
    for (const transport of this.#transports) await transport.close();
    for (const connection of this.#directory.all()) connection.suspend();
  }
}

interface Received {
  readonly packet: Packet;
  readonly from: End;
}

/** The running gateway: which packet goes to whom. */
class Service {
  readonly connector: Connector;
  readonly #parts: GatewayParts;
  readonly #directory: Directory;

  constructor(parts: GatewayParts, directory: Directory) {
    this.#parts = parts;
    this.#directory = directory;
    this.connector = new Connector(parts, directory);
  }

  onDatagram(bytes: Buffer, transport: DatagramTransport, from: DatagramPeer): void {
    const { counters } = this.#parts;
    counters.received.value += 1;
    const received = this.#decode(bytes, transport, from);
    if (received !== undefined) this.#route(received.packet, received.from);
  }

  #decode(bytes: Buffer, transport: DatagramTransport, from: DatagramPeer): Received | undefined {
    const { counters, context, settings } = this.#parts;
    try {
      if (!isEncapsulated(bytes)) return this.#known(decode(bytes), endOf(transport, from));
      if (!settings.forwarders) {
        counters.forwardedDropped.value += 1;
        return undefined;
      }
      const { nodeIds, packet } = decapsulate(bytes);
      return this.#known(decode(packet), endOf(transport, from, nodeIds));
    } catch (error) {
      if (!(error instanceof MalformedPacketError)) throw error;
      counters.malformed.value += 1;
      const hex = bytes.toString('hex', 0, LOGGED_BYTES);
      context.log.warn('malformed datagram', { peer: from.address, clause: error.clause, reason: error.message, hex });
      return undefined;
    }
  }

  #known(packet: Packet | undefined, from: End): Received | undefined {
    if (packet !== undefined) return { packet, from };
    this.#parts.counters.unknownType.value += 1;
    return undefined;
  }

  #route(packet: Packet, from: End): void {
    switch (packet.type) {
      case 'CONNECT':
        this.connector.connect(packet, from);
        break;
      case 'WILLTOPIC':
        if (!this.connector.willTopic(packet, from)) this.#toClient(packet, from);
        break;
      case 'WILLMSG':
        if (!this.connector.willMessage(packet, from)) this.#toClient(packet, from);
        break;
      case 'PINGREQ':
        this.#ping(packet, from);
        break;
      case 'SEARCHGW':
        this.#parts.send({ type: 'GWINFO', gwId: this.#parts.settings.gatewayId, gwAdd: new Uint8Array(0) }, from); // §6.1
        break;
      default:
        this.#toClient(packet, from);
    }
  }

  #toClient(packet: Packet, from: End): void {
    const connection = this.#directory.at(from);
    if (connection !== undefined) connection.receive(packet);
    else this.#fromStranger(packet, from);
  }

  /** A sleeping client names itself: it may have got another address, or another client its old one (§6.14). */
  #ping(packet: Pingreq, from: End): void {
    const atAddress = this.#directory.at(from);
    if (packet.clientId === undefined || atAddress?.clientId === packet.clientId) {
      this.#toClient(packet, from);
      return;
    }
    const sleeper = this.#directory.of(packet.clientId);
    if (sleeper === undefined || sleeper.isActive || !this.#parts.settings.followsAddress) this.#fromStranger(packet, from);
    else void this.#wakeAt(packet, sleeper.clientId, from);
  }

  async #wakeAt(packet: Pingreq, sleeperId: string, from: End): Promise<void> {
    const sleeper = this.#directory.of(sleeperId);
    if (sleeper === undefined || this.connector.isBusy(from) || !this.#parts.context.hasRoom()) return; // it asks again
    const moved = await this.connector.move(sleeper, from);
    if (moved !== undefined) moved.receive(packet);
    else this.#fromStranger(packet, from);
  }

  #fromStranger(packet: Packet, from: End): void {
    if (packet.type === 'PUBLISH' && packet.qos === -1) {
      this.#publishWithoutConnection(packet, from);
      return;
    }
    if (packet.type === 'DISCONNECT') this.connector.abandon(from);
    const isAnswered = EXPECTS_ANSWER.has(packet.type) && !this.connector.isBusy(from) && !isGoingToSleep(packet);
    if (!isAnswered) {
      this.#parts.counters.unexpected.value += 1;
      return;
    }
    this.#parts.counters.unknownClient.value += 1;
    this.#parts.send({ type: 'DISCONNECT', durationSeconds: undefined }, from); // it will connect again
  }

  /** §6.8. Never answered, whatever is wrong. */
  #publishWithoutConnection({ topicIdType, topicId, isRetain, data }: Publish, from: End): void {
    const { settings, context, predefined, counters } = this.#parts;
    const topic = topicIdType === 'normal' ? undefined : publishedTopic({ predefined, clientId: undefined, topicIds: undefined }, topicIdType, topicId);
    if (!settings.qosMinusOne || typeof topic !== 'string') {
      counters.qosMinusOneDropped.value += 1;
      return;
    }
    context.publishWithoutSession(
      { topic: context.topics.intern(topic), payload: data, qos: 0, isRetain },
      { clientId: ANONYMOUS_PUBLISHER, peer: from.address, peerHost: from.peer.host, listener: from.transport.name, protocol: PROTOCOL },
    );
  }
}

/** What a client sends and then waits. The rest is answers of its own, or for other clients' ears. */
const EXPECTS_ANSWER: ReadonlySet<Packet['type']> = new Set([
  'PUBLISH',
  'PUBREL',
  'REGISTER',
  'SUBSCRIBE',
  'UNSUBSCRIBE',
  'PINGREQ',
  'DISCONNECT',
  'WILLTOPICUPD',
  'WILLMSGUPD',
] as const);

/** DISCONNECT would tell a client we do not know that it may sleep in peace. */
function isGoingToSleep(packet: Packet): boolean {
  return packet.type === 'DISCONNECT' && packet.durationSeconds !== undefined && packet.durationSeconds > 0;
}
