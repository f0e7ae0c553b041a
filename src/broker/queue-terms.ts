// How a session's stored queue is treated. What cannot be asked of the configuration is kept with the session, because messages come in after a restart
// before the client is back: the queue of a bridge must refuse then as before, not make room by dropping what was acknowledged. What the configuration
// says is not kept: a changed one holds for every session from the start of the gateway.
import type { ConnectRequest } from '../gateway/gateway.ts';
import { INFLIGHT_MAX } from '../model/limits.ts';
import type { QueueLimits, QueuePolicy } from '../model/queue-policy.ts';
import type { Sequence, SessionStore, StoredSession } from '../session/session-store.ts';
import { type QueueOwner, type QueueRules, type QueueTreatment, treatmentOf } from './queue-rules.ts';

export interface OutboundSettings {
  readonly inflightMax: number;
  readonly isReliableLink: boolean;
  readonly queueQos0: boolean;
  /** What a client without a stored queue has not settled is kept in memory, and sent again when it is rejected. */
  readonly keepsUnsettled: boolean;
  readonly treatment: QueueTreatment;
  /** What was queued up to here had other priorities; 0: nothing had. */
  readonly inOrderUpTo: Sequence;
}

export interface TermsParts {
  readonly store: SessionStore;
  readonly queueRules: QueueRules;
}

type Terms = Pick<ConnectRequest, 'queueQos0' | 'queue'>;

/** What is kept of them. Absent: as for most. */
interface KeptTerms extends Terms {
  /** Where the client last came in, if some rule asks. */
  readonly listener?: string | undefined;
  readonly prioritiesMark?: number | undefined;
  readonly inOrderUpTo?: Sequence | undefined;
}

/** Among the session's state; no gateway sees it. */
const QUEUE_TERMS_KEY = '\0queue';

/** What most sessions ask for is not written down. */
const ORDINARY_TERMS = JSON.stringify({ queueQos0: false } satisfies KeptTerms);

/**
 * The settings of a session, from what its connect request says and what the rules say about its owner.
 *
 * @param stored - where the terms are kept and the classes of its queue compared; undefined: it has no stored queue.
 */
export function takeTerms(
  parts: TermsParts,
  stored: StoredSession | undefined,
  owner: QueueOwner,
  request: Terms & Pick<ConnectRequest, 'inflightMax' | 'isReliableLink' | 'keepsUnsettled'>,
): OutboundSettings {
  const { queueQos0, queue, isReliableLink, keepsUnsettled = false } = request;
  const treatment = queue === undefined ? parts.queueRules.for(owner) : treatmentOf(queue);
  const inflightMax = Math.min(request.inflightMax, treatment.inflightMax);
  if (stored === undefined) return { inflightMax, isReliableLink, queueQos0, keepsUnsettled, treatment, inOrderUpTo: 0 };
  const listener = parts.queueRules.askListener ? owner.listener : undefined;
  const inOrderUpTo = keepTerms(parts.store, stored, { queueQos0, queue, listener }, treatment);
  return { inflightMax, isReliableLink, queueQos0, keepsUnsettled, treatment, inOrderUpTo };
}

/** The settings of a session that a restart left, until its client is back. */
export function restoredTerms(parts: TermsParts, stored: StoredSession, owner: QueueOwner): OutboundSettings {
  const { listener = owner.listener, ...kept } = keptTerms(stored);
  return takeTerms(parts, stored, { ...owner, listener }, { ...kept, inflightMax: INFLIGHT_MAX, isReliableLink: true });
}

/** @returns up to where the queue was filled under other priorities. */
export function keepTerms(store: SessionStore, stored: StoredSession, terms: KeptTerms, { prioritiesMark }: QueueTreatment): Sequence {
  const kept = keptTerms(stored);
  const isChanged = (kept.prioritiesMark ?? 0) !== prioritiesMark;
  const inOrderUpTo = isChanged ? (stored.queue.last ?? 0) : (kept.inOrderUpTo ?? 0);
  const { queueQos0, queue, listener } = terms;
  const next: KeptTerms = { queueQos0, queue, listener, prioritiesMark: prioritiesMark || undefined, inOrderUpTo: inOrderUpTo || undefined };
  const text = JSON.stringify(next);
  if (text !== keptText(stored)) store.putState(stored, QUEUE_TERMS_KEY, text === ORDINARY_TERMS ? undefined : Buffer.from(text));
  return inOrderUpTo;
}

/** As versions without queue policies wrote them. */
interface EarlierTerms {
  readonly queueQos0: boolean;
  readonly whenQueueIsFull: 'drop-oldest' | 'refuse';
  readonly queueLimits?: QueueLimits | undefined;
}

function keptTerms(stored: StoredSession): KeptTerms {
  const kept = JSON.parse(keptText(stored)) as KeptTerms | EarlierTerms;
  if (!('whenQueueIsFull' in kept)) return kept;
  const { queueQos0, whenQueueIsFull, queueLimits } = kept;
  const queue: QueuePolicy | undefined = queueLimits && { ...queueLimits, whenFull: whenQueueIsFull, keepLatest: [], priorities: [] };
  return { queueQos0, queue };
}

function keptText(stored: StoredSession): string {
  const value = stored.state.get(QUEUE_TERMS_KEY);
  return value === undefined ? ORDINARY_TERMS : Buffer.from(value).toString();
}
