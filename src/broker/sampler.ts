import { BoundedMap } from '../model/bounded-map.ts';
import type { GatewayMs } from '../model/clock.ts';
import { SAMPLED_TOPICS_MAX } from '../model/limits.ts';
import type { Message } from '../model/message.ts';
import type { TopicPolicy } from '../model/queue-policy.ts';
import type { TopicName } from '../model/topic.ts';

/** Which messages of a topic are taken: the first of so many; of these the first within so many seconds. A restart begins anew. */
export class Sampler {
  /** Per topic: how many came since the last that was taken, itself included. */
  readonly #counts = new BoundedMap<TopicName, number>(SAMPLED_TOPICS_MAX);
  /** Per topic: when the last one was taken. */
  readonly #takenAtMs = new BoundedMap<TopicName, GatewayMs>(SAMPLED_TOPICS_MAX);

  takes({ topic: { name }, publishedAtMs }: Message, { sampleOneOf, sampleSeconds }: TopicPolicy): boolean {
    if (sampleOneOf !== undefined && !this.#takesOneOf(name, sampleOneOf)) return false;
    return sampleSeconds === undefined || this.#takesOneWithin(name, publishedAtMs, sampleSeconds * 1000);
  }

  #takesOneOf(name: TopicName, oneOf: number): boolean {
    const before = this.#counts.get(name) ?? oneOf;
    const isTaken = before >= oneOf;
    this.#counts.set(name, isTaken ? 1 : before + 1);
    return isTaken;
  }

  #takesOneWithin(name: TopicName, atMs: GatewayMs, periodMs: number): boolean {
    const takenAtMs = this.#takenAtMs.get(name);
    if (takenAtMs !== undefined && atMs < takenAtMs + periodMs) return false;
    this.#takenAtMs.set(name, atMs);
    return true;
  }
}
