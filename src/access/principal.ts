import { clientId, INTERNAL_PROTOCOL, type Principal } from '../model/client.ts';
import type { Credentials } from './access.ts';
import type { UserRecord } from './users/user-records.ts';

/** What the link itself proves. The user name is left out: nobody checked it. */
export function principalOfLink(credentials: Credentials, isSuperuser: boolean): Principal {
  const { certificateSubject } = credentials;
  return {
    clientId: clientId(credentials.clientId),
    ...(certificateSubject === undefined ? {} : { certificateSubject }),
    peer: credentials.peer,
    ...(credentials.isProxied === true ? { isProxied: true } : {}),
    listener: credentials.listener,
    protocol: credentials.protocol,
    isSuperuser,
  };
}

/** @param username - proven. */
export function principalOfUser(credentials: Credentials, username: string, isSuperuser: boolean): Principal {
  return { ...principalOfLink(credentials, isSuperuser), username };
}

/** Of the users file, which may say something else of it later. */
export function principalOfRecord(credentials: Credentials, { name, isSuperuser }: Pick<UserRecord, 'name' | 'isSuperuser'>): Principal {
  return { ...principalOfUser(credentials, name, isSuperuser), isRegistered: true };
}

/** Bridges and the gateway's own clients. */
export function isInternal({ protocol, peerHost }: Credentials): boolean {
  return protocol === INTERNAL_PROTOCOL && peerHost === '';
}
