import type { QueueLimits } from '../gateway/gateway.ts';
import type { Sequence, SessionStore, StoredSession } from '../session/session-store.ts';
import type { BrokerCounters } from './counters.ts';
import type { InflightTable } from './inflight.ts';

export function isAtBound({ queue }: StoredSession, { messagesMax, bytesMax }: QueueLimits): boolean {
  return queue.count >= messagesMax || queue.bytes >= bytesMax;
}

export function isOverBound({ queue }: StoredSession, { messagesMax, bytesMax }: QueueLimits): boolean {
  return queue.count > messagesMax || queue.bytes > bytesMax;
}

/** Drops the oldest entries behind `cursor` that are not in flight until the queue is within its bounds. */
export function dropOldest(
  { store, counters }: { readonly store: SessionStore; readonly counters: BrokerCounters },
  stored: StoredSession,
  limits: QueueLimits,
  unsent: { readonly cursor: Sequence; readonly inflight: InflightTable },
): void {
  const { queue } = stored;
  while (isOverBound(stored, limits)) {
    let oldest = queue.next(unsent.cursor);
    while (oldest !== undefined && unsent.inflight.isRestored(oldest)) oldest = queue.next(oldest);
    if (oldest === undefined) return;
    store.settle(stored, oldest, 'queue-full');
    counters.droppedQueueFull.value += 1;
  }
}
