import { QUEUE_TOPICS_REMEMBERED } from '../model/limits.ts';
import { ORDINARY, PRIORITY_MAX, type Priority } from '../model/priority.ts';
import type { QueuePolicy } from '../model/queue-policy.ts';
import { type Topic, type TopicName, topicMatches } from '../model/topic.ts';

const KEEPS_LATEST = PRIORITY_MAX + 1;

/** What a policy says about single topics. One for all queues of the policy: the filters are asked once per topic. */
export class TopicClasses {
  readonly #policy: Pick<QueuePolicy, 'keepLatest' | 'priorities'>;
  /** Nothing is said about any topic. */
  readonly #isPlain: boolean;
  /** Priority, and `KEEPS_LATEST` above it. */
  readonly #known = new Map<TopicName, number>();

  constructor(policy: Pick<QueuePolicy, 'keepLatest' | 'priorities'>) {
    this.#policy = policy;
    this.#isPlain = policy.keepLatest.length === 0 && policy.priorities.length === 0;
  }

  priorityOf(topic: Topic): Priority {
    return this.#isPlain ? ORDINARY : ((this.#facts(topic.name) & PRIORITY_MAX) as Priority);
  }

  keepsLatest(topic: Topic): boolean {
    return !this.#isPlain && (this.#facts(topic.name) & KEEPS_LATEST) !== 0;
  }

  #facts(topic: TopicName): number {
    let facts = this.#known.get(topic);
    if (facts !== undefined) return facts;
    const { keepLatest, priorities } = this.#policy;
    facts = priorities.find(({ filter }) => topicMatches(filter, topic))?.priority ?? ORDINARY;
    if (keepLatest.some((filter) => topicMatches(filter, topic))) facts |= KEEPS_LATEST;
    if (this.#known.size >= QUEUE_TOPICS_REMEMBERED) this.#known.clear();
    this.#known.set(topic, facts);
    return facts;
  }
}
