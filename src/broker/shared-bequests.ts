// What becomes of the entries of a group whose last member has left, should the gateway be killed before they are settled (MQTT-3.10.4-3): each goes to the
// session that had it. Said in the state of the group's session, in the commit of the UNSUBSCRIBE; a group that still has members needs no heirs.
import type { Sequence, SessionStore, StoredSession } from '../session/session-store.ts';
import type { DeliveryTerms } from './delivery-view.ts';
import { unretained } from './recipient.ts';

const PREFIX = '\0heir\0';

export interface Bequest {
  readonly sequence: Sequence;
  readonly heir: StoredSession;
  readonly terms: DeliveryTerms;
}

/** What the store keeps of one. The number of a session is never another's. */
interface StoredBequest extends DeliveryTerms {
  readonly session: number;
}

export function bequeath(store: SessionStore, group: StoredSession, { sequence, heir, terms }: Bequest): void {
  const { qos, isRetain, identifiers } = terms;
  store.putState(group, PREFIX + String(sequence), Buffer.from(JSON.stringify({ session: heir.id, qos, isRetain, identifiers } satisfies StoredBequest)));
}

/** Others are there again. */
export function withdrawBequests(store: SessionStore, group: StoredSession): void {
  for (const key of [...group.state.keys()]) if (key.startsWith(PREFIX)) store.putState(group, key, undefined);
}

/**
 * After a restart found the group without members: it is over. Each entry changes hands in a commit of its own or with others, and a start that is killed in
 * between finds the rest where it was: together they may be more than a commit should hold.
 */
export function execute(store: SessionStore, group: StoredSession): void {
  const sessions = new Map([...store.sessions.values()].map((session) => [session.id, session]));
  for (const { sequence, session, terms } of bequestsOf(group)) {
    const heir = sessions.get(session);
    const delivery = store.read(group, sequence);
    if (heir === undefined || delivery === undefined) continue;
    store.together(() => {
      store.refer(heir, terms, group.queue.laneOf(sequence));
      store.append(unretained(delivery.message));
      store.settle(group, sequence, 'moved');
    });
  }
  store.removeSession(group);
}

/** Oldest first. */
function bequestsOf({ state }: StoredSession): readonly { readonly sequence: Sequence; readonly session: number; readonly terms: DeliveryTerms }[] {
  const found = [...state].filter(([key]) => key.startsWith(PREFIX));
  const bequests = found.map(([key, value]) => {
    const { session, ...terms } = JSON.parse(Buffer.from(value).toString()) as StoredBequest;
    return { sequence: Number(key.slice(PREFIX.length)), session, terms };
  });
  return bequests.sort((a, b) => a.sequence - b.sequence);
}
