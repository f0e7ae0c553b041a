// From the session's queue to the remote: a message leaves the queue in the group that records the remote's PUBACK or PUBCOMP, or its place
// among the dead letters, never before.
import type { Delivery } from '../gateway/gateway.ts';
import type { CancelTimer } from '../model/clock.ts';
import { LOSS_REPORT_TOPIC } from '../model/losses.ts';
import { Message } from '../model/message.ts';
import type { Counter } from '../model/metrics.ts';
import type { Topic } from '../model/topic.ts';
import { type OutgoingPublish, REASON } from '../mqtt/packets.ts';
import type { BridgeLine } from './line.ts';
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
  readonly #retries = new Map<number, CancelTimer>();
  readonly #unanswered: Unanswered;
  #isUp = false;
  #remoteInflightMax = 1;

  /** @param reportTopic - the remote's name for reports of losses. */
  constructor(line: BridgeLine, map: Crossings, reportTopic: Topic | undefined) {
    this.#line = line;
    this.#reportTopic = reportTopic;
    this.#map = map;
    this.#unanswered = new Unanswered(line.context.clock, line.settings.answerTimeoutMs, (packetId) => this.#overdue(packetId));
  }

  deliver(delivery: Delivery): void {
    const { settings, session, uplink, counters } = this.#line;
    const isReport = delivery.message.topic.name === LOSS_REPORT_TOPIC;
    const topic = isReport ? this.#reportTopic : this.#map.map(delivery.message.topic);
    if (topic === undefined) {
      this.#drop(delivery, counters.unmapped);
      return;
    }
    const publish = outgoing(delivery, topic, delivery.isRetain && settings.sendsRetain);
    const outcome = uplink.publish(isReport ? { ...publish, qos: 1 } : publish); // by its number a second copy is known
    if (outcome === 'too-large') {
      if (delivery.qos > 0) this.#setAside(delivery.packetId, 'larger than the remote takes');
      else counters.tooLarge.value += 1;
      return;
    }
    counters.sent.value += 1;
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
    this.#limitInflight();
  }

  disconnected(cause: string, endedBy: 'us' | 'remote'): void {
    this.#isUp = false;
    for (const cancel of this.#retries.values()) cancel();
    this.#retries.clear();
    const culprit = this.#unanswered.disconnected(endedBy);
    if (culprit !== undefined) this.#setAside(culprit, `the remote ends the connection whenever it is sent: ${cause}`);
  }

  /** PUBACK or PUBCOMP. */
  acknowledged(packetId: number): void {
    const wasSearching = this.#unanswered.isSearching;
    this.#unanswered.taken(packetId);
    if (wasSearching) this.#limitInflight();
    if (this.#line.session.settle(packetId)) this.#line.counters.acknowledged.value += 1;
  }

  /** PUBREC. */
  received(packetId: number): void {
    this.#unanswered.answered(packetId);
    if (!this.#line.session.received(packetId)) this.#line.uplink.release(packetId);
  }

  /** A negative PUBACK or PUBREC. */
  refused(packetId: number, reasonCode: number): void {
    const reason = `refused by the remote with 0x${reasonCode.toString(16)}`;
    this.#unanswered.answered(packetId);
    if (REFUSED_FOR_GOOD.has(reasonCode)) {
      this.#setAside(packetId, reason);
      return;
    }
    const { count: attempts, isHopeless } = this.#unanswered.failed(packetId);
    if (isHopeless) this.#setAside(packetId, reason);
    else this.#offerLater(packetId, { reason, attempts });
  }

  #limitInflight(): void {
    const { session, settings } = this.#line;
    session.limitInflight(this.#unanswered.isSearching ? 1 : Math.min(settings.inflightMax, this.#remoteInflightMax));
  }

  #offerLater(packetId: number, { reason, attempts }: { readonly reason: string; readonly attempts: number }): void {
    if (!this.#isUp) return; // said goodbye: it goes with the next connection
    const { context, session, settings } = this.#line;
    this.#retries.get(packetId)?.();
    const delayMs = Math.min(RETRY_REFUSED_MS * RETRY_REFUSED_FACTOR ** (attempts - 1), RETRY_REFUSED_MS_MAX);
    context.log.warn('message not taken by the remote: offered again', { bridge: settings.name, reason, attempts, retryMs: delayMs });
    const retry = context.clock.after(delayMs, () => {
      this.#retries.delete(packetId);
      session.resend(packetId);
    });
    this.#retries.set(packetId, retry);
  }

  /** Sent again on a new connection, it may be answered: brokers lose track. */
  #overdue(packetId: number): void {
    const { counters, settings, uplink } = this.#line;
    counters.unanswered.value += 1;
    if (this.#unanswered.failed(packetId).isHopeless) this.#setAside(packetId, 'never answered by the remote, which answers others');
    uplink.reconnect(`a message was not answered within ${settings.answerTimeoutMs / 1000} s`);
  }

  #setAside(packetId: number, reason: string): void {
    const { context, counters, session, settings } = this.#line;
    context.log.error('message became a dead letter', {
      bridge: settings.name,
      reason,
      advice: `see it with: postern queue peek bridge:${settings.name} --dead-letters`,
    });
    counters.deadLetters.value += 1;
    this.#unanswered.forget(packetId);
    session.setAside(packetId, reason);
  }

  #drop(delivery: Delivery, counter: Counter): void {
    counter.value += 1;
    if (delivery.qos > 0) this.#line.session.refused(delivery.packetId);
  }
}

/** The delivery as the remote gets it: under its name there, without identifiers, which only servers send (MQTT-3.3.4-6). */
function outgoing({ message, qos, isDuplicate, packetId, expirySeconds, receipt }: Delivery, topic: Topic, isRetain: boolean): OutgoingPublish {
  const { payload, properties, origin } = message;
  const renamed =
    message.topic === topic ? message : new Message({ topic, payload, qos: message.qos, isRetain: message.isRetain, properties }, origin, message);
  return { message: renamed, qos, isRetain, isDuplicate, packetId, expirySeconds, identifiers: NO_IDENTIFIERS, receipt };
}
