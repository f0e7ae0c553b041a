// How a session wants its stored queue to be treated. It is kept with the session, because messages come in after a restart before the client is
// back: the queue of a bridge must refuse then as before, not make room by dropping what was acknowledged.
import type { QueueLimits } from '../gateway/gateway.ts';
import type { SessionStore, StoredSession } from '../session/session-store.ts';

export interface QueueTerms {
  readonly queueQos0: boolean;
  readonly whenQueueIsFull: 'drop-oldest' | 'refuse';
  /** Those of ordinary sessions when absent. */
  readonly queueLimits?: QueueLimits | undefined;
}

export interface OutboundTerms extends QueueTerms {
  readonly inflightMax: number;
}

/** What the connect request says about deliveries. */
export interface OutboundSettings {
  readonly inflightMax: number;
  readonly queueQos0: boolean;
  readonly whenQueueIsFull: 'drop-oldest' | 'refuse';
  readonly queueLimits: QueueLimits;
}

/** Among the session's state; no gateway sees it. */
const QUEUE_TERMS_KEY = '\0queue';

/** What most sessions ask for is not written down. */
const ORDINARY = textOf({ queueQos0: false, whenQueueIsFull: 'drop-oldest' });

/** @param ordinary - bounds where the terms name none. */
export function outboundSettings(terms: OutboundTerms, ordinary: QueueLimits): OutboundSettings {
  const { inflightMax, queueQos0, whenQueueIsFull, queueLimits } = terms;
  return { inflightMax, queueQos0, whenQueueIsFull, queueLimits: queueLimits ?? ordinary };
}

export function saveQueueTerms(store: SessionStore, stored: StoredSession, terms: QueueTerms): void {
  const text = textOf(terms);
  if (text === savedText(stored)) return;
  store.putState(stored, QUEUE_TERMS_KEY, text === ORDINARY ? undefined : Buffer.from(text));
}

export function savedQueueTerms(stored: StoredSession): QueueTerms {
  return JSON.parse(savedText(stored)) as QueueTerms;
}

function textOf({ queueQos0, whenQueueIsFull, queueLimits }: QueueTerms): string {
  return JSON.stringify({ queueQos0, whenQueueIsFull, queueLimits } satisfies QueueTerms);
}

function savedText(stored: StoredSession): string {
  const value = stored.state.get(QUEUE_TERMS_KEY);
  return value === undefined ? ORDINARY : Buffer.from(value).toString();
}
