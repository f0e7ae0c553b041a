import type { Credentials } from '../access/access.ts';
import type { ClientSession } from '../gateway/gateway.ts';
import { clientId, type Principal } from '../model/client.ts';
import { BrokerSession } from './client-session.ts';

/** Whoever has the session `within` has its further queues as well, under names of their own. */
export function furtherPrincipal(within: ClientSession, credentials: Pick<Credentials, 'clientId'>): Principal {
  if (!(within instanceof BrokerSession)) throw new TypeError('a session within one that is not of this core');
  return { ...within.principal, clientId: clientId(credentials.clientId) };
}
