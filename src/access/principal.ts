import { clientId, type Principal } from '../model/client.ts';
import type { Credentials } from './access.ts';

/** What the link itself proves. The user name is left out: nobody checked it. */
export function principalOfLink(credentials: Credentials, isSuperuser: boolean): Principal {
  const { certificateSubject } = credentials;
  return {
    clientId: clientId(credentials.clientId),
    ...(certificateSubject === undefined ? {} : { certificateSubject }),
    peer: credentials.peer,
    listener: credentials.listener,
    protocol: credentials.protocol,
    isSuperuser,
  };
}
