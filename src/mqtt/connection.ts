// One client on one link. Frames are handled strictly in order, each in the turn it arrived in; only CONNECT and the answers to challenges wait, and
// nothing is decoded meanwhile. What breaks a rule throws; the link's edge turns it into the specification's goodbye.
import type { ClientSession, Delivery, EndReason, PublishOutcome } from '../gateway/gateway.ts';
import { type GatewayError, ProtocolViolationError } from '../model/errors.ts';
import { CONNECT_BYTES_MAX, WITHHELD_PACKET_BYTES } from '../model/limits.ts';
import type { LogFields } from '../model/log.ts';
import type { Turns } from '../model/turns.ts';
import { FILTER_WORK, workOfBytes } from '../model/work.ts';
import { Holding } from '../transport/holding.ts';
import { type FaultTaker, HOLD, Intake } from '../transport/intake.ts';
import { KeepAlive, type Watched } from '../transport/keep-alive.ts';
import type { Link, LinkHandlers } from '../transport/transport.ts';
import { Admission, type AdmissionParts, type Admitted, type Applicant } from './admission.ts';
import { MqttDecoder } from './codec.ts';
import { connackProperties, expiryAtDisconnect, KEEP_ALIVE_GRACE_MS, type Terms } from './connect.ts';
import { Deliveries } from './deliveries.ts';
import { type Fault, noteFault } from './fault.ts';
import { HeldDeliveries } from './held-deliveries.ts';
import { InboundPublishes } from './inbound-publishes.ts';
import {
  type AckType,
  type DecodedPacket,
  type DisconnectPacket,
  type MqttVisitor,
  type Packet,
  type PublishView,
  REASON,
  type SubscribePacket,
  type UnsubscribePacket,
} from './packets.ts';
import type { PublishEncoders } from './publish-encoders.ts';
import { END_REASON, isRefusal } from './reason.ts';
import { type Reauthenticating, Reauthentication } from './reauthentication.ts';
import { type Explanation, Replies } from './replies.ts';
import type { MqttSettings } from './settings.ts';
import { filtersOf, keptBytes, type Subscriber, Subscribing } from './subscribing.ts';

export interface ConnectionParts extends AdmissionParts {
  readonly encoders: PublishEncoders;
  readonly turns: Turns;
  readonly onClosed: (connection: MqttConnection) => void;
}

/** What there is only between CONNACK and the end. */
interface Client {
  readonly session: ClientSession;
  readonly terms: Terms;
  readonly reauthentication: Reauthentication;
  readonly publishes: InboundPublishes;
  readonly deliveries: Deliveries;
  readonly subscribing: Subscribing;
}

export class MqttConnection implements MqttVisitor, FaultTaker, Applicant, Subscriber, Reauthenticating, Watched, LinkHandlers {
  rosterPlace = 0;
  readonly #link: Link;
  readonly #parts: ConnectionParts;
  readonly #settings: MqttSettings;
  readonly #decoder: MqttDecoder;
  readonly #intake: Intake<MqttVisitor>;
  readonly #replies: Replies;
  /** Until the client is in; then only what one needs that may prove itself again. */
  #admission: Admission | undefined;
  readonly #held = new HeldDeliveries();
  #state: 'joining' | 'connected' | 'closed' = 'joining';
  #client: Client | undefined;
  /** Whether the bytes at hand completed a packet. */
  #hasPacket = false;
  #keepAlive: KeepAlive | undefined;
  #holding: Holding | undefined;

  constructor(link: Link, parts: ConnectionParts) {
    this.#link = link;
    this.#parts = parts;
    this.#settings = parts.listener.settings;
    this.#decoder = new MqttDecoder({ role: 'server', packetBytesMax: this.#settings.packetBytesMax });
    this.#intake = new Intake<MqttVisitor>(link, this, { decoder: this.#decoder, turns: parts.turns, yields: parts.counters.turnsYielded });
    this.#replies = new Replies(link, this.#settings);
    this.#admission = new Admission(link, parts, { applicant: this, replies: this.#replies, onTimeout: () => this.#connectTimedOut() });
    parts.counters.connectionsAccepted.value += 1;
    link.handlers = this;
  }

  get isOpen(): boolean {
    return this.#state !== 'closed';
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
    this.#intake.push(bytes);
    if (this.#hasPacket || this.#intake.isMidLargePacket) this.#keepAlive?.heard();
  }

  onFull(): void {
    this.#client?.session.pause('link');
  }

  onDrain(): void {
    this.guard(() => this.#client?.session.resume('link'));
  }

  onClose(cause?: GatewayError): void {
    if (cause !== undefined) this.#parts.context.log.debug('link failed', { peer: this.#link.peer, cause: cause.message });
    this.#stop();
    this.#parts.turns.soon(() => {
      this.#leave({ publishWill: true });
      this.#parts.onClosed(this);
    });
  }

  onPublish(view: PublishView): void {
    const { publishes, session } = this.#requireClient();
    if (!view.isSameTopic) this.#parts.turns.work.done += workOfBytes(view.topicEnd - view.topicStart);
    if (view.qos === 0) {
      publishes.take(view, session);
      return;
    }
    this.#held.begin();
    publishes.take(view, session);
    for (const delivery of this.#held.end()) this.deliver(delivery);
  }

  onAck(type: AckType, packetId: number, reasonCode: number): void {
    const { session, terms } = this.#requireClient();
    if (type !== 'puback' && this.#isPutOff(session, undefined, () => this.onAck(type, packetId, reasonCode))) return;
    if (type === 'pubrel') {
      session.release(packetId);
      return;
    }
    if (type === 'pubrec' && !isRefusal(reasonCode)) {
      if (session.received(packetId)) return;
      this.#replies.ack('pubrel', packetId, terms.version === 5 ? REASON.packetIdentifierNotFound : REASON.success);
      return;
    }
    const isKnown = isRefusal(reasonCode) && type !== 'pubcomp' ? session.refused(packetId) : session.settle(packetId);
    if (!isKnown) this.#parts.counters.unknownAcks.value += 1;
  }

  onPacket(packet: DecodedPacket): void {
    switch (packet.type) {
      case 'connect':
        void this.#admission?.connect(packet);
        break;
      case 'auth':
        this.#hasPacket = true;
        if (this.#client === undefined) this.#admission?.answered(packet);
        else this.#client.reauthentication.take(packet);
        break;
      case 'subscribe':
      case 'unsubscribe':
        this.#ask(packet);
        break;
      case 'pingreq':
        this.#requireClient();
        this.send({ type: 'pingresp' });
        break;
      case 'disconnect':
        this.#onDisconnect(packet);
        break;
      default:
        throw new ProtocolViolationError('MQTT 5 §2.1.2', `${packet.type} comes from servers`);
    }
  }

  /** Whatever went wrong ends here, and with it this connection alone. */
  onFault(error: unknown, bytes: Buffer | undefined): void {
    if (!this.isOpen) return;
    const fault = this.#note(error, bytes);
    this.#leave({ publishWill: true });
    if (this.#state !== 'connected') {
      this.#admission?.refuse(fault, this.#decoder.version);
      this.close();
    } else if (fault.isSilent) {
      this.#parts.counters.ended(fault.reasonCode);
      this.close();
    } else this.#goodbye(fault.reasonCode, fault);
  }

  enter({ outcome, terms, authentication }: Admitted): void {
    const { context, counters, encoders } = this.#parts;
    const { session, isSessionPresent, authenticationData } = outcome;
    const { version, keepAliveSeconds, clientId } = terms;
    const parts = { version, topics: context.topics, settings: this.#settings, replies: this.#replies, notUtf8: counters.notUtf8 };
    this.#state = 'connected';
    if (authentication === undefined) this.#admission = undefined;
    this.#decoder.limitPackets(this.#settings.packetBytesMax);
    this.#client = {
      ...{ session, terms },
      reauthentication: new Reauthentication(this, session, { clock: context.clock, authentication, timeoutMs: this.#settings.connectTimeoutMs, counters }),
      publishes: new InboundPublishes(parts),
      deliveries: new Deliveries(this.#link, terms, encoders),
      subscribing: new Subscribing(this, session, { version, isBridge: terms.isBridge, settings: this.#settings }),
    };
    if (keepAliveSeconds > 0) this.#keepAlive = new KeepAlive(context.clock, KEEP_ALIVE_GRACE_MS * keepAliveSeconds, { held: this.#intake, watched: this });
    const properties = { ...connackProperties(terms, this.#settings), ...authentication?.said(authenticationData) };
    this.send({ type: 'connack', isSessionPresent, reasonCode: 0, properties });
    if (!this.isOpen) return; // the answer was too large for it
    context.log.debug('client connected', { peer: this.#link.peer, clientId, isSessionPresent });
    session.resume('link');
    this.listen();
  }

  listen(): void {
    this.#intake.release(HOLD.judging);
  }

  waitForCore(): void {
    this.#decoder.limitPackets(Math.min(this.#settings.packetBytesMax, CONNECT_BYTES_MAX)); // in an exchange of challenges still nobody has vouched for it
    this.#intake.hold(HOLD.judging);
  }

  send(packet: Packet): void {
    if (!this.#replies.send(packet)) this.#tooLarge(packet.type);
  }

  answer(type: 'suback' | 'unsuback', packetId: number, reasonCodes: readonly number[]): boolean {
    const isSent = this.#replies.answer(type, packetId, reasonCodes);
    if (!isSent) this.#tooLarge(type);
    return isSent;
  }

  /** Runs what the core calls back for: whatever goes wrong there is this connection's end. */
  guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.onFault(error, undefined);
    }
  }

  close(): void {
    if (!this.isOpen) return;
    this.#stop();
    this.#link.close();
  }

  deliver(delivery: Delivery): void {
    const client = this.#client;
    if (client === undefined || this.#held.takes(delivery)) return;
    this.#parts.turns.work.done += 1;
    if (client.deliveries.write(delivery)) return;
    this.#parts.counters.droppedTooLarge.value += 1;
    if (delivery.qos > 0) client.session.refused(delivery.packetId); // MQTT-3.1.2-25: as if it had been sent
  }

  release(packetId: number): void {
    this.#replies.ack('pubrel', packetId, REASON.success);
  }

  published(token: number, outcome: PublishOutcome): void {
    if (this.#client?.publishes.answer(token, outcome) === false) this.#refuse('publish refused: a bound is reached; closing, as MQTT 3.x cannot say so');
  }

  completed(packetId: number, wasKnown: boolean): void {
    this.#client?.publishes.complete(packetId, wasKnown);
  }

  drained(): void {}

  throttle(delayMs: number): void {
    this.#hold().throttle(delayMs);
  }

  /** 3.x has no negative PUBACK: what there is no room for waits unanswered, and all that comes behind it. */
  pauseReading(full: string): void {
    this.#withhold('no room for a message: its client is not read until there is', full);
  }

  resumeReading(): void {
    this.#hold().readOn();
  }

  end(reason: EndReason): void {
    if (reason === 'rate-exceeded') this.#warn('over its rate for too long: sent away');
    this.#client = undefined; // the core has let go of it
    const isRedirected = reason === 'shutting-down' && this.#settings.serverReference !== undefined;
    this.#goodbye(isRedirected ? REASON.useAnotherServer : END_REASON[reason]);
  }

  onSilence(): void {
    this.#parts.counters.keepAliveTimeouts.value += 1;
    this.dismiss(REASON.keepAliveTimeout);
  }

  dismiss(reasonCode: number, explanation?: Explanation): void {
    this.#leave({ publishWill: true });
    this.#goodbye(reasonCode, explanation);
  }

  #onDisconnect(packet: DisconnectPacket): void {
    const sessionExpirySeconds = expiryAtDisconnect(packet, this.#client?.terms, this.#settings);
    this.#leave({ publishWill: packet.reasonCode !== REASON.success, sessionExpirySeconds }); // MQTT-3.1.2-8, MQTT-3.14.4-3
    this.close();
  }

  /** Not even kept: the client finds its message unacknowledged when it connects again. */
  #refuse(event: string): void {
    this.#warn(event);
    this.dismiss(REASON.quotaExceeded);
  }

  #connectTimedOut(): void {
    this.#stop();
    this.#link.destroy();
  }

  #withhold(event: string, full?: string): void {
    this.#warn(event, { full });
    this.#hold().withhold(this.#client?.terms.keepAliveSeconds ?? 0, () => this.#refuse('a client was not read for too long: closing'));
  }

  #hold(): Holding {
    this.#holding ??= new Holding(this.#intake, this.#parts);
    return this.#holding;
  }

  #requireClient(): Client {
    this.#hasPacket = true;
    this.#intake.count();
    if (this.#client === undefined) throw new ProtocolViolationError('MQTT-3.1.0-1', 'packet before CONNACK');
    return this.#client;
  }

  #ask(packet: SubscribePacket | UnsubscribePacket): void {
    const { session, subscribing } = this.#requireClient();
    this.#parts.turns.work.done += filtersOf(packet) * FILTER_WORK;
    if (this.#isPutOff(session, packet, () => this.#ask(packet))) return;
    if (packet.type === 'subscribe') subscribing.subscribe(packet);
    else subscribing.unsubscribe(packet);
  }

  /** While the disk is behind, what would wait for it is kept undone, and the client is not read. */
  #isPutOff(session: ClientSession, packet: SubscribePacket | UnsubscribePacket | undefined, run: () => void): boolean {
    if (this.#parts.context.hasRoom()) return false;
    const goOn = (): void => {
      this.guard(run);
      this.resumeReading();
    };
    if (session.whenRoom(packet === undefined ? WITHHELD_PACKET_BYTES : keptBytes(packet), goOn))
      this.#withhold('the disk is behind: a client is not read until it has caught up');
    else this.#refuse('the disk is behind, and too much waits for it: closing');
    return true;
  }

  #warn(event: string, more: LogFields = {}): void {
    this.#parts.context.log.warn(event, { peer: this.#link.peer, clientId: this.#client?.terms.clientId, ...more });
  }

  #note(error: unknown, bytes: Buffer | undefined, clientId = this.#client?.terms.clientId ?? this.#admission?.clientId): Fault {
    const { peer, listener } = this.#link;
    const { context, counters } = this.#parts;
    return noteFault(error, bytes, { who: { peer, listener, clientId }, log: context.log, counters, isFirst: clientId === undefined });
  }

  #leave(cause: { readonly publishWill: boolean; readonly sessionExpirySeconds?: number | undefined }): void {
    const client = this.#client;
    this.#client = undefined;
    try {
      client?.session.disconnect(cause);
    } catch (error) {
      this.#note(error, undefined, client?.terms.clientId); // the core failed at the will, say; the link still has to end
    }
  }

  /** Server DISCONNECT where the version has one, then close. */
  #goodbye(reasonCode: number, explanation: Explanation = {}): void {
    this.#parts.counters.ended(reasonCode);
    if (this.#state === 'connected' && this.#decoder.version === 5) {
      this.send({ type: 'disconnect', reasonCode, properties: this.#replies.farewell(reasonCode, explanation) });
    }
    this.close();
  }

  #stop(): void {
    this.#state = 'closed';
    this.#admission?.end();
    this.#holding?.stop();
    this.#keepAlive?.stop();
    this.#intake.close();
  }

  /** An answer the client has no room for cannot be left out: the connection ends (MQTT-3.1.2-24). */
  #tooLarge(type: Packet['type']): void {
    this.#parts.context.log.warn('answer above the Maximum Packet Size of the client', { peer: this.#link.peer, packet: type });
    this.#leave({ publishWill: type !== 'connack' });
    if (type === 'connack' || type === 'disconnect') this.close();
    else this.#goodbye(REASON.packetTooLarge);
  }
}
