import { INTERNAL_PROTOCOL } from '../../model/client.ts';
import type { Authenticator } from '../access.ts';
import { principalOfLink } from '../principal.ts';

/** Vouches for bridges and the gateway's own clients: their configuration says what they may do, so access rules do not bind them. */
export const internalAuthenticator: Authenticator = {
  name: 'internal',
  async authenticate(credentials) {
    const isInternal = credentials.protocol === INTERNAL_PROTOCOL && credentials.peerHost === '';
    return isInternal ? { kind: 'allow', principal: principalOfLink(credentials, true) } : { kind: 'skip' };
  },
};
