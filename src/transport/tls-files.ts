// The files of a TLS listener, read and checked one by one, so that what is wrong with one is said in a sentence that names it.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { GatewayError } from '../model/errors.ts';
import { TLS_FILE_BYTES_MAX } from '../model/limits.ts';
import { heldInstead, type PemBlock, readPem } from './pem.ts';
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
  const leaf = certificates(certFile, cert)[0];
  const key = readTlsFile(keyFile);
  if (!leaf.checkPrivateKey(privateKey(keyFile, key))) throw unusable(keyFile, `does not belong to the certificate in ${certFile.path}`);
  return { cert, key, leaf };
}

/** @returns the authorities, as PEM. @throws GatewayError CONFIG_INVALID */
export function readAuthorities(file: NamedFile): Buffer {
  const pem = readTlsFile(file);
  certificates(file, pem);
  return pem;
}

/** @returns the revocation lists as PEM, one by one: Node.js takes the first of a text only. @throws GatewayError CONFIG_INVALID */
export function readRevocationLists(file: NamedFile): readonly string[] {
  const lists = blocks(file, readTlsFile(file), REVOCATION_LIST);
  for (const [index, { pem, line }] of lists.entries()) {
    secureContext({ crl: pem }, file, `, line ${line}: revocation list ${index + 1} of ${lists.length} cannot be read`);
  }
  return lists.map(({ pem }) => pem);
}

/** @throws GatewayError CONFIG_INVALID - `problem` with what OpenSSL says to `options`. */
export function secureContext(options: SecureContextOptions, file: NamedFile, problem = 'cannot be used'): SecureContext {
  try {
    return createSecureContext(options);
  } catch (error) {
    throw unusable(file, problem, error);
  }
}

/** @param problem - what the file is or does wrong, or `, line 3: ` and what is wrong there. */
export function unusable({ setting, path }: NamedFile, problem: string, cause?: unknown): GatewayError {
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  const space = problem.startsWith(',') ? '' : ' ';
  return new GatewayError('CONFIG_INVALID', `${setting} (${path})${space}${problem}${reason}`, { cause });
}

/** @returns at least one. */
function certificates(file: NamedFile, bytes: Buffer): [X509Certificate, ...X509Certificate[]] {
  const [first, ...others] = blocks(file, bytes, CERTIFICATE);
  const certificate = ({ pem, line }: PemBlock, index: number): X509Certificate => {
    try {
      return new X509Certificate(pem);
    } catch (error) {
      throw unusable(file, `, line ${line}: certificate ${index + 1} of ${others.length + 1} cannot be read`, error);
    }
  };
  return [certificate(first, 0), ...others.map((block, at) => certificate(block, at + 1))];
}

function privateKey(file: NamedFile, bytes: Buffer): KeyObject {
  const [{ pem, line }] = blocks(file, bytes, PRIVATE_KEY);
  try {
    return createPrivateKey(pem);
  } catch (error) {
    if (pem.includes('ENCRYPTED')) {
      throw unusable(file, `, line ${line}: the private key is protected by a passphrase, which nobody types at a start: store it without one (openssl pkey)`);
    }
    throw unusable(file, `, line ${line}: the private key cannot be read`, error);
  }
}

/** What is looked for in a file. */
interface Wanted {
  readonly what: string;
  readonly label: RegExp;
}

const CERTIFICATE: Wanted = { what: 'certificate', label: /^CERTIFICATE$/ };
const REVOCATION_LIST: Wanted = { what: 'revocation list', label: /^X509 CRL$/ };
/** PKCS #8, and the older forms with the name of the algorithm. */
const PRIVATE_KEY: Wanted = { what: 'private key', label: /(^| )PRIVATE KEY$/ };

/** @returns at least one. */
function blocks(file: NamedFile, bytes: Buffer, { what, label }: Wanted): [PemBlock, ...PemBlock[]] {
  const { blocks: all, problem } = readPem(bytes.toString('latin1'));
  if (problem !== undefined) throw unusable(file, `, line ${problem.line}: ${problem.message}`);
  const [first, ...others] = all.filter((block) => label.test(block.label));
  if (first === undefined) throw unusable(file, `holds no ${what} in PEM form${heldInstead(bytes, all)}`);
  return [first, ...others];
}
