// An authority that issues, revokes and lists, as far as the static certificates of certificates.ts do not reach. Needs openssl.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { peer } from './peers.ts';

export interface IssuedFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

interface CertificateRequest {
  /** As `openssl req -subj` takes it. */
  readonly subject?: string;
  /** `DNS:localhost`, `IP:127.0.0.1` */
  readonly names?: readonly string[];
  /** Days from now; below 0: it has expired. */
  readonly days?: number;
}

const P256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export class TestAuthority {
  readonly caFile: string;
  readonly #directory: string;

  constructor(directory: string, name = 'Authority of a test') {
    this.#directory = directory;
    this.caFile = this.path('ca.pem');
    writeFileSync(this.path('ca.cnf'), '[ca]\ndefault_ca = test\n[test]\ndatabase = index.txt\ndefault_md = sha256\nunique_subject = no\n');
    writeFileSync(this.path('index.txt'), '');
    this.#openssl('req', '-x509', ...P256, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '400', '-subj', `/O=Postern tests/CN=${name}`);
  }

  path(name: string): string {
    return join(this.#directory, name);
  }

  /** @param name - of its files, and its common name unless the request has a subject. */
  issue(name: string, { subject = `/CN=${name}`, names = [], days = 400 }: CertificateRequest = {}): IssuedFiles {
    writeFileSync(this.path(`${name}.ext`), names.length === 0 ? '' : `subjectAltName = ${names.join(',')}\n`);
    this.#openssl('req', '-new', '-utf8', ...P256, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
    const issuer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
    this.#openssl('x509', '-req', '-in', `${name}.csr`, ...issuer, '-days', String(days), '-extfile', `${name}.ext`, '-out', `${name}.pem`);
    return { certFile: this.path(`${name}.pem`), keyFile: this.path(`${name}.key`) };
  }

  revoke(name: string): void {
    this.#ca('-revoke', `${name}.pem`);
  }

  /** Writes the list of what is revoked so far. @param next - when the one after is due, `YYYYMMDDHHMMSSZ`; in 400 days when absent. */
  writeCrl(file = 'ca.crl', next?: string): string {
    this.#ca('-gencrl', '-out', file, ...(next === undefined ? ['-crldays', '400'] : ['-crl_lastupdate', '20200101000000Z', '-crl_nextupdate', next]));
    return this.path(file);
  }

  #ca(...args: string[]): void {
    this.#openssl('ca', '-config', 'ca.cnf', '-cert', 'ca.pem', '-keyfile', 'ca.key', ...args);
  }

  #openssl(...args: string[]): void {
    const { status, stderr } = spawnSync(peer('openssl'), args, { cwd: this.#directory, encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
  }
}
