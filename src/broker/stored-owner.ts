// Whose will it is. A session's facts name its owner by its key only, and that is enough to give it back; whether the will may still be published
// when it fires after a restart depends on all that access rules ask about.
import { type Principal, peerAddress } from '../model/client.ts';
import type { SessionStore, StoredSession } from '../session/session-store.ts';

/** Among the session's state, as long as it has a will; no gateway sees it. */
const OWNER_KEY = '\0owner';

/** @param owner - undefined: there is no will. */
export function saveOwner(store: SessionStore, stored: StoredSession, owner: Principal | undefined): void {
  const text = owner && JSON.stringify(owner);
  const saved = stored.state.get(OWNER_KEY);
  if (text === (saved && Buffer.from(saved).toString())) return;
  store.putState(stored, OWNER_KEY, text === undefined ? undefined : Buffer.from(text));
}

/** The owner of a session a restart left; of one without a will only the name is known until it returns. */
export function restoredOwner({ clientId, facts, state }: StoredSession): Principal {
  const saved = state.get(OWNER_KEY);
  if (saved !== undefined) return JSON.parse(Buffer.from(saved).toString()) as Principal;
  const base = { clientId, peer: peerAddress(''), listener: 'restored', protocol: 'restored', isSuperuser: false };
  const [kind, ...name] = facts.principal.split(':');
  if (kind === 'user') return { ...base, username: name.join(':') };
  if (kind === 'certificate') return { ...base, certificateSubject: name.join(':') };
  return base;
}
