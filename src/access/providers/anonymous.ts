import { isLoopback } from '../../model/client.ts';
import type { Authenticator, Credentials } from '../access.ts';
import { principalOfLink } from '../principal.ts';

/** Whom to let in without a proof: anyone, anyone on this machine, or no one. */
export type AnonymousAccess = 'always' | 'loopback' | 'never';

/**
 * Lets clients in as nobody in particular. Belongs at the end of the chain: who names a user gets this far only when no source of the chain
 * knows users, and then the name proves nothing and is dropped, so that no rule can be met by claiming it.
 */
export function anonymousAuthenticator(access: AnonymousAccess): Authenticator {
  const isOfThisHost = ({ peerHost, isProxied }: Credentials) => isProxied !== true && isLoopback(peerHost);
  const isAllowed = (credentials: Credentials) => access === 'always' || (access === 'loopback' && isOfThisHost(credentials));
  return {
    name: 'anonymous',
    async authenticate(credentials) {
      return isAllowed(credentials) ? { kind: 'allow', principal: principalOfLink(credentials, false) } : { kind: 'skip' };
    },
  };
}
