// SCRAM (RFC 5802, RFC 7677), the server's side: a state machine without time, randomness or storage of its own. The server never holds the
// password, nor anything a client could log in with.
import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto';
import { saslPrep } from './sasl-prep.ts';

/** As MQTT 5 names them in Authentication Method, with the hash each uses. */
export const SCRAM_METHODS = { 'SCRAM-SHA-1': 'sha1', 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-512': 'sha512' } as const;
export type ScramMethod = keyof typeof SCRAM_METHODS;

/** What is stored of a password (RFC 5802 §3). */
export interface ScramVerifier {
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

export interface ScramOptions {
  readonly method: ScramMethod;
  /** Printable ASCII without a comma, fresh for each exchange. */
  readonly serverNonce: string;
  /** Of a user that does not exist a verifier nobody can meet, the same each time: a stranger must not tell the two apart. */
  readonly verifierOf: (username: string) => ScramVerifier;
}

export type ScramOutcome =
  | { readonly kind: 'challenge'; readonly data: Uint8Array | undefined }
  /** `data` is the server's proof (server-final-message). */
  | { readonly kind: 'success'; readonly username: string; readonly data: Uint8Array }
  | { readonly kind: 'failure' };

type State =
  | { readonly kind: 'initial' }
  | { readonly kind: 'challenged'; readonly username: string; readonly gs2Header: string; readonly nonce: string; readonly spoken: string }
  | { readonly kind: 'over' };

const FAILURE: ScramOutcome = { kind: 'failure' };
/** A message is a name, a nonce and a proof; anything near this is none. */
const MESSAGE_BYTES_MAX = 4_096;
/** RFC 5802 §7: no channel binding ('n'), or none although the client could ('y'); 'p' asks for one we do not offer. */
const CLIENT_FIRST = /^([ny]),(?:a=([^,]*))?,(n=([^,]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/su;
const CLIENT_FINAL = /^(c=([A-Za-z0-9+/=]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,[^,]*)*),p=([A-Za-z0-9+/=]+)$/su;

export class ScramServer {
  readonly #options: ScramOptions;
  #state: State = { kind: 'initial' };

  constructor(options: ScramOptions) {
    this.#options = options;
  }

  /** @param data - what the client says; nothing at all in its CONNECT asks for the first word. */
  next(data: Uint8Array | undefined): ScramOutcome {
    const state = this.#state;
    if (state.kind === 'initial' && (data === undefined || data.length === 0)) return { kind: 'challenge', data: undefined };
    this.#state = { kind: 'over' };
    if (data === undefined || data.length > MESSAGE_BYTES_MAX) return FAILURE;
    const message = Buffer.from(data).toString('utf8');
    if (state.kind === 'initial') return this.#first(message);
    return state.kind === 'challenged' ? this.#final(message, state) : FAILURE;
  }

  #first(message: string): ScramOutcome {
    const [, flag, authzid, bare, escaped, clientNonce] = CLIENT_FIRST.exec(message) ?? [];
    const username = escaped === undefined ? undefined : nameOf(escaped);
    if (bare === undefined || username === undefined || clientNonce === undefined) return FAILURE;
    if (authzid !== undefined && nameOf(authzid) !== username) return FAILURE; // nobody acts for another here
    const { salt, iterations } = this.#options.verifierOf(username);
    const nonce = clientNonce + this.#options.serverNonce;
    const serverFirst = `r=${nonce},s=${Buffer.from(salt).toString('base64')},i=${iterations}`;
    const gs2Header = `${flag},${authzid === undefined ? '' : `a=${authzid}`},`;
    this.#state = { kind: 'challenged', username, gs2Header, nonce, spoken: `${bare},${serverFirst}` };
    return { kind: 'challenge', data: Buffer.from(serverFirst) };
  }

  #final(message: string, { username, gs2Header, nonce, spoken }: Extract<State, { kind: 'challenged' }>): ScramOutcome {
    const [, withoutProof, binding = '', echoedNonce, proof = ''] = CLIENT_FINAL.exec(message) ?? [];
    if (withoutProof === undefined || echoedNonce !== nonce || Buffer.from(binding, 'base64').toString() !== gs2Header) return FAILURE;
    const hash = SCRAM_METHODS[this.#options.method];
    const { storedKey, serverKey } = this.#options.verifierOf(username);
    const authMessage = `${spoken},${withoutProof}`;
    const clientSignature = hmac(hash, storedKey, authMessage);
    const given = Buffer.from(proof, 'base64');
    if (given.length !== clientSignature.length) return FAILURE;
    const clientKey = given.map((byte, index) => byte ^ (clientSignature[index] ?? 0));
    const proven = createHash(hash).update(clientKey).digest();
    if (proven.length !== storedKey.length || !timingSafeEqual(proven, storedKey)) return FAILURE;
    return { kind: 'success', username, data: Buffer.from(`v=${hmac(hash, serverKey, authMessage).toString('base64')}`) };
  }
}

/**
 * What `postern user add` stores.
 *
 * @param password - the text itself; undefined when it has characters SASLprep forbids.
 */
export async function scramVerifier(
  method: ScramMethod,
  password: string,
  salted: Pick<ScramVerifier, 'salt' | 'iterations'>,
): Promise<ScramVerifier | undefined> {
  const hash = SCRAM_METHODS[method];
  const prepared = saslPrep(password);
  if (prepared === undefined || prepared === '') return undefined;
  const saltedPassword = await derive(prepared, hash, salted);
  const storedKey = createHash(hash)
    .update(hmac(hash, saltedPassword, 'Client Key'))
    .digest();
  return { ...salted, storedKey, serverKey: hmac(hash, saltedPassword, 'Server Key') };
}

/** `=2C` and `=3D` stand for comma and equals sign; any other `=` is an error (RFC 5802 §5.1). */
function nameOf(escaped: string): string | undefined {
  if (/=(?!2C|3D)/.test(escaped)) return undefined;
  return saslPrep(escaped.replaceAll('=2C', ',').replaceAll('=3D', '='));
}

function hmac(hash: string, key: Uint8Array, text: string): Buffer {
  return createHmac(hash, key).update(text).digest();
}

function derive(password: string, hash: string, { salt, iterations }: Pick<ScramVerifier, 'salt' | 'iterations'>): Promise<Buffer> {
  const bytes = createHash(hash).digest().length;
  return new Promise((resolve, reject) => {
    pbkdf2(password, salt, iterations, bytes, hash, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}
