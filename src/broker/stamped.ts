import type { GatewayClock } from '../model/clock.ts';
import { type Draft, Message, type Origin } from '../model/message.ts';
import type { Topic } from '../model/topic.ts';

/** What a client wants published as a message of this moment, under its final topic. */
export function stamped(draft: Draft, topic: Topic, origin: Origin, clock: GatewayClock): Message {
  const publishedAtMs = clock.gatewayMs();
  const expiresAtMs = draft.expirySeconds === undefined ? Number.POSITIVE_INFINITY : publishedAtMs + draft.expirySeconds * 1000;
  return new Message(topic === draft.topic ? draft : { ...draft, topic }, origin, { publishedAtMs, expiresAtMs });
}
