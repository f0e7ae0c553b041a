// SUBSCRIBE and UNSUBSCRIBE: filters in, one code each out (MQTT 5 §3.8 to §3.11).
import type { ClientSession, SubscribeOutcome } from '../gateway/gateway.ts';
import { SUBSCRIPTIONS_PER_SESSION_MAX, WITHHELD_PACKET_BYTES } from '../model/limits.ts';
import { minQoS } from '../model/message.ts';
import { hasWildcard, isTooDeep } from '../model/topic.ts';
import { type ProtocolVersion, REASON, type SubscribePacket, type SubscriptionRequest, type UnsubscribePacket } from './packets.ts';
import { isRefusal } from './reason.ts';
import type { MqttSettings } from './settings.ts';

const FAILURE_3X = 0x80; // MQTT 3.1.1 §3.9.3
const SHARE = '$share/';
/** A filter that was decoded, besides its characters. */
const FILTER_BYTES = 128;

/** What of the connection decides how a subscription is read. */
export interface SubscribeTerms {
  readonly version: ProtocolVersion;
  /** Peers that are bridges get what they ask for without their own messages, RETAIN flags as published (Mosquitto's convention). */
  readonly isBridge: boolean;
  readonly settings: MqttSettings;
}

/** The connection that is told what became of it. */
export interface Subscriber {
  /** @returns false: there was no room for it, and the connection ends. */
  answer(type: 'suback' | 'unsuback', packetId: number, reasonCodes: readonly number[]): boolean;
  guard(run: () => void): void;
}

export class Subscribing {
  readonly #subscriber: Subscriber;
  readonly #session: ClientSession;
  readonly #terms: SubscribeTerms;
  #pendingSubacks = 0;

  constructor(subscriber: Subscriber, session: ClientSession, terms: SubscribeTerms) {
    this.#subscriber = subscriber;
    this.#session = session;
    this.#terms = terms;
  }

  /** SUBACK goes out once the subscriptions are on disk, and before what they bring. */
  subscribe(packet: SubscribePacket): void {
    this.#pendingSubacks += 1;
    this.#session.pause('subscribing');
    const { packetId } = packet;
    const reasonCodes = this.#codes(packet);
    this.#afterCommit(() => {
      if (!this.#subscriber.answer('suback', packetId, reasonCodes)) return;
      this.#pendingSubacks -= 1;
      if (this.#pendingSubacks === 0) this.#session.resume('subscribing');
    });
  }

  unsubscribe({ packetId, filters }: UnsubscribePacket): void {
    const reasonCodes = filters.map((filter) => (this.#session.unsubscribe(filter) ? REASON.success : REASON.noSubscriptionExisted));
    this.#afterCommit(() => void this.#subscriber.answer('unsuback', packetId, reasonCodes));
  }

  #afterCommit(run: () => void): void {
    this.#session.whenDurable(() => this.#subscriber.guard(run));
  }

  #codes(packet: SubscribePacket): number[] {
    const identifier = packet.properties?.subscriptionIdentifier;
    return packet.subscriptions.map((request, index) => {
      // One packet may repeat a filter half a million times, and each would bring the retained messages.
      const code = index < SUBSCRIPTIONS_PER_SESSION_MAX ? this.#subscribe(request, identifier) : REASON.quotaExceeded;
      return this.#terms.version === 5 || !isRefusal(code) ? code : FAILURE_3X;
    });
  }

  #subscribe(request: SubscriptionRequest, identifier: number | undefined): number {
    const { isBridge, settings } = this.#terms;
    const refusal = refusalOf(request, identifier, settings);
    if (refusal !== undefined) return refusal;
    const { filter, retainHandling } = request;
    const qosMax = minQoS(request.qosMax, settings.maximumQos); // MQTT-3.2.2-10
    const noLocal = request.noLocal || isBridge;
    const retainAsPublished = request.retainAsPublished || isBridge;
    return codeOf(this.#session.subscribe({ filter, qosMax, noLocal, retainAsPublished, retainHandling, identifier }));
  }
}

export function filtersOf(packet: SubscribePacket | UnsubscribePacket): number {
  return packet.type === 'subscribe' ? packet.subscriptions.length : packet.filters.length;
}

/** What a packet takes that waits to be handled. */
export function keptBytes(packet: SubscribePacket | UnsubscribePacket): number {
  const filters = packet.type === 'subscribe' ? packet.subscriptions.map(({ filter }) => filter) : packet.filters;
  return filters.reduce((sum, { length }) => sum + length + FILTER_BYTES, WITHHELD_PACKET_BYTES);
}

/** What this listener does not offer; CONNACK said so. */
function refusalOf({ filter }: SubscriptionRequest, identifier: number | undefined, settings: MqttSettings): number | undefined {
  if (isTooDeep(filter)) return REASON.topicFilterInvalid;
  if (!settings.sharedSubscriptionAvailable && filter.startsWith(SHARE)) return REASON.sharedSubscriptionsNotSupported;
  if (!settings.wildcardSubscriptionAvailable && hasWildcard(filter)) return REASON.wildcardSubscriptionsNotSupported;
  if (!settings.subscriptionIdentifiersAvailable && identifier !== undefined) return REASON.subscriptionIdentifiersNotSupported;
  return undefined;
}

function codeOf(outcome: SubscribeOutcome): number {
  if (outcome.kind === 'granted') return outcome.qos;
  return outcome.kind === 'denied' ? REASON.notAuthorized : REASON.quotaExceeded;
}
