import type { GatewayClock } from '../model/clock.ts';
import type { Sequence, SessionStore, StoredDelivery, StoredSession } from '../session/session-store.ts';
import type { QueueDrops } from './drops.ts';

export interface QueueReadingParts {
  readonly store: SessionStore;
  readonly clock: GatewayClock;
  readonly drops: QueueDrops;
}

/** The entry, or undefined after it was settled because it is past its time or gone. */
export function readLive({ store, clock, drops }: QueueReadingParts, stored: StoredSession, sequence: Sequence): StoredDelivery | undefined {
  const entry = store.read(stored, sequence);
  if (entry === undefined) {
    drops.add('unreadable');
    store.settle(stored, sequence, 'unreadable');
  } else if (entry.message.expiresAtMs <= clock.gatewayMs()) {
    drops.add('expired');
    store.settle(stored, sequence, 'expired'); // MQTT-3.3.2-5
    return undefined;
  }
  return entry;
}
