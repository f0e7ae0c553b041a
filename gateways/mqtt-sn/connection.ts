// One client from CONNACK to its end (§6.14, figure of the client's states). The conversations are in their own files; here is who may speak now,
// and what survives of the link.
import type { ClientSession, Delivery, EndReason, Outlet, PublishOutcome } from '../../src/gateway/gateway.ts';
import type { ClientId } from '../../src/model/client.ts';
import type { TopicName } from '../../src/model/topic.ts';
import type { Client, GatewayParts } from './client.ts';
import { Deliveries } from './deliveries.ts';
import type { End } from './ends.ts';
import { encodeLinkFacts, LINK_KEY, type LinkFacts } from './link-facts.ts';
import { type Connect, type Disconnect, type Packet, type Pingreq, RETURN_CODE } from './packets.ts';
import type { PredefinedTopics } from './predefined-topics.ts';
import { Publishes } from './publishes.ts';
import { isStored, putOff } from './put-off.ts';
import { SilenceWatch } from './silence.ts';
import { Subscriptions } from './subscriptions.ts';
import { TopicIds } from './topic-ids.ts';
import { armWill, storedWill, WillUpdates } from './will.ts';

/** §6.14. `closed` is disconnected, lost or taken over: the session is no longer ours. */
type State = 'active' | 'asleep' | 'awake' | 'closed';

export class Connection implements Client, Outlet {
  readonly parts: GatewayParts;
  readonly session: ClientSession;
  readonly topicIds: TopicIds;
  readonly #onClosed: (connection: Connection) => void;
  readonly #silence: SilenceWatch;
  readonly #deliveries: Deliveries;
  readonly #publishes: Publishes;
  readonly #subscriptions: Subscriptions;
  readonly #willUpdates: WillUpdates;
  #facts: LinkFacts;
  #state: State = 'active';
  /** The core has nothing more for this wake-up, but a REGISTER of ours is still unanswered. */
  #isDrained = false;
  /** Until the client sends anything but copies of what opened the connection. */
  #opening: { readonly connect: Connect; isAnswered: boolean } | undefined;
  #isWillWithheld = false;

  constructor(parts: GatewayParts, session: ClientSession, facts: LinkFacts, onClosed: (connection: Connection) => void) {
    const { clock, topics } = parts.context;
    const onExhausted = (): void => this.#lost('no answer');
    this.parts = parts;
    this.session = session;
    this.#facts = facts;
    this.#onClosed = onClosed;
    this.topicIds = new TopicIds(session.state, parts.settings.topicIdsMax, (name: TopicName) => topics.intern(name).name);
    this.#silence = new SilenceWatch(clock, () => this.#lost('silent'));
    this.#deliveries = new Deliveries(this, { onIdle: () => this.#maybeFinishWake(), onExhausted, onCongested: () => this.#cutWakeShort() });
    this.#publishes = new Publishes(this);
    this.#subscriptions = new Subscriptions(this);
    this.#willUpdates = new WillUpdates(this);
  }

  get clientId(): ClientId {
    return this.session.clientId;
  }

  get predefined(): PredefinedTopics {
    return this.parts.predefined;
  }

  get facts(): LinkFacts {
    return this.#facts;
  }

  get remoteEnd(): End {
    return this.#facts.end;
  }

  get isAsleep(): boolean {
    return this.#state === 'asleep';
  }

  get isActive(): boolean {
    return this.#state === 'active';
  }

  send(packet: Packet): void {
    if (this.#state !== 'closed') this.parts.send(packet, this.#facts.end);
  }

  /** Answers CONNECT once what it promises is on disk, and lets messages flow. */
  accept(connect: Connect): void {
    const opening = { connect, isAnswered: false };
    this.#opening = opening;
    this.#rememberLink(this.#facts);
    this.#silence.start(this.#facts.keepAliveSeconds);
    this.session.whenDurable(() => {
      opening.isAnswered = true;
      this.#connack();
      this.session.resume('link');
    });
  }

  /**
   * Answers a copy of the CONNECT that opened this connection, if it is one: the same fields, and nothing else came in between. With a will the
   * handshake runs again instead.
   */
  answersCopy({ hasWill, isCleanSession, durationSeconds }: Connect): boolean {
    if (this.#opening === undefined) return false;
    const { connect, isAnswered } = this.#opening;
    const isSame = isCleanSession === connect.isCleanSession && durationSeconds === connect.durationSeconds;
    if (hasWill || connect.hasWill || !isSame) return false;
    if (isAnswered) this.#connack();
    return true;
  }

  /** Takes up where a restart or a change of address interrupted the client, which has not noticed. Nothing is sent before `resumeLink`. */
  restoreLink(): void {
    this.topicIds.confirmAll();
    this.#rememberLink(this.#facts);
    if (this.#facts.sleepSeconds === 0) return;
    this.#state = 'asleep';
    this.session.pause('asleep');
  }

  /** Lets messages flow; the client's period starts anew. */
  resumeLink(): void {
    if (this.#state === 'closed') return; // displaced by a client that was restored after it
    this.#silence.start(this.#facts.sleepSeconds > 0 ? this.#facts.sleepSeconds : this.#facts.keepAliveSeconds);
    this.session.resume('link');
  }

  receive(packet: Packet): void {
    this.#silence.heard(); // §6.11: any message will do
    if (this.#opening !== undefined && packet.type === 'WILLMSG') {
      if (this.#opening.isAnswered) this.#connack(); // CONNACK was lost
      return;
    }
    this.#opening = undefined;
    if (isStored(packet) && !this.parts.context.hasRoom()) putOff(packet, this);
    else this.#dispatch(packet);
  }

  /** Another client speaks from its address now. A sleeping one may come back from anywhere. */
  displaced(): void {
    if (this.#state === 'active') this.#lost('another client at its address');
  }

  /**
   * Another CONNECT of this client is being judged. Its will must not be published for a client that returns, nor be lost with one that does
   * not.
   */
  withholdWill(): void {
    if (this.#state === 'closed' || this.#isWillWithheld) return;
    this.#isWillWithheld = true;
    this.session.setWill(undefined);
  }

  releaseWill(): void {
    if (this.#state === 'closed' || !this.#isWillWithheld) return;
    this.#isWillWithheld = false;
    armWill(this.session, this.parts.context.topics, storedWill(this.session.state));
  }

  /** The gateway stops: the device shall not notice. Its link stays on record for the next start. */
  suspend(): void {
    if (this.#state === 'closed') return;
    this.#close();
    this.session.disconnect({ publishWill: false });
  }

  deliver(delivery: Delivery): void {
    this.#deliveries.deliver(delivery);
  }

  release(packetId: number): void {
    this.#deliveries.release(packetId);
  }

  published(token: number, outcome: PublishOutcome): void {
    this.#publishes.published(token, outcome);
  }

  completed(packetId: number): void {
    this.send({ type: 'PUBCOMP', msgId: packetId }); // an unknown id too: its PUBREL is a late copy
  }

  drained(): void {
    this.#isDrained = true;
    this.#maybeFinishWake();
  }

  throttle(delayMs: number): void {
    this.#publishes.throttle(delayMs);
  }

  end(reason: EndReason): void {
    const { log } = this.parts.context;
    if (reason === 'rate-exceeded') log.warn('over its rate for too long: sent away', { clientId: this.clientId, peer: this.#facts.end.address });
    if (reason === 'kicked' || reason === 'rate-exceeded') {
      this.send({ type: 'DISCONNECT', durationSeconds: undefined });
      this.#depart({ publishWill: true });
    } else if (this.#state !== 'closed') {
      this.#close(); // taken over: the session is another connection's now; shutting down: the link stays on record
    }
  }

  #dispatch(packet: Packet): void {
    switch (packet.type) {
      case 'PUBLISH':
        this.#publishes.receive(packet);
        break;
      case 'PUBACK':
        this.#deliveries.puback(packet);
        break;
      case 'PUBREC':
        this.#deliveries.pubrec(packet.msgId);
        break;
      case 'PUBREL':
        this.session.release(packet.msgId);
        break;
      case 'PUBCOMP':
        this.#deliveries.pubcomp(packet.msgId);
        break;
      case 'REGISTER':
        this.#subscriptions.register(packet);
        break;
      case 'REGACK':
        this.#deliveries.regack(packet);
        break;
      case 'SUBSCRIBE':
        this.#subscriptions.subscribe(packet);
        break;
      case 'UNSUBSCRIBE':
        this.#subscriptions.unsubscribe(packet);
        break;
      case 'PINGREQ':
        this.#ping(packet);
        break;
      case 'DISCONNECT':
        this.#leave(packet);
        break;
      case 'WILLTOPICUPD':
        this.#willUpdates.topic(packet);
        break;
      case 'WILLMSGUPD':
        this.#willUpdates.message(packet);
        break;
      default:
        this.parts.counters.unexpected.value += 1;
    }
  }

  #connack(): void {
    this.send({ type: 'CONNACK', returnCode: RETURN_CODE.accepted });
  }

  #ping({ clientId }: Pingreq): void {
    if (clientId !== undefined && this.#state === 'asleep') this.#wake();
    else if (this.#state !== 'awake') this.send({ type: 'PINGRESP' });
  }

  #wake(): void {
    this.#state = 'awake';
    this.#silence.stop(); // N_RETRY watches from here
    this.#isDrained = false;
    this.session.wake();
  }

  #maybeFinishWake(): void {
    if (this.#state === 'awake' && this.#isDrained && this.#deliveries.isIdle) this.#finishWake();
  }

  #finishWake(): void {
    this.#state = 'asleep';
    this.#silence.start(this.#facts.sleepSeconds);
    this.send({ type: 'PINGRESP' });
  }

  /** It answered "congestion": the rest comes at its next wake-up. */
  #cutWakeShort(): void {
    if (this.#state !== 'awake') return;
    this.#fallAsleep();
    this.#finishWake();
  }

  #fallAsleep(): void {
    this.#state = 'asleep';
    this.session.pause('asleep'); // ends a wake-up that is under way
    this.#deliveries.suspend();
  }

  #leave({ durationSeconds }: Disconnect): void {
    if (durationSeconds === undefined || durationSeconds === 0) {
      this.send({ type: 'DISCONNECT', durationSeconds: undefined });
      this.#depart({ publishWill: false });
      return;
    }
    this.#fallAsleep();
    this.#rememberLink({ ...this.#facts, sleepSeconds: durationSeconds });
    this.#silence.start(durationSeconds);
    this.session.whenDurable(() => this.send({ type: 'DISCONNECT', durationSeconds: undefined }));
  }

  #lost(cause: string): void {
    const { counters, context } = this.parts;
    counters.lost.value += 1;
    context.log.info('client lost', { clientId: this.clientId, peer: this.#facts.end.address, cause });
    this.releaseWill();
    this.#depart({ publishWill: true });
  }

  /** The client is gone for good or until its next CONNECT; a session that began clean ends with it. */
  #depart(cause: { readonly publishWill: boolean }): void {
    if (this.#state === 'closed') return;
    this.#close();
    this.session.state.delete(LINK_KEY);
    const sessionExpirySeconds = this.#facts.isCleanSession ? 0 : this.parts.settings.sessionExpirySeconds;
    this.session.disconnect({ ...cause, sessionExpirySeconds });
  }

  #close(): void {
    this.#state = 'closed';
    this.#silence.stop();
    this.#deliveries.stop();
    this.#onClosed(this);
  }

  #rememberLink(facts: LinkFacts): void {
    this.#facts = facts;
    this.session.state.put(LINK_KEY, encodeLinkFacts(facts));
  }
}
