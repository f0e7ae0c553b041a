// SUBSCRIBE and UNSUBSCRIBE: filters in, one code each out (MQTT 5 §3.8 to §3.11).
import type { ClientSession, SubscribeOutcome } from '../gateway/gateway.ts';
import { SUBSCRIPTIONS_PER_SESSION_MAX } from '../model/limits.ts';
import { type ProtocolVersion, REASON, type SubscribePacket, type SubscriptionRequest, type UnsubscribePacket } from './packets.ts';

const FAILURE_3X = 0x80; // MQTT 3.1.1 §3.9.3
const SHARE = '$share/';

/** What of the connection decides how a subscription is read. */
export interface SubscribeTerms {
  readonly version: ProtocolVersion;
  /** Peers that are bridges get what they ask for without their own messages, RETAIN flags as published (Mosquitto's convention). */
  readonly isBridge: boolean;
}

export function subackCodes(packet: SubscribePacket, session: ClientSession, terms: SubscribeTerms): number[] {
  const identifier = packet.properties?.subscriptionIdentifier;
  return packet.subscriptions.map((request, index) => {
    // One packet may repeat a filter half a million times, and each would bring the retained messages.
    const code = index < SUBSCRIPTIONS_PER_SESSION_MAX ? subscribe(request, identifier, session, terms) : REASON.quotaExceeded;
    return terms.version === 5 || code < 0x80 ? code : FAILURE_3X;
  });
}

export function unsubackCodes(packet: UnsubscribePacket, session: ClientSession): number[] {
  return packet.filters.map((filter) => (session.unsubscribe(filter) ? REASON.success : REASON.noSubscriptionExisted));
}

function subscribe(request: SubscriptionRequest, identifier: number | undefined, session: ClientSession, terms: SubscribeTerms): number {
  const { filter, qosMax, retainHandling } = request;
  if (filter.startsWith(SHARE)) return REASON.sharedSubscriptionsNotSupported;
  const noLocal = request.noLocal || terms.isBridge;
  const retainAsPublished = request.retainAsPublished || terms.isBridge;
  return codeOf(session.subscribe({ filter, qosMax, noLocal, retainAsPublished, retainHandling, identifier }));
}

function codeOf(outcome: SubscribeOutcome): number {
  if (outcome.kind === 'granted') return outcome.qos;
  return outcome.kind === 'denied' ? REASON.notAuthorized : REASON.quotaExceeded;
}
