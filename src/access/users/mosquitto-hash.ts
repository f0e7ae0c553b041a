// Passwords as mosquitto_passwd stores them: `$6$salt$hash` is SHA-512 over password and salt, `$7$iterations$salt$hash` is PBKDF2 with HMAC-SHA-512;
// base64 with padding. Users taken over from Mosquitto have them until they log in for the first time. None is ever made here.
import { createHash, pbkdf2, timingSafeEqual } from 'node:crypto';

export interface MosquittoHash {
  /** undefined: SHA-512, once. */
  readonly iterations: number | undefined;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

const FORM = /^\$(?:6|7\$(\d{1,7}))\$([A-Za-z0-9+/]{16}|[A-Za-z0-9+/]{86}==)\$([A-Za-z0-9+/]{86}==)$/;
/** A second on a Raspberry Pi 4; Mosquitto makes 101 or 1000. */
const ITERATIONS_MAX = 1_000_000;
const HASH_BYTES = 64;

/** @returns undefined: another form, or one that costs more than a file from elsewhere may ask for. */
export function parseMosquittoHash(text: string): MosquittoHash | undefined {
  const [, count, salt, hash] = FORM.exec(text) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  const iterations = count === undefined ? undefined : Number(count);
  if (iterations !== undefined && (iterations < 1 || iterations > ITERATIONS_MAX)) return undefined;
  return { iterations, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
}

export function formatMosquittoHash({ iterations, salt, hash }: MosquittoHash): string {
  return `$${iterations === undefined ? 6 : `7$${iterations}`}$${base64(salt)}$${base64(hash)}`;
}

export async function isMosquittoPassword(password: Uint8Array, { iterations, salt, hash }: MosquittoHash): Promise<boolean> {
  return timingSafeEqual(
    iterations === undefined ? createHash('sha512').update(password).update(salt).digest() : await stretched(password, salt, iterations),
    hash,
  );
}

function stretched(password: Uint8Array, salt: Uint8Array, iterations: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    pbkdf2(password, salt, iterations, HASH_BYTES, 'sha512', (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
