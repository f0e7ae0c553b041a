// `postern user`: who may log in with a password. Works on the file alone; a running gateway sees the change at the next login.
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { hashPassword } from '../access/users/password-hash.ts';
import { replaceFile } from '../access/users/replace-file.ts';
import { saslPrep } from '../access/users/sasl-prep.ts';
import { SCRAM_METHODS, type ScramMethod, type ScramVerifier, scramVerifier } from '../access/users/scram.ts';
import { readUserFile } from '../access/users/user-file.ts';
import { formatUsers, isScramMethod, requireUserName, SCRAM_ITERATIONS, type UserRecord, type Users, usersOf } from '../access/users/user-records.ts';
import { readSecret } from '../config/files.ts';
import { GatewayError } from '../model/errors.ts';
import { USERS_MAX } from '../model/limits.ts';
import { type ConfigOptions, loadConfig, problemText } from './config-options.ts';
import { prepareDataDirectory } from './data-directory.ts';
import { EXIT, EXIT_OF } from './exit-codes.ts';
import type { Surroundings } from './surroundings.ts';

export interface AddUserOptions extends ConfigOptions {
  readonly passwordFile?: string;
  readonly superuser?: boolean;
  /** Whether the user may also prove the password without sending it. */
  readonly scram?: boolean;
}

const SALT_BYTES = 16;

/** Adds a user, or gives one that exists a new password and new rights. */
export function addUser(name: string, options: AddUserOptions, surroundings: Surroundings): Promise<number> {
  return withUsersFile(options, surroundings, async (path, directory) => {
    const { superuser = false, scram = false, passwordFile } = options;
    requireUserName(name);
    if (scram && saslPrep(name) !== name) throw new GatewayError('CONFIG_INVALID', 'SCRAM needs another spelling of this name (RFC 4013)');
    const secret = passwordFile === undefined ? await surroundings.readSecret('Password') : readSecret(passwordFile);
    if (secret === '') throw new GatewayError('CONFIG_INVALID', 'the password is empty');
    const record = { name, isSuperuser: superuser, password: await hashPassword(Buffer.from(secret)), scram: scram ? await verifiersOf(secret) : new Map() };
    if (dirname(path) === directory) prepareDataDirectory(directory);
    let isNew = true;
    await replaceFile(path, async () => {
      const users = readUserFile(path);
      isNew = users?.byName.has(name) !== true;
      if (isNew && (users?.byName.size ?? 0) >= USERS_MAX) throw new GatewayError('LIMIT_EXCEEDED', `there are ${USERS_MAX} users already`);
      return formatUsers(withUser(users, record));
    });
    surroundings.write(`${name} ${isNew ? 'added' : 'changed'}\n`);
  });
}

export function removeUser(name: string, options: ConfigOptions, surroundings: Surroundings): Promise<number> {
  return withUsersFile(options, surroundings, async (path) => {
    await replaceFile(path, async () => {
      const users = readUserFile(path);
      if (users?.byName.has(name) !== true) throw new GatewayError('CONFIG_INVALID', `there is no user ${JSON.stringify(name)} in ${path}`);
      const others = [...users.byName.values()].filter((record) => record.name !== name);
      return formatUsers(usersOf(others, users.decoyKey));
    });
    surroundings.write(`${name} removed; links that are open stay open: postern ban ends them\n`);
  });
}

export function listUsers(options: ConfigOptions, surroundings: Surroundings): Promise<number> {
  return withUsersFile(options, surroundings, async (path) => {
    for (const { name, isSuperuser, scram } of readUserFile(path)?.byName.values() ?? []) {
      const facts = [isSuperuser ? 'superuser' : undefined, ...scram.keys()].filter((fact) => fact !== undefined);
      surroundings.write(facts.length === 0 ? `${name}\n` : `${name}  (${facts.join(', ')})\n`);
    }
  });
}

async function withUsersFile(options: ConfigOptions, surroundings: Surroundings, run: (path: string, dataDirectory: string) => Promise<void>): Promise<number> {
  const loaded = loadConfig(options, surroundings, 'ignored');
  if (loaded.kind === 'invalid') {
    surroundings.complain(problemText(loaded.problems));
    return EXIT.config;
  }
  const { access, data } = loaded.config;
  try {
    await run(access.usersFile, data.directory);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    surroundings.complain(`postern: ${error.message}\n`);
    return EXIT_OF[error.code];
  }
}

function withUser(users: Users | undefined, record: UserRecord): Users {
  const others = [...(users?.byName.values() ?? [])].filter(({ name }) => name !== record.name);
  return usersOf([...others, record], users?.decoyKey);
}

async function verifiersOf(password: string): Promise<Map<ScramMethod, ScramVerifier>> {
  const verifiers = new Map<ScramMethod, ScramVerifier>();
  for (const method of Object.keys(SCRAM_METHODS).filter(isScramMethod)) {
    const verifier = await scramVerifier(method, password, { salt: randomBytes(SALT_BYTES), iterations: SCRAM_ITERATIONS });
    if (verifier === undefined) throw new GatewayError('CONFIG_INVALID', 'the password has characters that SCRAM does not allow (RFC 4013)');
    verifiers.set(method, verifier);
  }
  return verifiers;
}
