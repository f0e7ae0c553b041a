// Identity that the link's handshake proved: the user name comes from the certificate or the pre-shared key, and a name or password the client
// sends besides proves nothing more.
import type { Authenticator, Credentials } from '../access.ts';
import { principalOfUser } from '../principal.ts';

export const certificateAuthenticator: Authenticator = linkIdentity('certificate', ({ certificateIdentity }) => certificateIdentity);

export const pskAuthenticator: Authenticator = linkIdentity('psk', ({ pskIdentity }) => pskIdentity);

function linkIdentity(name: string, identityOf: (credentials: Credentials) => string | undefined): Authenticator {
  return {
    name,
    async authenticate(credentials) {
      const identity = identityOf(credentials);
      if (identity === undefined || identity === '') return { kind: 'skip' };
      return { kind: 'allow', principal: principalOfUser(credentials, identity, false) };
    },
  };
}
