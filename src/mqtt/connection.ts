// One client on one link. Frames are handled strictly in order, each in the turn it arrived in; only CONNECT waits, and nothing is decoded
// meanwhile. What breaks a rule throws; the one `try` at the link's edge turns it into the specification's goodbye.
import type { ClientSession, Delivery, EndReason, GatewayContext, Outlet, PublishOutcome } from '../gateway/gateway.ts';
import type { CancelTimer } from '../model/clock.ts';
import { type GatewayError, ProtocolViolationError } from '../model/errors.ts';
import type { MessageProperties, QoS } from '../model/message.ts';
import type { Topic } from '../model/topic.ts';
import type { Link, LinkHandlers } from '../transport/transport.ts';
import { MqttDecoder } from './codec.ts';
import { connackProperties, connectRequest, expiryOf, type Terms, termsOf } from './connect.ts';
import type { MqttCounters } from './counters.ts';
import { encodeAck, encodePacket } from './encode.ts';
import { type Fault, noteFault } from './fault.ts';
import { InboundTopics } from './inbound-topics.ts';
import { KeepAlive } from './keep-alive.ts';
import {
  type AckType,
  type ConnectPacket,
  type DecodedPacket,
  type DisconnectPacket,
  type MqttVisitor,
  type Packet,
  type PublishView,
  REASON,
  type SubscribePacket,
} from './packets.ts';
import type { PublishEncoders } from './publish-encoders.ts';
import { connackReason, END_REASON, PUBACK_REASON, PUBREC_REASON, returnCodeOf } from './reason.ts';
import { ReceiveWindow } from './receive-window.ts';
import type { MqttSettings } from './settings.ts';
import { subackCodes, unsubackCodes } from './subscribing.ts';

export interface ConnectionParts {
  readonly context: GatewayContext;
  readonly settings: MqttSettings;
  readonly counters: MqttCounters;
  readonly encoders: PublishEncoders;
  readonly onClosed: (connection: MqttConnection) => void;
}

/** So much of a packet is on its way only over a slow link: its client is not silent although the packet takes long. */
const LARGE_PACKET_BYTES = 64 * 1024;
/** Room for the packet id below the QoS in a publish token. */
const TOKEN_STRIDE = 65_536;

/** The draft of the PUBLISH at hand; the core takes from it what it keeps. */
interface DraftView {
  topic: Topic;
  payload: Uint8Array;
  qos: QoS;
  isRetain: boolean;
  properties: MessageProperties | undefined;
  expirySeconds: number | undefined;
}

export class MqttConnection implements MqttVisitor, Outlet, LinkHandlers {
  readonly #link: Link;
  readonly #parts: ConnectionParts;
  readonly #decoder: MqttDecoder;
  readonly #topics: InboundTopics;
  #state: 'awaiting-connect' | 'connecting' | 'connected' | 'closed' = 'awaiting-connect';
  #terms: Terms | undefined;
  #session: ClientSession | undefined;
  #draft: DraftView | undefined;
  /** 3.x clients were told no limit. */
  #window: ReceiveWindow | undefined;
  #pendingSubacks = 0;
  /** Whether the bytes at hand completed a packet. */
  #hasPacket = false;
  #keepAlive: KeepAlive | undefined;
  readonly #cancelConnectTimeout: CancelTimer;

  constructor(link: Link, parts: ConnectionParts) {
    this.#link = link;
    this.#parts = parts;
    const { context, settings, counters } = parts;
    this.#decoder = new MqttDecoder({ role: 'server', packetBytesMax: settings.packetBytesMax });
    this.#topics = new InboundTopics(context.topics, settings.topicAliasMax);
    this.#cancelConnectTimeout = context.clock.after(settings.connectTimeoutMs, () => this.#connectTimedOut());
    counters.connectionsAccepted.value += 1;
    link.handlers = this;
  }

  /** Tells the client that the server goes (5.0), then closes. */
  shutDown(): void {
    this.end('shutting-down');
  }

  destroy(): void {
    this.#link.destroy();
  }

  onBytes(bytes: Buffer): void {
    if (this.#state === 'closed') return;
    this.#hasPacket = false;
    try {
      this.#decoder.push(bytes, this);
    } catch (error) {
      this.#fail(error, bytes);
    }
    if (this.#hasPacket || this.#decoder.bufferedBytes > LARGE_PACKET_BYTES) this.#keepAlive?.heard();
  }

  onFull(): void {
    this.#session?.pause('link');
  }

  onDrain(): void {
    this.#guard(() => this.#session?.resume('link'));
  }

  onClose(cause?: GatewayError): void {
    if (cause !== undefined) this.#parts.context.log.debug('link failed', { peer: this.#link.peer, cause: cause.message });
    this.#stop();
    this.#leave({ publishWill: true });
    this.#parts.onClosed(this);
  }

  onPublish(view: PublishView): void {
    const session = this.#requireSession();
    const topic = this.#topics.topicOf(view);
    if (view.qos > 0) this.#window?.begin(view.qos === 1 ? 1 : 2, view.packetId);
    this.#draft ??= { topic, payload: view.bytes, qos: 0, isRetain: false, properties: undefined, expirySeconds: undefined };
    const draft = this.#draft;
    draft.topic = topic;
    draft.payload = view.payload();
    draft.qos = view.qos;
    draft.isRetain = view.isRetain;
    draft.properties = view.properties;
    draft.expirySeconds = view.expirySeconds;
    if (view.qos === 0) session.publish(draft, 0);
    else session.publish(draft, view.qos * TOKEN_STRIDE + view.packetId, view.qos === 2 ? view.packetId : 0);
  }

  onAck(type: AckType, packetId: number, reasonCode: number): void {
    const session = this.#requireSession();
    const isRefusal = reasonCode >= 0x80;
    if (type === 'pubrel') {
      session.release(packetId);
      return;
    }
    if (type === 'pubrec' && !isRefusal) {
      if (!session.received(packetId)) this.#ack('pubrel', packetId, this.#terms?.version === 5 ? REASON.packetIdentifierNotFound : REASON.success);
      return;
    }
    const isKnown = isRefusal && type !== 'pubcomp' ? session.refused(packetId) : session.settle(packetId);
    if (!isKnown) this.#parts.counters.unknownAcks.value += 1;
  }

  onPacket(packet: DecodedPacket): void {
    if (packet.type === 'connect') {
      this.#onConnect(packet);
      return;
    }
    const session = this.#requireSession();
    switch (packet.type) {
      case 'subscribe':
        this.#onSubscribe(packet, session);
        break;
      case 'unsubscribe': {
        const { packetId } = packet;
        const reasonCodes = unsubackCodes(packet, session);
        session.whenDurable(() => this.#guard(() => this.#send({ type: 'unsuback', packetId, reasonCodes })));
        break;
      }
      case 'pingreq':
        this.#send({ type: 'pingresp' });
        break;
      case 'disconnect':
        this.#onDisconnect(packet);
        break;
      default:
        throw new ProtocolViolationError('MQTT-4.12.0-7', `${packet.type} without an authentication method`);
    }
  }

  deliver(delivery: Delivery): void {
    const terms = this.#terms;
    if (terms === undefined) return;
    const isWritten = this.#parts.encoders.of(terms.version).encode(delivery, this.#link, terms.packetBytesMax);
    if (isWritten) return;
    this.#parts.counters.droppedTooLarge.value += 1;
    if (delivery.qos > 0) this.#session?.refused(delivery.packetId); // MQTT-3.1.2-25: as if it had been sent
  }

  release(packetId: number): void {
    this.#ack('pubrel', packetId, REASON.success);
  }

  published(token: number, outcome: PublishOutcome): void {
    if (token === 0) return; // QoS 0: never answered
    const version = this.#terms?.version;
    if (version !== 5 && outcome === 'quota-exceeded') {
      this.#withhold();
      return;
    }
    const packetId = token % TOKEN_STRIDE;
    if (token < 2 * TOKEN_STRIDE) {
      this.#window?.acknowledged();
      this.#ack('puback', packetId, version === 5 ? PUBACK_REASON[outcome] : REASON.success); // MQTT-3.3.5-2 of 3.1.1
      return;
    }
    const reasonCode = version === 5 ? PUBREC_REASON[outcome] : REASON.success;
    if (reasonCode >= 0x80) this.#window?.completed(packetId);
    this.#ack('pubrec', packetId, reasonCode);
  }

  completed(packetId: number, wasKnown: boolean): void {
    this.#window?.completed(packetId);
    this.#ack('pubcomp', packetId, wasKnown || this.#terms?.version !== 5 ? REASON.success : REASON.packetIdentifierNotFound);
  }

  drained(): void {}

  end(reason: EndReason): void {
    this.#session = undefined; // the core has let go of it
    this.#goodbye(END_REASON[reason]);
  }

  #onConnect(packet: ConnectPacket): void {
    if (this.#state !== 'awaiting-connect') throw new ProtocolViolationError('MQTT-3.1.0-2', 'second CONNECT');
    this.#state = 'connecting';
    this.#decoder.pause();
    this.#link.pauseReading();
    void this.#connect(packet);
  }

  async #connect(packet: ConnectPacket): Promise<void> {
    const { context, settings } = this.#parts;
    try {
      const terms = termsOf(packet, settings);
      this.#terms = terms;
      const outcome = await context.connect(connectRequest(packet, terms, this.#link, context), this);
      if (outcome.kind === 'refused') {
        context.log.info('connection refused', { peer: this.#link.peer, clientId: terms.clientId, reason: outcome.reason });
        this.#refuse(connackReason(terms.version, outcome.reason));
      } else if (this.#isOpen()) this.#accept(outcome.session, outcome.isSessionPresent, terms);
      else outcome.session.disconnect({ publishWill: true }); // the link went while the core was judging
    } catch (error) {
      this.#fail(error, undefined);
    }
  }

  #accept(session: ClientSession, isSessionPresent: boolean, terms: Terms): void {
    const { context, settings } = this.#parts;
    this.#session = session;
    this.#state = 'connected';
    this.#cancelConnectTimeout();
    if (terms.version === 5) this.#window = new ReceiveWindow(settings.receiveMax);
    if (terms.keepAliveSeconds > 0) this.#keepAlive = new KeepAlive(context.clock, terms.keepAliveSeconds, () => this.#silent());
    this.#send({ type: 'connack', isSessionPresent, reasonCode: 0, properties: connackProperties(terms, settings) });
    if (!this.#isOpen()) return; // the answer was too large for it
    context.log.debug('client connected', { peer: this.#link.peer, clientId: terms.clientId, isSessionPresent });
    session.resume('link');
    this.#link.resumeReading();
    this.#decoder.resume(this);
  }

  #refuse(reasonCode: number): void {
    if (!this.#isOpen()) return;
    this.#send({ type: 'connack', isSessionPresent: false, reasonCode });
    this.#close();
  }

  #onDisconnect({ reasonCode, properties }: DisconnectPacket): void {
    const terms = this.#terms;
    const asked = properties?.sessionExpirySeconds;
    if (asked !== undefined && asked > 0 && terms?.sessionExpiryAsked === 0) {
      throw new ProtocolViolationError('MQTT 5 §3.14.2.2.2', 'DISCONNECT asks for a session CONNECT did not want');
    }
    const sessionExpirySeconds = asked === undefined ? undefined : Math.min(expiryOf(asked), this.#parts.settings.sessionExpiryMaxSeconds);
    this.#leave({ publishWill: reasonCode !== REASON.success, sessionExpirySeconds }); // MQTT-3.1.2-8, MQTT-3.14.4-3
    this.#close();
  }

  /** SUBACK goes out once the subscriptions are on disk, and before what they bring. */
  #onSubscribe(packet: SubscribePacket, session: ClientSession): void {
    const { packetId } = packet;
    this.#pendingSubacks += 1;
    session.pause('subscribing');
    const reasonCodes = subackCodes(packet, session, { version: this.#decoder.version ?? 4, isBridge: this.#terms?.isBridge === true });
    session.whenDurable(() => this.#guard(() => this.#subscribed(packetId, reasonCodes)));
  }

  #subscribed(packetId: number, reasonCodes: readonly number[]): void {
    this.#send({ type: 'suback', packetId, reasonCodes });
    this.#pendingSubacks -= 1;
    if (this.#pendingSubacks === 0) this.#session?.resume('subscribing');
  }

  /** 3.x has no negative PUBACK: none is sent, and the client finds its message unacknowledged when it connects again. */
  #withhold(): void {
    this.#parts.context.log.warn('publish refused: a queue is full; closing, as MQTT 3.x cannot say so', {
      peer: this.#link.peer,
      clientId: this.#terms?.clientId,
    });
    this.#leave({ publishWill: true });
    this.#close();
  }

  #silent(): void {
    this.#parts.counters.keepAliveTimeouts.value += 1;
    this.#leave({ publishWill: true });
    this.#goodbye(REASON.keepAliveTimeout);
  }

  #connectTimedOut(): void {
    this.#parts.counters.connectTimeouts.value += 1;
    this.#stop();
    this.#link.destroy();
  }

  #requireSession(): ClientSession {
    this.#hasPacket = true;
    if (this.#session === undefined) throw new ProtocolViolationError('MQTT-3.1.0-1', 'packet before CONNECT');
    return this.#session;
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#fail(error, undefined);
    }
  }

  /** Whatever went wrong ends here, and with it this connection alone. */
  #fail(error: unknown, bytes: Buffer | undefined): void {
    if (!this.#isOpen()) return;
    const { reasonCode, isSilent } = this.#note(error, bytes);
    const wasConnected = this.#state === 'connected';
    this.#leave({ publishWill: true });
    if (isSilent) this.#close();
    else if (wasConnected) this.#goodbye(reasonCode);
    else this.#refuseConnect(reasonCode);
  }

  #note(error: unknown, bytes: Buffer | undefined): Fault {
    return noteFault(error, bytes, { peer: this.#link.peer, log: this.#parts.context.log, counters: this.#parts.counters.faults });
  }

  /** A CONNECT that is wrong: 5.0 is told what; 3.x only what has a return code (MQTT-3.1.4-1 of 3.1.1). */
  #refuseConnect(reasonCode: number): void {
    const { version } = this.#decoder;
    // A version we do not know is told in the form of the newest we do.
    const isTold5 = version === 5 || (version === undefined && reasonCode === REASON.unsupportedProtocolVersion);
    const code = isTold5 ? reasonCode : version === undefined ? undefined : returnCodeOf(reasonCode);
    if (code !== undefined) this.#send({ type: 'connack', isSessionPresent: false, reasonCode: code });
    this.#close();
  }

  #leave(cause: { readonly publishWill: boolean; readonly sessionExpirySeconds?: number | undefined }): void {
    const session = this.#session;
    this.#session = undefined;
    try {
      session?.disconnect(cause);
    } catch (error) {
      this.#note(error, undefined); // the core failed at the will, say; the link still has to end
    }
  }

  /** Server DISCONNECT where the version has one, then close. */
  #goodbye(reasonCode: number): void {
    if (this.#state === 'connected' && this.#terms?.version === 5) this.#send({ type: 'disconnect', reasonCode });
    this.#close();
  }

  #close(): void {
    if (this.#state === 'closed') return;
    this.#stop();
    this.#link.close();
  }

  #stop(): void {
    this.#state = 'closed';
    this.#cancelConnectTimeout();
    this.#keepAlive?.stop();
    this.#decoder.close();
  }

  #isOpen(): boolean {
    return this.#state !== 'closed';
  }

  #ack(type: AckType, packetId: number, reasonCode: number): void {
    encodeAck(type, packetId, reasonCode, this.#link);
  }

  /** An answer the client has no room for cannot be left out: the connection ends (MQTT-3.1.2-24). */
  #send(packet: Packet): void {
    if (encodePacket(packet, this.#decoder.version ?? 5, this.#link, this.#terms?.packetBytesMax)) return;
    this.#parts.context.log.warn('answer above the Maximum Packet Size of the client', { peer: this.#link.peer, packet: packet.type });
    this.#leave({ publishWill: packet.type !== 'connack' });
    if (packet.type === 'connack' || packet.type === 'disconnect') this.#close();
    else this.#goodbye(REASON.packetTooLarge);
  }
}
