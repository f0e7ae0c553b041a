// Pre-shared keys as Mosquitto keeps them: a line `identity:hexkey` each. Empty lines and lines that begin with # are skipped.
import { GatewayError } from '../model/errors.ts';
import { PSK_IDENTITY_BYTES_MAX, PSK_KEY_BYTES_MAX } from '../model/limits.ts';

const HEX = /^(?:[0-9a-fA-F]{2})+$/;

/**
 * @param place - the file, as messages call it. They tell lines, and never what is in them.
 * @returns the keys by identity.
 * @throws GatewayError CONFIG_INVALID
 */
export function pskTable(text: string, place: string): ReadonlyMap<string, Buffer> {
  const keys = new Map<string, Buffer>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const problem = takeLine(line, keys);
    if (problem !== undefined) throw new GatewayError('CONFIG_INVALID', `${place}, line ${index + 1}: ${problem}`);
  }
  if (keys.size === 0) throw new GatewayError('CONFIG_INVALID', `${place} holds no key: each has a line identity:key`);
  return keys;
}

/** An identity may hold colons, a key cannot. */
function takeLine(line: string, keys: Map<string, Buffer>): string | undefined {
  const colon = line.lastIndexOf(':');
  const identity = line.slice(0, colon);
  const hex = line.slice(colon + 1);
  if (colon <= 0 || !HEX.test(hex)) return 'must be identity:key with the key in hexadecimal';
  if (Buffer.byteLength(identity) > PSK_IDENTITY_BYTES_MAX) return `an identity has at most ${PSK_IDENTITY_BYTES_MAX} bytes`;
  if (hex.length > 2 * PSK_KEY_BYTES_MAX) return `a key has at most ${PSK_KEY_BYTES_MAX} bytes`;
  if (keys.has(identity)) return 'the identity has a key already';
  keys.set(identity, Buffer.from(hex, 'hex'));
  return undefined;
}

/**
 * The suites of pre-shared keys that are worth having, those with forward secrecy first (RFC 8442, RFC 7905, RFC 5487, RFC 5489, RFC 4279), in OpenSSL's
 * notation.
 */
export const PSK_CIPHERS = [
  'ECDHE-PSK-CHACHA20-POLY1305',
  'ECDHE-PSK-AES128-CBC-SHA256',
  'PSK-AES128-GCM-SHA256',
  'PSK-CHACHA20-POLY1305',
  'PSK-AES256-GCM-SHA384',
  'PSK-AES128-CBC-SHA256',
  'PSK-AES128-CBC-SHA',
].join(':');

/**
 * One key of a file of its own: its first line, in hexadecimal.
 *
 * @param place - the file, as messages call it.
 * @throws GatewayError CONFIG_INVALID
 */
export function pskKey(text: string, place: string): Buffer {
  const [hex = ''] = text.split(/\r?\n/, 1);
  if (!HEX.test(hex)) throw new GatewayError('CONFIG_INVALID', `${place} must hold the key in hexadecimal, in its first line`);
  if (hex.length > 2 * PSK_KEY_BYTES_MAX) throw new GatewayError('CONFIG_INVALID', `${place}: a key has at most ${PSK_KEY_BYTES_MAX} bytes`);
  return Buffer.from(hex, 'hex');
}
