import { LOWEST_FIRST, type Priority } from '../model/priority.ts';
import type { QueueLimits, WhenFull } from '../model/queue-policy.ts';
import type { Sequence, SettleCause, StoredSession } from '../session/session-store.ts';
import type { DropCause } from './drops.ts';
import type { QueueTreatment } from './queue-rules.ts';

export function isAtBound({ queue }: StoredSession, { messagesMax, bytesMax }: QueueLimits): boolean {
  return queue.count >= messagesMax || queue.bytes >= bytesMax;
}

export function isOverBound({ queue }: StoredSession, { messagesMax, bytesMax }: QueueLimits): boolean {
  return queue.count > messagesMax || queue.bytes > bytesMax;
}

/** Why an entry leaves a queue before its time. */
export type LossCause = SettleCause & DropCause;

/** The entries of a queue that may go: what is in flight is none of them. */
export interface Waiting {
  oldest(priority: Priority): Sequence | undefined;
  newest(priority: Priority): Sequence | undefined;
  /** Ends it, and counts it. */
  lose(sequence: Sequence, cause: LossCause): void;
}

/** A queue that may be asked to let go of something. */
export interface Evictable {
  /** 0: it refuses when it is full, or it is empty. */
  readonly evictableBytes: number;
  /** @returns how many bytes went; 0: all of it is on its way to the client. */
  evict(bytesMax: number): number;
}

/** Brings a queue within its bounds, at the cost of the lowest class that waits. Who refuses has room for what was taken. */
export function makeRoom(stored: StoredSession, { limits, whenFull }: Pick<QueueTreatment, 'limits' | 'whenFull'>, waiting: Waiting): void {
  if (whenFull === 'refuse') return;
  while (isOverBound(stored, limits)) {
    const victim = victimOf(whenFull, waiting);
    if (victim === undefined) return;
    waiting.lose(victim, causeAtBound(whenFull));
  }
}

/** Why something goes that a queue has no room for. */
export function causeAtBound(whenFull: WhenFull | undefined): 'queue-full' | 'queue-full-newest' {
  return whenFull === 'drop-newest' ? 'queue-full-newest' : 'queue-full';
}

/** Lets go of some `bytesMax` of what waits, as a full queue would: the disk has no room for it. @returns how many bytes went. */
export function evict(stored: StoredSession, { whenFull }: Pick<QueueTreatment, 'whenFull'>, waiting: Waiting, bytesMax: number): number {
  return whenFull === 'refuse' ? 0 : evictEach(stored, () => victimOf(whenFull, waiting), waiting, bytesMax);
}

/** As `evict`. @param next - whose turn it is; undefined: nothing more may go. */
export function evictEach({ queue }: StoredSession, next: () => Sequence | undefined, waiting: Pick<Waiting, 'lose'>, bytesMax: number): number {
  const bytesBefore = queue.bytes;
  while (bytesBefore - queue.bytes < bytesMax) {
    const victim = next();
    if (victim === undefined) break;
    waiting.lose(victim, 'disk-full');
  }
  return bytesBefore - queue.bytes;
}

function victimOf(whenFull: WhenFull, waiting: Waiting): Sequence | undefined {
  return lowest(whenFull === 'drop-newest' ? (priority) => waiting.newest(priority) : (priority) => waiting.oldest(priority));
}

/** What is first found in the classes, from the lowest on. */
export function lowest(choose: (priority: Priority) => Sequence | undefined): Sequence | undefined {
  for (const priority of LOWEST_FIRST) {
    const found = choose(priority);
    if (found !== undefined) return found;
  }
  return undefined;
}
