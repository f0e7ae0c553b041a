// Through the entries of one stored queue in pieces of bounded work: a queue may hold a million messages, and this is the thread that serves everybody.
import type { GatewayClock } from '../model/clock.ts';
import { GatewayError } from '../model/errors.ts';
import { QUEUE_BYTES_PER_REQUEST, QUEUE_ENTRIES_PER_REQUEST } from '../model/limits.ts';
import { DEAD_LETTER_REALM, type QueueName, type Selection } from '../model/queue-selection.ts';
import type { Sequence, SessionStore, StoredDelivery, StoredSession } from '../session/session-store.ts';
import { selects } from './queue-selection.ts';

export interface WalkParts {
  readonly store: SessionStore;
  readonly clock: GatewayClock;
}

/** @throws GatewayError NOT_FOUND - no such queue, or several. */
export function findQueue({ sessions }: Pick<SessionStore, 'sessions'>, { clientId: id, realm }: QueueName): StoredSession {
  const found = [...sessions.values()].filter(
    (session) => session.clientId === id && (realm === undefined ? session.realm !== DEAD_LETTER_REALM : session.realm === realm),
  );
  const [only, another] = found;
  if (only === undefined) throw notFound(realm === undefined ? `no stored queue of ${id}` : `no stored queue of ${id} in ${realm}`);
  if (another !== undefined) throw notFound(`several queues of ${id}: say which realm: ${found.map((each) => each.realm).join(', ')}`);
  return only;
}

/** @param take - false: enough. @returns behind which the rest lies; undefined: there is none. */
export function walkQueue(
  { store, clock }: WalkParts,
  stored: StoredSession,
  selection: Selection,
  take: (sequence: Sequence, delivery: StoredDelivery) => boolean,
): Sequence | undefined {
  const { upTo = Number.POSITIVE_INFINITY } = selection;
  let seen = selection.after ?? 0;
  let bytes = 0;
  for (let looks = 0; looks < QUEUE_ENTRIES_PER_REQUEST && bytes < QUEUE_BYTES_PER_REQUEST; looks += 1) {
    const sequence = stored.queue.next(seen);
    if (sequence === undefined || sequence > upTo) return undefined;
    seen = sequence;
    if (selection.sequences?.includes(sequence) === false) continue;
    const delivery = store.read(stored, sequence);
    if (delivery === undefined) continue;
    bytes += delivery.message.payload.length;
    if (selects(selection, delivery, clock.gatewayMs()) && !take(sequence, delivery)) break;
  }
  const following = stored.queue.next(seen);
  return following === undefined || following > upTo ? undefined : seen;
}

export function notFound(message: string): GatewayError {
  return new GatewayError('NOT_FOUND', message);
}
