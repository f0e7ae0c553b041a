import type { GatewayClock, GatewayMs } from '../model/clock.ts';
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
  const cause = endOf(entry, clock.gatewayMs());
  if (cause === undefined) return entry;
  drops.add(cause);
  store.settle(stored, sequence, cause);
  return undefined;
}

/** Why an entry is not to be sent; undefined: it is. */
export function endOf(entry: StoredDelivery | undefined, nowMs: GatewayMs): 'unreadable' | 'expired' | undefined {
  if (entry === undefined) return 'unreadable';
  return entry.message.expiresAtMs <= nowMs ? 'expired' : undefined; // MQTT-3.3.2-5
}
