// How a queue is treated, in the terms of queues: no protocol has a word in it.
import type { Priority } from './priority.ts';
import type { TopicFilter } from './topic.ts';

export interface QueueLimits {
  readonly messagesMax: number;
  readonly bytesMax: number;
}

/**
 * What happens at the bound. `drop-oldest` and `drop-newest` make room in the lowest class that waits, so that a message of a greater class is taken as
 * long as a lower one waits; `refuse` holds publishers back. What is in flight never goes.
 */
export type WhenFull = 'drop-oldest' | 'drop-newest' | 'refuse';

/** Topics of one priority class; the first rule whose filter selects a topic holds. */
export interface PriorityRule {
  readonly filter: TopicFilter;
  readonly priority: Priority;
}

export interface QueuePolicy extends QueueLimits {
  readonly whenFull: WhenFull;
  /** Of a topic one of these selects, the newest message that waits is kept and no other. */
  readonly keepLatest: readonly TopicFilter[];
  readonly priorities: readonly PriorityRule[];
  /** Classes of which the message that came last is delivered first; undefined: none. */
  readonly newestFirst?: readonly Priority[] | undefined;
}
