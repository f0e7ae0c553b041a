// ACK and NACK (STOMP 1.2): the message is done with, or comes again until it was delivered as often as may be, and is then set aside.
import type { ClientSession } from '../../src/gateway/gateway.ts';
import type { StompCounters } from './counters.ts';
import { type Frame, type Headers, headerOf, StompError, type StompVersion } from './packets.ts';
import { required } from './send.ts';
import type { StompSettings } from './settings.ts';
import type { Subscription } from './subscription.ts';
import { type Subscriptions, unknownMessage } from './subscriptions.ts';

export interface AcknowledgingParts {
  readonly version: StompVersion;
  readonly subscriptions: Subscriptions;
  readonly settings: StompSettings;
  readonly counters: StompCounters;
}

/** @throws StompError - nothing waits under the name it gives. */
export function acknowledge(command: 'ACK' | 'NACK', headers: Headers, parts: AcknowledgingParts): void {
  const { version, subscriptions } = parts;
  const { messageId, key } = named(command, headers, version);
  const { subscription, packetIds } = subscriptions.acknowledge(messageId, key, command);
  const isRequeued = headerOf(headers, 'requeue') !== 'false';
  for (const packetId of packetIds) {
    if (command === 'NACK') reject(subscription.place.session, packetId, isRequeued, parts);
    else if (packetId > 0) subscription.place.session.settle(packetId);
  }
}

/** What it names. @throws StompError - this version has no such frame, or a header is missing. */
export function named(command: 'ACK' | 'NACK', headers: Headers, version: StompVersion): { readonly messageId: string; readonly key: string | undefined } {
  if (command === 'NACK' && version === '1.0') throw new StompError('STOMP 1.0', 'NACK came with STOMP 1.1');
  const messageId = required(headers, version === '1.2' ? 'id' : 'message-id', command);
  return { messageId, key: version === '1.1' ? required(headers, 'subscription', command) : undefined };
}

/** Before the first frame of a transaction is done. @throws StompError - one of them names what does not wait, or would not any more when it is its turn. */
export function requireAllAwaited(frames: readonly Frame[], { version, subscriptions }: Pick<AcknowledgingParts, 'version' | 'subscriptions'>): void {
  const single = new Set<string>();
  /** In client mode; message ids of a connection are numbers that rise. */
  const upTo = new Map<Subscription, number>();
  for (const { command, headers } of frames) {
    if (command !== 'ACK' && command !== 'NACK') continue;
    const { messageId, key } = named(command, headers, version);
    const subscription = subscriptions.awaiting(messageId, key);
    const number = Number(messageId);
    if (subscription === undefined || single.has(messageId) || number <= (upTo.get(subscription) ?? 0)) throw unknownMessage(messageId, command);
    if (subscription.terms.ackMode === 'client') upTo.set(subscription, number);
    else single.add(messageId);
  }
}

function reject(session: ClientSession, packetId: number, isRequeued: boolean, { counters, settings }: AcknowledgingParts): void {
  counters.nacked.value += 1;
  if (packetId === 0) {
    counters.nackedInVain.value += 1;
    return;
  }
  if (isRequeued && session.reject(packetId, settings.deliveriesMax - 1)) return;
  session.redirect(packetId, settings.deadLetterTopicPrefix);
  counters.setAside.value += 1;
}
