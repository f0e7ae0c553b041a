import type { DurabilityClass } from '../model/durability.ts';
import { Message } from '../model/message.ts';
import type { Priority } from '../model/priority.ts';
import type { Topic } from '../model/topic.ts';
import type { Sequence, SessionStore, StoredSession } from '../session/session-store.ts';
import type { DeliveryTerms } from './delivery-view.ts';
import type { Acknowledging, Durability } from './durability.ts';

/** Whose stored queue a message is written to: a session's, or that of a shared group. */
export interface Recipient extends Acknowledging {
  readonly stored: StoredSession | undefined;
  /** The class its queue gives messages of that topic. */
  priorityOf(topic: Topic): Priority;
  /** A second queue that has it as long as the first; undefined: there is none. */
  beside?(topic: Topic): StoredSession | undefined;
  /** The message has been written. */
  appended(message: Message, sequence: Sequence, terms: DeliveryTerms): void;
}

export interface Referent {
  readonly recipient: Recipient;
  readonly terms: DeliveryTerms;
}

export interface AppendingParts {
  readonly store: SessionStore;
  readonly durability: Durability;
}

/**
 * Writes a message once for all of them, or keeps it in memory, as its class has it, and tells them. Each recipient at most once: its queue knows the
 * message by its sequence.
 */
export function appendFor(
  { store, durability }: AppendingParts,
  message: Message,
  referents: readonly Referent[],
  treated: DurabilityClass = durability.classOf(message.topic),
): Sequence {
  let isReferred = false;
  for (const { recipient, terms } of referents) {
    if (recipient.stored === undefined) continue;
    const priority = recipient.priorityOf(message.topic);
    store.refer(recipient.stored, terms, priority);
    const beside = recipient.beside?.(message.topic);
    if (beside !== undefined) store.refer(beside, terms, priority);
    isReferred = true;
  }
  const sequence = store.append(message, durability.withinMs(treated, message, referents));
  if (isReferred) for (const { recipient, terms } of referents) recipient.appended(message, sequence, terms);
  return sequence;
}

/** The message as one queue gets it: appending it must not retain it again. */
export function unretained(message: Message): Message {
  const { topic, payload, qos, properties } = message;
  return new Message({ topic, payload, qos, properties, isRetain: false }, message.origin, message);
}
