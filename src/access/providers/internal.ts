import type { Authenticator } from '../access.ts';
import { isInternal, principalOfLink } from '../principal.ts';

/** Vouches for bridges and the gateway's own clients: their configuration says what they may do, so access rules do not bind them. */
export const internalAuthenticator: Authenticator = {
  name: 'internal',
  async authenticate(credentials) {
    return isInternal(credentials) ? { kind: 'allow', principal: principalOfLink(credentials, true) } : { kind: 'skip' };
  },
};
