import type { GatewayClock } from '../model/clock.ts';
import type { Sequence, SessionStore, StoredDelivery, StoredSession } from '../session/session-store.ts';
import type { BrokerCounters } from './counters.ts';

export interface QueueReadingParts {
  readonly store: SessionStore;
  readonly clock: GatewayClock;
  readonly counters: BrokerCounters;
}

/** The entry, or undefined after it was settled because it is past its time or gone. */
export function readLive({ store, clock, counters }: QueueReadingParts, stored: StoredSession, sequence: Sequence): StoredDelivery | undefined {
  const entry = store.read(stored, sequence);
  if (entry === undefined) {
    counters.droppedUnreadable.value += 1;
    store.settle(stored, sequence, 'unreadable');
  } else if (entry.message.expiresAtMs <= clock.gatewayMs()) {
    counters.droppedExpired.value += 1;
    store.settle(stored, sequence, 'expired'); // MQTT-3.3.2-5
    return undefined;
  }
  return entry;
}
