// The users file: JSON, one object per user. Written by `postern user`, readable and mendable by hand.
import { randomBytes } from 'node:crypto';
import { GatewayError } from '../../model/errors.ts';
import { USERS_MAX } from '../../model/limits.ts';
import { type Argon2Hash, decoyHash, formatPasswordHash, isArgon2, type PasswordHash, parsePasswordHash } from './password-hash.ts';
import { SCRAM_METHODS, type ScramMethod, type ScramVerifier } from './scram.ts';

export interface UserRecord {
  readonly name: string;
  readonly isSuperuser: boolean;
  readonly password: PasswordHash;
  /** Of the methods the user may prove the password by, without sending it. */
  readonly scram: ReadonlyMap<ScramMethod, ScramVerifier>;
}

export interface Users {
  readonly byName: ReadonlyMap<string, UserRecord>;
  /** Makes salts for users that do not exist, the same over restarts. */
  readonly decoyKey: Uint8Array;
  /** Costs what a real one costs. */
  readonly decoy: Argon2Hash;
  /** Of verifiers for users that do not exist. */
  readonly decoyIterations: number;
}

export const USER_NAME_BYTES_MAX = 1_024;
/** Many enough to slow a thief of the file down, few enough for a microcontroller that must do as many (RFC 7677 §4 asks for 4096). */
export const SCRAM_ITERATIONS = 10_000;
const ITERATIONS_MIN = 1_000;
const ITERATIONS_MAX = 10_000_000;
const VERSION = 1;
const DECOY_KEY_BYTES = 32;

export function usersOf(records: Iterable<UserRecord>, decoyKey: Uint8Array = randomBytes(DECOY_KEY_BYTES)): Users {
  const byName = new Map([...records].map((record) => [record.name, record]));
  const model = [...byName.values()].map(({ password }) => password).find(isArgon2);
  const [verifier] = [...byName.values()].flatMap(({ scram }) => [...scram.values()]);
  return { byName, decoyKey, decoy: decoyHash(model), decoyIterations: verifier?.iterations ?? SCRAM_ITERATIONS };
}

/** @throws GatewayError CONFIG_INVALID - naming the user or the member that is wrong, never what a secret one holds. */
export function parseUsers(text: string): Users {
  const { version, decoyKey, users } = objectOf(jsonOf(text), 'the file');
  if (version !== VERSION) throw invalid(`"version" must be ${VERSION}`);
  if (!Array.isArray(users)) throw invalid('"users" must be a list');
  if (users.length > USERS_MAX) throw invalid(`has ${users.length} users, at most ${USERS_MAX} are allowed`);
  const records = users.map(recordOf);
  const names = new Set(records.map(({ name }) => name));
  const repeated = records.find(({ name }) => !names.delete(name));
  if (repeated !== undefined) throw invalid(`has the user ${JSON.stringify(repeated.name)} twice`);
  return usersOf(records, bytesOf(decoyKey, '"decoyKey"'));
}

export function formatUsers({ byName, decoyKey }: Users): string {
  const users = [...byName.values()].map(({ name, isSuperuser, password, scram }) => ({
    name,
    ...(isSuperuser ? { isSuperuser } : {}),
    password: formatPasswordHash(password),
    ...(scram.size === 0 ? {} : { scram: Object.fromEntries([...scram].map(([method, verifier]) => [method, formatVerifier(verifier)])) }),
  }));
  return `${JSON.stringify({ version: VERSION, decoyKey: base64(decoyKey), users }, null, 2)}\n`;
}

/** @throws GatewayError CONFIG_INVALID */
export function requireUserName(name: unknown): string {
  if (typeof name !== 'string' || name === '' || !name.isWellFormed() || /\p{Cc}/u.test(name))
    throw invalid('a user name must be text without control characters');
  if (Buffer.byteLength(name) > USER_NAME_BYTES_MAX) throw invalid(`a user name has more than ${USER_NAME_BYTES_MAX} bytes`);
  return name;
}

function recordOf(value: unknown, index: number): UserRecord {
  const { name, isSuperuser = false, password, scram = {}, ...rest } = objectOf(value, `users[${index}]`);
  const named = requireUserName(name);
  const whose = `of the user ${JSON.stringify(named)}`;
  const [stranger] = Object.keys(rest);
  if (stranger !== undefined) throw invalid(`has a member ${JSON.stringify(stranger)} ${whose} that means nothing`);
  if (typeof isSuperuser !== 'boolean') throw invalid(`"isSuperuser" ${whose} must be true or false`);
  if (typeof password !== 'string') throw invalid(`"password" ${whose} is missing: postern user add`);
  return { name: named, isSuperuser, password: parsePasswordHash(password), scram: verifiersOf(scram, whose) };
}

function verifiersOf(value: unknown, whose: string): Map<ScramMethod, ScramVerifier> {
  const verifiers = new Map<ScramMethod, ScramVerifier>();
  for (const [method, members] of Object.entries(objectOf(value, `"scram" ${whose}`))) {
    if (!isScramMethod(method)) throw invalid(`has a SCRAM method ${JSON.stringify(method)} ${whose} that is none of ${Object.keys(SCRAM_METHODS).join(', ')}`);
    const { iterations, salt, storedKey, serverKey } = objectOf(members, `${method} ${whose}`);
    if (typeof iterations !== 'number' || !Number.isInteger(iterations) || iterations < ITERATIONS_MIN || iterations > ITERATIONS_MAX)
      throw invalid(`"iterations" of ${method} ${whose} must be a whole number from ${ITERATIONS_MIN} to ${ITERATIONS_MAX}`);
    const bytes = (member: unknown, called: string): Uint8Array => bytesOf(member, `"${called}" of ${method} ${whose}`);
    verifiers.set(method, { iterations, salt: bytes(salt, 'salt'), storedKey: bytes(storedKey, 'storedKey'), serverKey: bytes(serverKey, 'serverKey') });
  }
  return verifiers;
}

export function isScramMethod(text: string): text is ScramMethod {
  return Object.hasOwn(SCRAM_METHODS, text);
}

function formatVerifier({ salt, iterations, storedKey, serverKey }: ScramVerifier): Readonly<Record<string, string | number>> {
  return { iterations, salt: base64(salt), storedKey: base64(storedKey), serverKey: base64(serverKey) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('is not JSON'); // what the parser says would repeat a piece of the file
  }
}

function objectOf(value: unknown, called: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(`${called} must be an object`);
  return { ...value };
}

function bytesOf(value: unknown, called: string): Uint8Array {
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/]{8,}={0,2}$/.test(value)) throw invalid(`${called} must be base64`);
  return Buffer.from(value, 'base64');
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function invalid(message: string): GatewayError {
  return new GatewayError('CONFIG_INVALID', message);
}
