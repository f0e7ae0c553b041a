// Which entries of a queue somebody means.
import type { GatewayMs } from '../model/clock.ts';
import type { QoS } from '../model/message.ts';
import { type TopicFilter, topicMatches } from '../model/topic.ts';
import type { Sequence, StoredDelivery } from '../session/session-store.ts';

/** All of the conditions hold. */
export interface Selection {
  /** Only what lies behind this one. */
  readonly after?: Sequence | undefined;
  /** Nothing that lies behind this one. */
  readonly upTo?: Sequence | undefined;
  readonly sequences?: readonly Sequence[] | undefined;
  readonly topics?: TopicFilter | undefined;
  /** Bytes of the payload: a text, or any others. */
  readonly contains?: string | undefined;
  readonly containsBytes?: Uint8Array | undefined;
  /** Client id of who published it, or `mqtt boiler-3`: with the protocol before it. */
  readonly publisher?: string | undefined;
  /** Since it came, by gateway time. */
  readonly olderThanSeconds?: number | undefined;
  readonly newerThanSeconds?: number | undefined;
  /** As the queue has it, which may be less than it was published at. */
  readonly qos?: QoS | undefined;
}

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
