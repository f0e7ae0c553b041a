import { QUEUE_TOPICS_REMEMBERED } from '../model/limits.ts';
import { LOSS_REPORT_TOPIC } from '../model/losses.ts';
import type { TopicPolicy } from '../model/queue-policy.ts';
import { type Topic, type TopicName, topicMatches } from '../model/topic.ts';

/** The policies of one queue by topic: the filters are asked once for each. */
export class PolicyTable {
  readonly policies: readonly TopicPolicy[];
  readonly #known = new Map<TopicName, TopicPolicy | undefined>();

  constructor(policies: readonly TopicPolicy[]) {
    this.policies = policies;
  }

  get isEmpty(): boolean {
    return this.policies.length === 0;
  }

  /** The first that selects the topic; undefined: it is treated as the queue is. Reports of losses always are. */
  of({ name }: Topic): TopicPolicy | undefined {
    if (this.policies.length === 0 || name === LOSS_REPORT_TOPIC) return undefined;
    if (this.#known.has(name)) return this.#known.get(name);
    const found = this.policies.find(({ filters }) => filters.some((filter) => topicMatches(filter, name)));
    if (this.#known.size >= QUEUE_TOPICS_REMEMBERED) this.#known.clear();
    this.#known.set(name, found);
    return found;
  }
}
