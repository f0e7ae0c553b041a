// The users of a password_file, with the hashes mosquitto_passwd made.
import { parseMosquittoHash } from '../../access/users/mosquitto-hash.ts';
import { requireUserName, type UserRecord } from '../../access/users/user-records.ts';
import { GatewayError } from '../../model/errors.ts';
import { linesOf } from './conf-file.ts';
import type { Remark } from './rows.ts';

export interface PasswordFile {
  readonly users: readonly UserRecord[];
  /** Lines of users that are left out; nothing of what they hold. */
  readonly remarks: readonly Remark[];
}

/** @throws GatewayError CONFIG_INVALID */
export function readPasswordFile(file: string): PasswordFile {
  const users = new Map<string, UserRecord>();
  const remarks: Remark[] = [];
  for (const [place, text] of linesOf(file)) {
    const record = userOf(text);
    const reason = typeof record === 'string' ? record : users.has(record.name) ? 'the user is there already' : undefined;
    if (reason !== undefined) remarks.push({ ...place, what: 'user', kind: 'missing', reason: `${reason}: this user is left out` });
    else if (typeof record !== 'string') users.set(record.name, record);
  }
  return { users: [...users.values()], remarks };
}

/** @returns what is wrong, where it is no user. */
function userOf(text: string): UserRecord | string {
  const colon = text.indexOf(':');
  const hash = colon === -1 ? undefined : parseMosquittoHash(text.slice(colon + 1));
  if (hash === undefined) return 'the password is no hash of mosquitto_passwd';
  try {
    return { name: requireUserName(text.slice(0, colon)), isSuperuser: false, password: hash, scram: new Map() };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return error.message;
  }
}
