// What the store keeps of a session whatever its gateway.
import type { Will } from '../gateway/gateway.ts';
import type { ClientId, Principal, Realm } from '../model/client.ts';
import type { GatewayMs } from '../model/clock.ts';
import type { Origin } from '../model/message.ts';
import type { SessionFacts, StoredSession } from '../session/session-store.ts';
import type { Core } from './core.ts';
import { saveOwner } from './stored-owner.ts';
import { storedWill } from './stored-will.ts';

export interface RecordedSession {
  readonly realm: Realm;
  readonly clientId: ClientId;
  readonly ownerKey: string;
  readonly principal: Principal;
  readonly origin: Origin;
  readonly expirySeconds: number;
  readonly isAttached: boolean;
  readonly will: Will | undefined;
  readonly record: StoredSession | undefined;
  readonly subscriptions: { saveAll(stored: StoredSession): void };
}

/**
 * Writes the session's facts, making or ending its record as they ask.
 *
 * @param hasQueue - it outlives its link; otherwise only a will is a reason to keep it.
 * @returns the record from now on.
 */
export function savedRecord({ store, clock }: Pick<Core, 'store' | 'clock'>, session: RecordedSession, hasQueue: boolean): StoredSession | undefined {
  const { record, will, realm, clientId, principal } = session;
  if (!hasQueue && will === undefined) {
    if (record !== undefined) store.removeSession(record);
    return undefined;
  }
  const facts = factsOf(session, clock.gatewayMs());
  const saved = record ?? store.createSession(realm, clientId, facts);
  if (record !== undefined) store.changeSession(saved, facts);
  else if (hasQueue) session.subscriptions.saveAll(saved);
  saveOwner(store, saved, will && principal);
  return saved;
}

function factsOf({ ownerKey, expirySeconds, isAttached, will, origin }: RecordedSession, nowMs: GatewayMs): SessionFacts {
  return {
    principal: ownerKey,
    expirySeconds,
    detachedAtMs: isAttached ? undefined : nowMs,
    will: will === undefined ? undefined : storedWill(will, origin, nowMs),
  };
}
