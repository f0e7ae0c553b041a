import type { Authenticator, Denial } from '../access.ts';
import { principalOfRecord } from '../principal.ts';
import type { PasswordChecker } from '../users/password-checker.ts';
import type { PasswordRenewal } from '../users/password-renewal.ts';
import type { UserFile } from '../users/user-file.ts';

const BAD_CREDENTIALS: Denial = { kind: 'deny', reason: 'bad-credentials' };
const BUSY: Denial = { kind: 'deny', reason: 'busy' };

/**
 * Users and passwords of a file. Who names a user is judged here for good; who names none is asked about elsewhere. While there is no file nobody
 * is judged.
 *
 * @param renewal - of hashes that came from elsewhere.
 */
export function usersAuthenticator(file: UserFile, checker: PasswordChecker, renewal: Pick<PasswordRenewal, 'renew'>): Authenticator {
  return {
    name: 'users',
    async authenticate(credentials, signal) {
      const { username, password, peerHost: address } = credentials;
      const users = username === undefined ? undefined : file.current();
      if (username === undefined || users === undefined) return { kind: 'skip' };
      if (password === undefined) return BAD_CREDENTIALS;
      const record = users.byName.get(username);
      const isRight = await checker.check(password, record?.password ?? users.decoy, { address, signal }); // a stranger's name costs the same time
      if (isRight === 'busy') return BUSY;
      if (!isRight || record === undefined) return BAD_CREDENTIALS;
      await renewal.renew(record, password);
      return { kind: 'allow', principal: principalOfRecord(credentials, record) };
    },
  };
}
