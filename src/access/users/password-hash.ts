// Passwords as argon2id in the PHC string format: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`, base64 without padding. Never anything but a hash
// is stored or compared, and never on the main thread. Users from elsewhere bring hashes of another kind.
import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { GatewayError } from '../../model/errors.ts';
import { formatMosquittoHash, isMosquittoPassword, type MosquittoHash, parseMosquittoHash } from './mosquitto-hash.ts';

export type PasswordHash = Argon2Hash | MosquittoHash;

export interface Argon2Hash {
  readonly memoryKiB: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

type Cost = Pick<Argon2Hash, 'memoryKiB' | 'passes' | 'parallelism'>;

/** The smallest that OWASP's Password Storage Cheat Sheet holds sufficient: about 0.1 s on a Raspberry Pi 4. */
const COST: Cost = { memoryKiB: 19_456, passes: 2, parallelism: 1 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;
/** A file from elsewhere must not be able to take the memory of the board or minutes per login. */
const COST_MAX: Cost = { memoryKiB: 262_144, passes: 16, parallelism: 8 };

export async function hashPassword(password: Uint8Array): Promise<Argon2Hash> {
  const salt = randomBytes(SALT_BYTES);
  return { ...COST, salt, hash: await derive(password, { ...COST, salt, hashBytes: HASH_BYTES }) };
}

/** Takes as long for a wrong password as for the right one. */
export async function isPassword(password: Uint8Array, expected: PasswordHash): Promise<boolean> {
  if (!isArgon2(expected)) {
    const [isRight] = await Promise.all([isMosquittoPassword(password, expected), hashPassword(password)]); // or guessed names would tell the imported ones
    return isRight;
  }
  const derived = await derive(password, { ...expected, hashBytes: expected.hash.length });
  return timingSafeEqual(derived, expected.hash);
}

/** Whether it is as strong as we make them; another is replaced when its password is known. */
export function isArgon2(hash: PasswordHash): hash is Argon2Hash {
  return 'memoryKiB' in hash;
}

/** What nobody's password has, and costs as much to compare with as `model`: for users that do not exist. */
export function decoyHash(model: Argon2Hash | undefined): Argon2Hash {
  return { ...(model ?? COST), salt: randomBytes(model?.salt.length ?? SALT_BYTES), hash: randomBytes(model?.hash.length ?? HASH_BYTES) };
}

/** @throws GatewayError CONFIG_INVALID */
export function parsePasswordHash(text: string): PasswordHash {
  return parseMosquittoHash(text) ?? parseArgon2(text);
}

function parseArgon2(text: string): Argon2Hash {
  const [, memory, passes, parallelism, salt, hash] = PHC.exec(text) ?? [];
  if (salt === undefined || hash === undefined)
    throw new GatewayError('CONFIG_INVALID', 'a password is not in the form $argon2id$v=19$m=...,t=...,p=...$salt$hash');
  const cost = { memoryKiB: Number(memory), passes: Number(passes), parallelism: Number(parallelism) };
  const isPossible = cost.passes >= 1 && cost.parallelism >= 1 && cost.memoryKiB >= 8 * cost.parallelism; // RFC 9106 §3.1
  const isBearable = cost.memoryKiB <= COST_MAX.memoryKiB && cost.passes <= COST_MAX.passes && cost.parallelism <= COST_MAX.parallelism;
  if (!isPossible || !isBearable) throw new GatewayError('CONFIG_INVALID', `a password costs m=${memory},t=${passes},p=${parallelism}, which is not allowed`);
  return { ...cost, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
}

export function formatPasswordHash(password: PasswordHash): string {
  if (!isArgon2(password)) return formatMosquittoHash(password);
  const { memoryKiB, passes, parallelism, salt, hash } = password;
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(hash)}`;
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}

function derive(message: Uint8Array, { memoryKiB, passes, parallelism, salt, hashBytes }: Cost & { salt: Uint8Array; hashBytes: number }): Promise<Buffer> {
  const parameters: Argon2Parameters = { message, nonce: salt, memory: memoryKiB, passes, parallelism, tagLength: hashBytes };
  return new Promise((resolve, reject) => {
    argon2('argon2id', parameters, (error, hash) => (error === null ? resolve(hash) : reject(error)));
  });
}
