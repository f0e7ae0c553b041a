// Which entries of a queue somebody means.
import type { GatewayMs } from '../model/clock.ts';
import type { Selection } from '../model/queue-selection.ts';
import { topicMatches } from '../model/topic.ts';
import type { StoredDelivery } from '../session/session-store.ts';

/** Whether the conditions on the message itself hold; where it lies is for who walks the queue. What is cheap is asked first. */
export function selects(selection: Selection, { message, qos }: StoredDelivery, nowMs: GatewayMs): boolean {
  if (selection.qos !== undefined && selection.qos !== qos) return false;
  if (!isOfAge(selection, nowMs - message.publishedAtMs)) return false;
  const { publisher, topics, contains, containsBytes } = selection;
  const { gateway, clientId } = message.origin;
  if (publisher !== undefined && publisher !== clientId && publisher !== `${gateway} ${clientId}`) return false;
  if (topics !== undefined && !topicMatches(topics, message.topic.name)) return false;
  const payload = viewOf(message.payload);
  return (contains === undefined || payload.includes(contains)) && (containsBytes === undefined || payload.includes(viewOf(containsBytes)));
}

function isOfAge({ olderThanSeconds = Number.NEGATIVE_INFINITY, newerThanSeconds = Number.POSITIVE_INFINITY }: Selection, ageMs: number): boolean {
  return ageMs >= olderThanSeconds * 1000 && ageMs <= newerThanSeconds * 1000;
}

/** A view: nothing is copied. */
export function viewOf(payload: Uint8Array): Buffer {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.length);
}
