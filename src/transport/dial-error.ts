import { GatewayError } from '../model/errors.ts';
import type { DialStage } from './transport.ts';

/** LINK_CLOSED for an attempt that failed. */
export class DialError extends GatewayError {
  override readonly name = 'DialError';
  readonly stage: DialStage;
  /** Without the place. */
  readonly reason: string;

  constructor(place: string, { stage, reason }: { readonly stage: DialStage; readonly reason: string }, options?: ErrorOptions) {
    super('LINK_CLOSED', `cannot connect to ${place}: ${reason}`, options);
    this.stage = stage;
    this.reason = reason;
  }
}

/** What the other end, the network or its certificate said, in words; the rest is told as Node.js tells it. */
const REASON: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was reset',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  ETIMEDOUT: 'it does not answer',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be resolved now',
  EADDRNOTAVAIL: 'this host has no address to connect from: see bindAddress',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate does not hold yet: see whether the clock of this host is right',
  CERT_REVOKED: 'its certificate is revoked',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself only',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate comes from an authority that is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate comes from an authority that is not trusted',
};

/** What the other end gave up the handshake with (RFC 8446 §6.2); the codes of OpenSSL end so. */
const ALERTS: Readonly<Record<string, string>> = {
  BAD_RECORD_MAC: 'it has another pre-shared key than we',
  DECRYPT_ERROR: 'it has another key than we',
  UNKNOWN_PSK_IDENTITY: 'it does not know the identity of our pre-shared key',
  HANDSHAKE_FAILURE: 'it has no way to secure the connection in common with us: it may want a pre-shared key, or a certificate of ours',
  CERTIFICATE_REQUIRED: 'it asks for a certificate of ours: see certFile',
  BAD_CERTIFICATE: 'it does not take our certificate',
  UNKNOWN_CA: 'it does not trust the authority of our certificate',
  CERTIFICATE_EXPIRED: 'it says that our certificate has expired',
  PROTOCOL_VERSION: 'it speaks no version of TLS that we speak',
  NO_APPLICATION_PROTOCOL: 'it speaks no application protocol of alpn',
  UNRECOGNIZED_NAME: 'it has no certificate for that name: see servername',
};
const ALERT_CODE = /_ALERT_(?<alert>\w+)$/;

/** A connection that ends at these stages has ended for a reason. */
const RESET: Readonly<Partial<Record<DialStage, string>>> = {
  secure: 'it closed the connection instead of a handshake, as a port without TLS does',
  upgrade: 'it closed the connection instead of an answer, as a port without WebSocket does',
};

interface SystemOrOpenSslError extends NodeJS.ErrnoException {
  /** OpenSSL's own words, without the place in its source. */
  readonly reason?: string;
}

/** For what the kernel, the resolver or OpenSSL said to an attempt to reach `place` (`host:port`); an error that has its words already stays as it is. */
export function dialError(place: string, stage: DialStage, error: SystemOrOpenSslError): GatewayError {
  if (error instanceof GatewayError) return error;
  const { code } = error;
  const words = wordsFor(code ?? '', stage) ?? error.reason ?? error.message;
  return new DialError(place, { stage, reason: `${words}${code === undefined ? '' : ` (${code})`}` }, { cause: error });
}

function wordsFor(code: string, stage: DialStage): string | undefined {
  if (code === 'ECONNRESET') return RESET[stage] ?? REASON[code];
  const alert = ALERT_CODE.exec(code)?.groups?.['alert'];
  return (alert === undefined ? undefined : ALERTS[alert]) ?? REASON[code];
}
