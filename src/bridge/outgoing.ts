// From the session's queue to the remote: a message leaves the queue in the group that records the remote's PUBACK or PUBCOMP, or its place
// among the dead letters, never before.
import type { Delivery } from '../gateway/gateway.ts';
import type { CancelTimer } from '../model/clock.ts';
import { LOSS_REPORT_TOPIC } from '../model/losses.ts';
import { Message } from '../model/message.ts';
import type { Counter } from '../model/metrics.ts';
import { NUMBERING_GATEWAY } from '../model/queue-numbers.ts';
import type { Topic } from '../model/topic.ts';
import { type OutgoingPublish, REASON } from '../mqtt/packets.ts';
import { HeadStart } from './head-start.ts';
import type { BridgeLine } from './line.ts';
import { Provenance } from './provenance.ts';
import type { BridgeSettings } from './settings.ts';
import type { Crossings } from './topic-map.ts';
import { Unanswered } from './unanswered.ts';

/** A message the remote refused for now is offered again after this long, longer each time. */
const RETRY_REFUSED_MS = 5_000;
const RETRY_REFUSED_FACTOR = 4;
const RETRY_REFUSED_MS_MAX = 60_000;
/** Refusals that no later attempt can change (MQTT 5 §3.4.2.1). */
const REFUSED_FOR_GOOD: ReadonlySet<number> = new Set([REASON.notAuthorized, REASON.topicNameInvalid, REASON.payloadFormatInvalid]);
const NO_IDENTIFIERS: readonly number[] = [];

export class Outgoing {
  readonly #line: BridgeLine;
  readonly #map: Crossings;
  readonly #reportTopic: Topic | undefined;
  readonly #provenance: Provenance | undefined;
  /** Of what was refused for now and is withheld. */
  readonly #retries = new Map<number, CancelTimer>();
  readonly #unanswered: Unanswered;
  readonly #headStart: HeadStart;
  #isUp = false;
  #remoteInflightMax = 1;

  /** @param reportTopic - the remote's name for reports of losses. */
  constructor(line: BridgeLine, map: Crossings, reportTopic: Topic | undefined) {
    this.#line = line;
    this.#reportTopic = reportTopic;
    this.#map = map;
    const { settings, context } = line;
    this.#provenance = settings.provenance && new Provenance(settings.provenance, context, `bridge:${settings.name}`);
    this.#unanswered = new Unanswered(context.clock, settings.answerTimeoutMs, (packetIds) => this.#overdue(packetIds));
    this.#headStart = new HeadStart(context.clock, line.session.flow);
  }

  deliver(delivery: Delivery): void {
    const { settings, session, uplink, counters, guard, budget } = this.#line;
    if (this.#headStart.isUnderWay && this.#headStart.withholds(delivery)) return;
    const message = this.#messageFor(delivery);
    if (message === undefined) return;
    const publish = outgoing(delivery, message, delivery.isRetain && settings.sendsRetain);
    const outcome = uplink.publish(isReport(delivery) ? { ...publish, qos: 1 } : publish); // by its number a second copy is known
    if (outcome === 'too-large') {
      this.#giveUp(delivery, 'larger than the remote takes', counters.tooLarge);
      return;
    }
    counters.sent.value += 1;
    guard?.sent(message, { qos: delivery.qos, isAgain: delivery.isDuplicate });
    budget?.sent();
    if (delivery.qos === 0) return;
    if (outcome === 'settled') session.settle(delivery.packetId);
    else this.#unanswered.sent(delivery.packetId);
  }

  /** PUBREL. */
  release(packetId: number): void {
    this.#unanswered.sent(packetId);
    this.#line.uplink.release(packetId);
  }

  /** Before the first delivery of a connection. @param remoteInflightMax - the remote's Receive Maximum. */
  connected(remoteInflightMax: number): void {
    this.#isUp = true;
    this.#remoteInflightMax = remoteInflightMax;
    this.#unanswered.connected();
    this.#headStart.connected(this.#unanswered.isSilent);
    this.#limitInflight();
    this.#line.budget?.connected();
  }

  disconnected(cause: string, endedBy: 'us' | 'remote'): void {
    this.#isUp = false;
    for (const [packetId, cancel] of this.#retries) {
      cancel();
      this.#line.session.flow.offer(packetId); // with the next connection
    }
    this.#retries.clear();
    this.#headStart.end();
    this.#line.budget?.disconnected();
    const culprit = this.#unanswered.disconnected(endedBy);
    if (culprit !== undefined) this.#setAside(culprit, `the remote ends the connection whenever it is sent: ${cause}`);
  }

  /** PUBACK or PUBCOMP. */
  acknowledged(packetId: number): void {
    const wasSearching = this.#unanswered.isSearching;
    this.#unanswered.taken(packetId);
    if (wasSearching) this.#limitInflight();
    if (this.#line.session.settle(packetId)) this.#line.counters.acknowledged.value += 1;
    else this.#line.counters.unexpected.value += 1;
  }

  /** PUBREC. */
  received(packetId: number): void {
    this.#unanswered.answered(packetId);
    if (this.#line.session.received(packetId)) return;
    this.#line.counters.unexpected.value += 1;
    this.#line.uplink.release(packetId);
  }

  /** A negative PUBACK or PUBREC. */
  refused(packetId: number, reasonCode: number): void {
    const reason = `refused by the remote with 0x${reasonCode.toString(16)}`;
    if (!this.#unanswered.answered(packetId)) {
      this.#line.counters.unexpected.value += 1;
      return;
    }
    if (REFUSED_FOR_GOOD.has(reasonCode)) {
      this.#setAside(packetId, reason);
      return;
    }
    const { count: attempts, isHopeless } = this.#unanswered.failed(packetId);
    if (isHopeless) this.#setAside(packetId, reason);
    else this.#offerLater(packetId, { reason, attempts });
  }

  /** The delivery's message as the remote gets it, or what is told there in its place; undefined: nothing is. */
  #messageFor(delivery: Delivery): Message | undefined {
    const { message } = delivery;
    const { counters, guard } = this.#line;
    if (message.origin.gateway === NUMBERING_GATEWAY) return this.#provenance?.report(message) ?? this.#passOver(delivery);
    if (isReport(delivery)) return this.#reportTopic === undefined ? this.#drop(delivery) : withTopic(message, this.#reportTopic);
    const topic = this.#map.map(message.topic);
    if (topic === undefined) return this.#giveUp(delivery, 'has no name at the remote', counters.unmapped);
    const renamed = message.topic === topic ? message : withTopic(message, topic);
    const guarded = guard === undefined ? renamed : guard.leaving(renamed);
    if (guarded === undefined) {
      counters.hopLimit.value += 1;
      return this.#provenance?.notSent(message, 'hop-limit') ?? this.#drop(delivery);
    }
    return this.#provenance?.stamped(guarded) ?? guarded;
  }

  #limitInflight(): void {
    const { session, settings } = this.#line;
    const inflightMax = this.#unanswered.isSearching ? 1 : Math.min(settings.inflightMax, this.#remoteInflightMax);
    session.flow.limitInflight(inflightMax, ordinaryMax(inflightMax, settings));
  }

  #offerLater(packetId: number, { reason, attempts }: { readonly reason: string; readonly attempts: number }): void {
    if (!this.#isUp) return; // said goodbye: it goes with the next connection
    const { context, session, settings } = this.#line;
    this.#retries.get(packetId)?.();
    session.flow.withhold(packetId, 'refused'); // its exchange is over (MQTT-4.4.0-2), and so it takes no room in the window
    const delayMs = Math.min(RETRY_REFUSED_MS * RETRY_REFUSED_FACTOR ** (attempts - 1), RETRY_REFUSED_MS_MAX);
    context.log.warn('message not taken by the remote: offered again', { bridge: settings.name, reason, attempts, retryMs: delayMs });
    const retry = context.clock.after(delayMs, () => {
      this.#retries.delete(packetId);
      session.flow.offer(packetId);
    });
    this.#retries.set(packetId, retry);
  }

  /** Sent again on a new connection, it may be answered: brokers lose track. */
  #overdue(packetIds: readonly number[]): void {
    const { counters, settings, uplink } = this.#line;
    counters.unanswered.value += packetIds.length;
    for (const packetId of packetIds) {
      if (this.#unanswered.failed(packetId).isHopeless) this.#setAside(packetId, 'never answered by the remote, which answers others');
      else this.#headStart.suspect(packetId);
    }
    uplink.reconnect({ kind: 'unanswered', reason: `a message was not answered within ${settings.answerTimeoutMs / 1000} s` });
  }

  /** Not a message the remote has said PUBREC to: it has it. */
  #setAside(packetId: number, reason: string): void {
    const { context, counters, session, settings } = this.#line;
    this.#unanswered.forget(packetId);
    if (!session.setAside(packetId, reason)) return;
    context.log.error('message became a dead letter', {
      bridge: settings.name,
      reason,
      advice: `see it with: postern queue peek bridge:${settings.name} --dead-letters`,
    });
    counters.deadLetters.value += 1;
  }

  /** Counted by nobody: it was for a remote that is told of numbers. */
  #passOver({ packetId }: Delivery): undefined {
    this.#line.session.settle(packetId);
  }

  #drop({ qos, packetId }: Delivery): undefined {
    if (qos > 0) this.#line.session.refused(packetId);
  }

  /** The remote can never be given it: it becomes a dead letter, which is told, or is dropped at QoS 0, where nothing has a number. */
  #giveUp({ qos, packetId }: Delivery, reason: string, counter: Counter): undefined {
    if (qos > 0) this.#setAside(packetId, reason);
    else counter.value += 1;
  }
}

/** Share of the window kept for classes above the ordinary one, where there are any. */
const URGENT_SHARE = 0.25;
/** A paced link has as many ordinary messages under way as it may carry in so long, s: an urgent one finds no more before it. */
const ORDINARY_SECONDS = 0.5;

/** Messages of the ordinary class and lower ones that may be under way at once. */
function ordinaryMax(inflightMax: number, { priorities, budget }: BridgeSettings): number {
  if (priorities.length === 0) return inflightMax;
  const kept = inflightMax - Math.ceil(inflightMax * URGENT_SHARE);
  const paced = (budget?.messagesPerSecond ?? Number.POSITIVE_INFINITY) * ORDINARY_SECONDS;
  return Math.max(1, Math.floor(Math.min(kept, paced)));
}

/** The delivery as the remote gets it, without identifiers, which only servers send (MQTT-3.3.4-6). */
function outgoing({ qos, isDuplicate, packetId, expirySeconds, receipt }: Delivery, message: Message, isRetain: boolean): OutgoingPublish {
  return { message, qos, isRetain, isDuplicate, packetId, expirySeconds, identifiers: NO_IDENTIFIERS, receipt };
}

/** Under its name at the remote. It keeps its numbers. */
function withTopic(message: Message, topic: Topic): Message {
  const { payload, properties, qos, isRetain, origin } = message;
  return new Message({ topic, payload, qos, isRetain, properties }, origin, message);
}

/** Of what the queue lost. */
function isReport({ message }: Delivery): boolean {
  return message.topic.name === LOSS_REPORT_TOPIC;
}
