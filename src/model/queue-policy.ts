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
  /** Of a queue that treats topics in different ways and keeps account of what it loses; what none of them selects is as above. Absent: it does neither. */
  readonly topicPolicies?: readonly TopicPolicy[] | undefined;
  /** A bound in bytes, as its share of the disk. Absent: none. */
  readonly diskShareBytes?: number | undefined;
  /** What it loses is told apart by publisher until somebody is told of it. Absent: it is only counted. */
  readonly tellsLosses?: boolean | undefined;
}

/** How one queue treats the topics that `filters` select; of several policies the first that selects a topic holds. Absent bounds: none. */
export interface TopicPolicy {
  readonly filters: readonly TopicFilter[];
  /** What happens at the bounds below, and at those of the queue. */
  readonly whenFull: WhenFull;
  readonly keepLatest: boolean;
  /** Of so many messages of one topic the first is taken. */
  readonly sampleOneOf?: number | undefined;
  /** Of the messages of one topic within so many seconds the first is taken. */
  readonly sampleSeconds?: number | undefined;
  /** A message that has waited for longer goes. */
  readonly ageSecondsMax?: number | undefined;
  readonly messagesMax?: number | undefined;
  readonly bytesMax?: number | undefined;
}
