import { LOWEST_FIRST, type Priority } from '../model/priority.ts';
import type { QueueLimits } from '../model/queue-policy.ts';
import type { Sequence, SessionStore, StoredSession } from '../session/session-store.ts';
import type { QueueDrops } from './drops.ts';
import type { QueueTreatment } from './queue-rules.ts';

export function isAtBound({ queue }: StoredSession, { messagesMax, bytesMax }: QueueLimits): boolean {
  return queue.count >= messagesMax || queue.bytes >= bytesMax;
}

export function isOverBound({ queue }: StoredSession, { messagesMax, bytesMax }: QueueLimits): boolean {
  return queue.count > messagesMax || queue.bytes > bytesMax;
}

/** The entries of a queue that may go: what is in flight is none of them. */
export interface Waiting {
  oldest(priority: Priority): Sequence | undefined;
  newest(priority: Priority): Sequence | undefined;
}

/** Brings a queue within its bounds, at the cost of the lowest class that waits. Who refuses has room for what was taken. */
export function makeRoom(
  { store, drops }: { readonly store: SessionStore; readonly drops: QueueDrops },
  stored: StoredSession,
  { limits, whenFull }: Pick<QueueTreatment, 'limits' | 'whenFull'>,
  waiting: Waiting,
): void {
  if (whenFull === 'refuse') return;
  while (isOverBound(stored, limits)) {
    const victim = lowest(whenFull === 'drop-newest' ? (priority) => waiting.newest(priority) : (priority) => waiting.oldest(priority));
    if (victim === undefined) return;
    const cause = whenFull === 'drop-newest' ? 'queue-full-newest' : 'queue-full';
    store.settle(stored, victim, cause);
    drops.add(cause);
  }
}

function lowest(choose: (priority: Priority) => Sequence | undefined): Sequence | undefined {
  for (const priority of LOWEST_FIRST) {
    const found = choose(priority);
    if (found !== undefined) return found;
  }
  return undefined;
}
