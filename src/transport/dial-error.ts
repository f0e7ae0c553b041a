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
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself only',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate comes from an authority that is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate comes from an authority that is not trusted',
};

/** For what the kernel, the resolver or OpenSSL said to an attempt to reach `place` (`host:port`); an error that has its words already stays as it is. */
export function dialError(place: string, stage: DialStage, error: NodeJS.ErrnoException): GatewayError {
  if (error instanceof GatewayError) return error;
  const { code } = error;
  const reason = `${REASON[code ?? ''] ?? error.message}${code === undefined ? '' : ` (${code})`}`;
  return new DialError(place, { stage, reason }, { cause: error });
}
