// The files of a TLS listener, read and checked one by one, so that what is wrong with one is said in a sentence that names it.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { GatewayError } from '../model/errors.ts';
import { TLS_FILE_BYTES_MAX } from '../model/limits.ts';
import type { TlsIdentity } from './tls-credentials.ts';

/** A configuration key and the file it names. */
export interface NamedFile {
  /** `mqtt.tls.certFile` */
  readonly setting: string;
  readonly path: string;
}

/** The certificate a server shows, with its key. */
export interface ServerIdentity extends TlsIdentity {
  readonly leaf: X509Certificate;
}

const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

/** @returns the content of the file. @throws GatewayError CONFIG_INVALID */
export function readTlsFile(file: NamedFile): Buffer {
  try {
    const { size } = statSync(file.path);
    if (size > TLS_FILE_BYTES_MAX) throw unusable(file, `has ${size} bytes, more than is read (${TLS_FILE_BYTES_MAX})`);
    return readFileSync(file.path);
  } catch (error) {
    throw error instanceof GatewayError ? error : unusable(file, 'cannot be read', error);
  }
}

/** Whether others than the owner of a file may read or change it. */
export function isShared({ path }: NamedFile): boolean {
  return (statSync(path).mode & 0o077) !== 0;
}

/** @throws GatewayError CONFIG_INVALID */
export function readIdentity(certFile: NamedFile, keyFile: NamedFile): ServerIdentity {
  const cert = readTlsFile(certFile);
  const [leaf] = certificates(certFile, cert);
  const key = readTlsFile(keyFile);
  if (leaf === undefined) throw unusable(certFile, 'holds no certificate in PEM form');
  if (!leaf.checkPrivateKey(privateKey(keyFile, key))) throw unusable(keyFile, `does not belong to the certificate in ${certFile.path}`);
  return { cert, key, leaf };
}

/** @returns the authorities, as PEM. @throws GatewayError CONFIG_INVALID */
export function readAuthorities(file: NamedFile): Buffer {
  const pem = readTlsFile(file);
  if (certificates(file, pem).length === 0) throw unusable(file, 'holds no certificate in PEM form');
  return pem;
}

/** @returns the revocation lists as PEM, one by one: Node.js takes the first of a text only. @throws GatewayError CONFIG_INVALID */
export function readRevocationLists(file: NamedFile): readonly string[] {
  const lists = blocks(readTlsFile(file), 'X509 CRL');
  if (lists.length === 0) throw unusable(file, 'holds no revocation list in PEM form');
  for (const [index, crl] of lists.entries()) secureContext({ crl }, file, `revocation list ${index + 1} of ${lists.length} cannot be read`);
  return lists;
}

/** @throws GatewayError CONFIG_INVALID - `problem` with what OpenSSL says to `options`. */
export function secureContext(options: SecureContextOptions, file: NamedFile, problem = 'cannot be used'): SecureContext {
  try {
    return createSecureContext(options);
  } catch (error) {
    throw unusable(file, problem, error);
  }
}

export function unusable({ setting, path }: NamedFile, problem: string, cause?: unknown): GatewayError {
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  return new GatewayError('CONFIG_INVALID', `${setting} (${path}) ${problem}${reason}`, { cause });
}

function certificates(file: NamedFile, pem: Buffer): X509Certificate[] {
  return blocks(pem, 'CERTIFICATE').map((block, index, all) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw unusable(file, `certificate ${index + 1} of ${all.length} cannot be read`, error);
    }
  });
}

function privateKey(file: NamedFile, pem: Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    if (isEncrypted(pem)) throw unusable(file, 'is protected by a passphrase, which nobody types at a start: store it without one (openssl pkey)');
    throw unusable(file, 'holds no private key that can be read', error);
  }
}

function isEncrypted(pem: Buffer): boolean {
  return /ENCRYPTED/.test(pem.toString('latin1'));
}

function blocks(pem: Buffer, label: string): string[] {
  return [...pem.toString('latin1').matchAll(PEM_BLOCK)].filter(([, found]) => found === label).map(([block]) => block);
}
