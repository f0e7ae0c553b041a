// What the configuration says of a TLS server, as node:tls takes it. Everything is read and checked here, at the start and at each reload alike;
// a listener then only swaps one result for the next.
import { constants } from 'node:crypto';
import { DEFAULT_CIPHERS, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { EpochMs } from '../model/clock.ts';
import { PSK_CIPHERS, pskTable } from './psk-file.ts';
import type { CertificateIdentity } from './tls-credentials.ts';
import { nextUpdateMs } from './tls-crl.ts';
import { isShared, type NamedFile, readAuthorities, readIdentity, readRevocationLists, readTlsFile, type ServerIdentity, secureContext } from './tls-files.ts';

export interface ServerTlsSettings {
  /** Own certificate with its chain, PEM. Without it there are pre-shared keys only. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly sni: readonly { readonly serverName: string; readonly certFile: string; readonly keyFile: string }[];
  /** Whether clients show a certificate. One that is shown and does not verify is refused in each case but `none`. */
  readonly clientCertificate: 'none' | 'optional' | 'required';
  readonly certificateIdentity: CertificateIdentity;
  /** Authorities that may issue client certificates; those that Node.js knows when absent. */
  readonly caFile?: string | undefined;
  readonly crlFile?: string | undefined;
  readonly pskFile?: string | undefined;
  readonly pskHint?: string | undefined;
  /** Application protocols in the order we prefer them (RFC 7301); none: not negotiated. */
  readonly alpn: readonly string[];
  readonly minVersion: '1.2' | '1.3';
  /** In OpenSSL's notation. */
  readonly ciphers?: string | undefined;
}

/** Everything a TLS server works with, as it was when it was loaded. */
export interface ServerTls {
  readonly settings: ServerTlsSettings;
  /** For a server's own context; a new one comes with new ticket keys. */
  readonly context: SecureContextOptions;
  /** Contexts by server name, in lower case; `*.` and a name is every name one level below. */
  readonly names: ReadonlyMap<string, SecureContext>;
  /** Pre-shared keys by identity; undefined: none are taken. */
  readonly keys: ReadonlyMap<string, Buffer> | undefined;
  /** When the first of the revocation lists has expired; `Infinity` without any. */
  readonly listsEndMs: EpochMs;
  /** What a person should look at, a sentence each. Without a time nobody knows what has expired. */
  cautions(nowMs: EpochMs | undefined): readonly string[];
}

const CHEAPEST = 'TLS_AES_128_GCM_SHA256:';
/** Those of Node.js, with the one first that every client of TLS 1.3 has (RFC 8446 §9.1) and that costs a handshake a tenth less. */
const CIPHERS = CHEAPEST + DEFAULT_CIPHERS.replace(CHEAPEST, '');

/**
 * @param setting - the section of the configuration, as messages call it: `mqtt.tls`.
 * @throws GatewayError CONFIG_INVALID - one sentence: which file, and what is wrong with it.
 */
export function loadServerTls(setting: string, settings: ServerTlsSettings): ServerTls {
  const { certFile, keyFile, caFile, crlFile, pskFile } = settings;
  const named = (name: string, path: string): NamedFile => ({ setting: `${setting}.${name}`, path });
  const identity = certFile === undefined || keyFile === undefined ? undefined : readIdentity(named('certFile', certFile), named('keyFile', keyFile));
  const ca = caFile === undefined ? undefined : readAuthorities(named('caFile', caFile));
  const crl = crlFile === undefined ? [] : readRevocationLists(named('crlFile', crlFile));
  const common = commonOptions(settings, { ca, crl });
  secureContext({ ciphers: common.ciphers }, named('ciphers', settings.ciphers ?? ''), 'names no cipher suite that is known here');
  const context = contextOf(common, identity);
  secureContext(context, certFile === undefined ? named('pskFile', pskFile ?? '') : named('certFile', certFile));
  const others = settings.sni.map(({ serverName, ...files }, index) => {
    const file = named(`sni[${index}].certFile`, files.certFile);
    const other = readIdentity(file, named(`sni[${index}].keyFile`, files.keyFile));
    return { serverName, identity: other, context: secureContext(contextOf(common, other), file) };
  });
  const listEnds = crl.map(endOfList);
  const psk = pskFile === undefined ? undefined : named('pskFile', pskFile);
  const sharedKeys = psk !== undefined && isShared(psk) ? [`${psk.setting} (${psk.path}) can be read or changed by other users: chmod 600 ${psk.path}`] : [];
  return {
    settings,
    context,
    names: new Map(others.map((other) => [other.serverName, other.context])),
    keys: psk === undefined ? undefined : pskTable(readTlsFile(psk).toString('utf8'), `${psk.setting} (${psk.path})`),
    listsEndMs: Math.min(...listEnds),
    cautions: (nowMs = Number.NEGATIVE_INFINITY) => [
      ...sharedKeys,
      ...expired(setting, [identity, ...others.map((other) => other.identity)], nowMs),
      ...outdated(`${setting}.crlFile (${crlFile})`, listEnds, nowMs),
    ],
  };
}

/** @returns the context for a server name, undefined for the server's own (RFC 6066 §3, wildcards as in RFC 6125 §6.4.3). */
export function contextFor(serverName: string, { names }: Pick<ServerTls, 'names'>): SecureContext | undefined {
  const name = serverName.toLowerCase();
  return names.get(name) ?? names.get(`*${name.slice(name.indexOf('.'))}`);
}

/**
 * With pre-shared keys there is TLS 1.2 only, and no resumption: in TLS 1.3 a key that the cipher suite does not go with is passed over without
 * a proof, in a resumed session nobody says which key it began with, and Node.js tells of neither.
 */
function commonOptions({ minVersion, ciphers, pskFile }: ServerTlsSettings, trust: { readonly ca: Buffer | undefined; readonly crl: readonly string[] }) {
  const isPsk = pskFile !== undefined;
  const suites = ciphers ?? (isPsk ? `${PSK_CIPHERS}:${CIPHERS.replace(':!PSK', '')}` : CIPHERS);
  return {
    ca: trust.ca,
    minVersion: `TLSv${minVersion}` as const,
    ...(trust.crl.length === 0 ? {} : { crl: [...trust.crl] }),
    ...(isPsk ? { maxVersion: 'TLSv1.2' as const } : {}),
    ciphers: suites,
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (isPsk ? constants.SSL_OP_NO_TICKET : 0),
  };
}

function contextOf(common: SecureContextOptions, identity: ServerIdentity | undefined): SecureContextOptions {
  return identity === undefined ? common : { ...common, cert: identity.cert, key: identity.key };
}

function expired(setting: string, identities: readonly (ServerIdentity | undefined)[], nowMs: EpochMs): string[] {
  return identities.flatMap((identity) =>
    identity === undefined || identity.leaf.validToDate.getTime() > nowMs
      ? []
      : [`the certificate ${identity.leaf.subject.replaceAll('\n', ',')} of ${setting} has expired: clients will not accept it`],
  );
}

/** `Infinity` for one that does not say. */
function endOfList(pem: string): EpochMs {
  return nextUpdateMs(Buffer.from(pem.replaceAll(/-----[^-]+-----/g, ''), 'base64')) ?? Number.POSITIVE_INFINITY;
}

function outdated(file: string, listEnds: readonly EpochMs[], nowMs: EpochMs): string[] {
  return listEnds.flatMap((endMs, index) =>
    endMs > nowMs
      ? []
      : [`revocation list ${index + 1} of ${file} has expired: clients with a certificate of its authority are refused until there is a newer one`],
  );
}
