// The client's side of SCRAM (RFC 5802 §3), written from the RFC alone: what the server computes is checked against it.
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';

const HASHES: Readonly<Record<string, string>> = { 'SCRAM-SHA-1': 'sha1', 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-512': 'sha512' };

export class ScramClient {
  readonly #hash: string;
  readonly #password: string;
  readonly #gs2Header: string;
  readonly #firstBare: string;
  #serverSignature = '';

  constructor(
    method: string,
    { username, password, nonce = 'fyko', gs2Header = 'n,,' }: { username: string; password: string; nonce?: string; gs2Header?: string },
  ) {
    this.#hash = HASHES[method] ?? method;
    this.#password = password;
    this.#gs2Header = gs2Header;
    this.#firstBare = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
  }

  first(): Buffer {
    return Buffer.from(this.#gs2Header + this.#firstBare);
  }

  final(serverFirst: Uint8Array | undefined): Buffer {
    const challenge = Buffer.from(serverFirst ?? []).toString();
    const [, nonce = '', salt = '', iterations = ''] = /^r=([^,]*),s=([^,]*),i=(\d+)$/.exec(challenge) ?? [];
    const salted = pbkdf2Sync(this.#password, Buffer.from(salt, 'base64'), Number(iterations), createHash(this.#hash).digest().length, this.#hash);
    const clientKey = this.#hmac(salted, 'Client Key');
    const storedKey = createHash(this.#hash).update(clientKey).digest();
    const withoutProof = `c=${Buffer.from(this.#gs2Header).toString('base64')},r=${nonce}`;
    const authMessage = `${this.#firstBare},${challenge},${withoutProof}`;
    const signature = this.#hmac(storedKey, authMessage);
    this.#serverSignature = `v=${this.#hmac(this.#hmac(salted, 'Server Key'), authMessage).toString('base64')}`;
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`);
  }

  /** What a server that knows the password says last. */
  get expectedServerFinal(): string {
    return this.#serverSignature;
  }

  #hmac(key: Uint8Array, text: string): Buffer {
    return createHmac(this.#hash, key).update(text).digest();
  }
}
