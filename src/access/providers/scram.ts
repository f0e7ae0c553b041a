// SCRAM over the users file, as MQTT 5 enhanced authentication (§4.12).
import { createHmac, randomBytes } from 'node:crypto';
import type { ChallengeSource, Credentials, Denial, Exchange, ExchangeVerdict } from '../access.ts';
import { principalOfRecord } from '../principal.ts';
import { type ScramMethod, ScramServer, type ScramVerifier } from '../users/scram.ts';
import type { UserFile } from '../users/user-file.ts';
import { isScramMethod, type Users } from '../users/user-records.ts';

const NONCE_BYTES = 24;
const SALT_BYTES = 16;
const BAD_CREDENTIALS: Denial = { kind: 'deny', reason: 'bad-credentials' };
const BAD_METHOD: Denial = { kind: 'deny', reason: 'bad-authentication-method' };

export function scramSource(file: UserFile): ChallengeSource {
  return {
    name: 'scram',
    begin: (method, credentials) => (isScramMethod(method) ? new ScramExchange(method, credentials, file) : undefined),
  };
}

class ScramExchange implements Exchange {
  readonly #method: ScramMethod;
  readonly #credentials: Credentials;
  readonly #file: UserFile;
  /** The users as they were when the exchange began: both of its halves use the same verifier. */
  #begun: { readonly server: ScramServer; readonly users: Users } | undefined;

  constructor(method: ScramMethod, credentials: Credentials, file: UserFile) {
    this.#method = method;
    this.#credentials = credentials;
    this.#file = file;
  }

  async next(data: Uint8Array | undefined): Promise<ExchangeVerdict> {
    this.#begun ??= this.#begin();
    if (this.#begun === undefined) return BAD_METHOD;
    const { server, users } = this.#begun;
    const outcome = server.next(data);
    if (outcome.kind === 'challenge') return outcome;
    const record = outcome.kind === 'success' ? users.byName.get(outcome.username) : undefined;
    if (outcome.kind === 'failure' || record === undefined) return BAD_CREDENTIALS;
    return { kind: 'allow', principal: principalOfRecord(this.#credentials, record), data: outcome.data };
  }

  #begin(): { server: ScramServer; users: Users } | undefined {
    const users = this.#file.current();
    if (users === undefined) return undefined;
    const method = this.#method;
    const verifierOf = (username: string): ScramVerifier => users.byName.get(username)?.scram.get(method) ?? decoyVerifier(users, method, username);
    return { server: new ScramServer({ method, serverNonce: randomBytes(NONCE_BYTES).toString('base64'), verifierOf }), users };
  }
}

/** The same for the same name each time, met by no password. */
function decoyVerifier({ decoyKey, decoyIterations }: Users, method: ScramMethod, username: string): ScramVerifier {
  const part = (called: string) => createHmac('sha512', decoyKey).update(`${called}\0${method}\0${username}`).digest();
  return { salt: part('salt').subarray(0, SALT_BYTES), iterations: decoyIterations, storedKey: part('key'), serverKey: part('key') };
}
