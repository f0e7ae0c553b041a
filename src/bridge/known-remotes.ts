// Which remotes had our session: what one of them knows of it is of no use once another was connected.
import type { ClientSession } from '../gateway/gateway.ts';

/** State key: addresses of the remotes that were connected, the last one first, one a line. */
const REMOTES_KEY = 'remote';
/** Remembered of them; behind that many, one that is not among them counts as one that was. */
const REMOTES_REMEMBERED = 32;

/** Whether that remote had our session and another one has it now. */
export function isStranger(session: ClientSession, address: string): boolean {
  const known = knownRemotes(session);
  const at = known.indexOf(address);
  return at > 0 || (at < 0 && known.length >= REMOTES_REMEMBERED);
}

/** Whether it had our session, as far as is remembered. */
export function isKnown(session: ClientSession, address: string): boolean {
  return knownRemotes(session).includes(address);
}

/** Before anything is sent to it: an exchange of QoS 2 waits for its commit, and this is in that or an earlier one. */
export function rememberRemote(session: ClientSession, address: string): void {
  const known = knownRemotes(session);
  if (known[0] === address) return;
  const next = [address, ...known.filter((each) => each !== address)].slice(0, REMOTES_REMEMBERED);
  session.state.put(REMOTES_KEY, Buffer.from(next.join('\n')));
}

function knownRemotes(session: ClientSession): readonly string[] {
  const known = session.state.get(REMOTES_KEY);
  return known === undefined ? [] : Buffer.from(known).toString().split('\n');
}
