// ACK and NACK (STOMP 1.2): the message is done with, or comes again until it was delivered as often as may be, and is then set aside.
import type { ClientSession } from '../../src/gateway/gateway.ts';
import type { StompCounters } from './counters.ts';
import { type Headers, headerOf, StompError, type StompVersion } from './packets.ts';
import { required } from './send.ts';
import type { StompSettings } from './settings.ts';
import type { Subscriptions } from './subscriptions.ts';

export interface AcknowledgingParts {
  readonly version: StompVersion;
  readonly subscriptions: Subscriptions;
  readonly settings: StompSettings;
  readonly counters: StompCounters;
}

/** @throws StompError - nothing waits under the name it gives. */
export function acknowledge(command: 'ACK' | 'NACK', headers: Headers, parts: AcknowledgingParts): void {
  const { version, subscriptions } = parts;
  if (command === 'NACK' && version === '1.0') throw new StompError('STOMP 1.0', 'NACK came with STOMP 1.1');
  const messageId = required(headers, version === '1.2' ? 'id' : 'message-id', command);
  const key = version === '1.1' ? required(headers, 'subscription', command) : undefined;
  const { subscription, packetIds } = subscriptions.acknowledge(messageId, key, command);
  const isRequeued = headerOf(headers, 'requeue') !== 'false';
  for (const packetId of packetIds) {
    if (command === 'NACK') reject(subscription.session, packetId, isRequeued, parts);
    else if (packetId > 0) subscription.session.settle(packetId);
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
