// PUBLISH towards the client (§6.10) at QoS 0, 1 and 2. Message ids are the session's packet ids. The core keeps the messages; here is only what
// waits for an answer on this link.
import type { Delivery } from '../../src/gateway/gateway.ts';
import type { CancelTimer } from '../../src/model/clock.ts';
import type { Topic, TopicName } from '../../src/model/topic.ts';
import type { Client } from './client.ts';
import { publishBytes, shortTopicId } from './codec.ts';
import { packetBytesMax } from './ends.ts';
import { type Puback, RETURN_CODE, type Regack, type TopicIdType } from './packets.ts';
import { type RegistrationOutcome, Registrations } from './registrations.ts';
import { Retries } from './retries.ts';

/** T_WAIT: pause after "congestion"; more than 5 min in §7.2. */
const CONGESTION_WAIT_MS = 301_000;

/** Times one message may need its topic registered: late copies of "invalid topic id" count too. */
const REGISTRATIONS_MAX = 3;

/** What a client cannot be told by a number now must wait, and outlive the borrowed delivery. */
type Held = Pick<Delivery, 'message' | 'qos' | 'isRetain' | 'isDuplicate' | 'packetId'>;

interface TopicReference {
  readonly topicIdType: TopicIdType;
  readonly topicId: number;
}

/** A PUBLISH the client has not answered. */
interface Unanswered {
  readonly topicName: TopicName;
  readonly qos: 1 | 2;
  /** Times it answered "invalid topic id" and got a REGISTER. */
  registrations: number;
  /** The REGISTER is not answered yet: another "invalid topic id" is a copy. */
  isRegistering: boolean;
}

type Obstacle = 'registering' | 'congested';

export class Deliveries {
  readonly #client: Client;
  readonly #told: { readonly onIdle: () => void; readonly onExhausted: () => void; readonly onCongested: () => void };
  readonly #registrations: Registrations;
  readonly #retries: Retries<number>;
  readonly #unanswered = new Map<number, Unanswered>();
  /** Ids whose PUBREL was sent. A PUBCOMP for any other is a late copy: the id may be another message's by now. */
  readonly #released = new Set<number>();
  readonly #obstacles = new Set<Obstacle>();
  #cancelWait: CancelTimer | undefined;

  /**
   * `onIdle`: nothing is held here any more. `onExhausted`: the client did not answer N_RETRY repetitions. `onCongested`: the client wants no
   * more messages now.
   */
  constructor(client: Client, told: { readonly onIdle: () => void; readonly onExhausted: () => void; readonly onCongested: () => void }) {
    this.#client = client;
    this.#told = told;
    this.#retries = new Retries(client.parts.retryRules, told.onExhausted);
    this.#registrations = new Registrations(client, { onIdle: () => this.#registrationsDone(), onExhausted: told.onExhausted });
  }

  /** Whether every message the core handed over was sent at least once. */
  get isIdle(): boolean {
    return this.#registrations.isIdle;
  }

  deliver(delivery: Delivery): void {
    if (this.#client.isAsleep) {
      if (delivery.qos === 0) this.#client.parts.counters.undeliverable.value += 1;
      return; // the wake-up sends it again
    }
    const reference = this.#referenceTo(delivery.message.topic);
    if (reference !== undefined) {
      this.#publish(delivery, reference);
      return;
    }
    const { message, qos, isRetain, isDuplicate, packetId } = delivery;
    const held: Held = { message: message.keep(), qos, isRetain, isDuplicate, packetId };
    this.#block('registering');
    this.#registrations.begin(message.topic.name, (outcome) => this.#registered(held, outcome));
  }

  /** The core recorded that the client has the QoS 2 message. */
  release(packetId: number): void {
    if (this.#client.isAsleep) return; // the wake-up sends it again
    this.#client.send({ type: 'PUBREL', msgId: packetId });
    this.#released.add(packetId);
    this.#watch(packetId);
  }

  regack(packet: Regack): void {
    this.#registrations.answered(packet);
  }

  puback({ topicId, msgId, returnCode }: Puback): void {
    switch (returnCode) {
      case RETURN_CODE.accepted:
        if (this.#unanswered.get(msgId)?.qos === 1) this.#settle(msgId);
        return;
      case RETURN_CODE.invalidTopicId:
        this.#client.topicIds.doubt(topicId);
        this.#reregister(msgId);
        return;
      case RETURN_CODE.congestion:
        if (this.#unanswered.has(msgId)) this.#congested(msgId);
        return;
      default:
        if (this.#unanswered.has(msgId)) this.#refused(msgId);
    }
  }

  pubrec(msgId: number): void {
    if (this.#unanswered.get(msgId)?.qos === 1) return; // it waits for PUBACK
    this.#answered(msgId);
    if (!this.#client.session.received(msgId)) this.#client.send({ type: 'PUBREL', msgId }); // a late copy: let the client finish
  }

  pubcomp(msgId: number): void {
    if (this.#released.delete(msgId)) this.#settle(msgId);
  }

  /** The client sleeps: nothing is sent, nothing repeated. What it does not answer now comes again when it wakes up. */
  suspend(): void {
    this.stop();
    for (const unanswered of this.#unanswered.values()) unanswered.isRegistering = false;
    for (const obstacle of [...this.#obstacles]) this.#unblock(obstacle);
  }

  /** The client is gone; the session is no longer ours to ask. */
  stop(): void {
    this.#retries.clear();
    this.#registrations.clear();
    this.#cancelWait?.();
  }

  #publish({ message, qos, isRetain, isDuplicate, packetId }: Held, reference: TopicReference): void {
    if (publishBytes(message.payload.length) > packetBytesMax(this.#client.remoteEnd)) {
      this.#refused(packetId);
      return;
    }
    this.#client.send({ type: 'PUBLISH', isDuplicate, qos, isRetain, ...reference, msgId: packetId, data: message.payload });
    if (qos === 0) return;
    if (!this.#unanswered.has(packetId)) this.#unanswered.set(packetId, { topicName: message.topic.name, qos, registrations: 0, isRegistering: false });
    this.#watch(packetId);
  }

  #watch(packetId: number): void {
    this.#retries.watch(packetId, () => {
      if (!this.#client.session.resend(packetId)) this.#answered(packetId);
    });
  }

  /** A registered id first: the client asked for it. Then what needs no registration (§6.7). */
  #referenceTo({ name }: Topic): TopicReference | undefined {
    const { topicIds, predefined, clientId } = this.#client;
    const normal = topicIds.confirmedIdOf(name);
    if (normal !== undefined) return { topicIdType: 'normal', topicId: normal };
    const known = predefined.idOf(clientId, name);
    if (known !== undefined) return { topicIdType: 'predefined', topicId: known };
    const short = shortTopicId(name);
    return short === undefined ? undefined : { topicIdType: 'short', topicId: short };
  }

  #registered(held: Held, outcome: RegistrationOutcome): void {
    const reference = this.#referenceTo(held.message.topic);
    if (outcome === 'accepted' && reference !== undefined) this.#publish(held, reference);
    else if (outcome === 'congestion') this.#congested(held.packetId);
    else this.#refused(held.packetId);
  }

  /** PUBACK "invalid topic id": the client forgot the id, or never had it (§6.10). */
  #reregister(packetId: number): void {
    const unanswered = this.#unanswered.get(packetId);
    if (unanswered === undefined || unanswered.isRegistering) return;
    if (unanswered.registrations === REGISTRATIONS_MAX) {
      this.#refused(packetId); // it will not learn
      return;
    }
    unanswered.registrations += 1;
    unanswered.isRegistering = true;
    this.#retries.answered(packetId);
    this.#block('registering');
    this.#registrations.begin(unanswered.topicName, (outcome) => {
      unanswered.isRegistering = false;
      if (outcome === 'accepted') this.#client.session.resend(packetId);
      else if (outcome === 'congestion') this.#congested(packetId);
      else this.#refused(packetId);
    });
  }

  #registrationsDone(): void {
    this.#unblock('registering');
    this.#told.onIdle();
  }

  #settle(packetId: number): void {
    this.#answered(packetId);
    this.#client.session.settle(packetId);
  }

  /** For good; packet id 0 is a QoS 0 message, which nobody counts but us. */
  #refused(packetId: number): void {
    this.#answered(packetId);
    if (packetId === 0 || this.#client.session.refused(packetId)) this.#client.parts.counters.undeliverable.value += 1;
  }

  #answered(packetId: number): void {
    this.#retries.answered(packetId);
    this.#unanswered.delete(packetId);
  }

  /** An active client is left alone for T_WAIT; a sleeping one gets the rest at its next wake-up. A QoS 0 message is not kept for it. */
  #congested(packetId: number): void {
    this.#answered(packetId);
    this.#block('congested');
    this.#cancelWait?.();
    this.#cancelWait = this.#client.parts.context.clock.after(CONGESTION_WAIT_MS, () => this.#unblock('congested'));
    if (packetId === 0) this.#client.parts.counters.undeliverable.value += 1;
    else this.#client.session.giveBack(packetId);
    this.#told.onCongested();
  }

  #block(obstacle: Obstacle): void {
    if (this.#obstacles.size === 0) this.#client.session.pause('link');
    this.#obstacles.add(obstacle);
  }

  #unblock(obstacle: Obstacle): void {
    if (this.#obstacles.delete(obstacle) && this.#obstacles.size === 0) this.#client.session.resume('link');
  }
}
