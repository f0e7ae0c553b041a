import { GatewayError } from '../model/errors.ts';

/** What the other end, the network or its certificate said, in words; the rest is told as Node.js tells it. */
const REASON: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was reset',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  ETIMEDOUT: 'it does not answer',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be resolved now',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself only',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate comes from an authority that is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate comes from an authority that is not trusted',
};

/** The LINK_CLOSED for an attempt to reach `place` (`host:port`) that failed. */
export function dialError(place: string, error: NodeJS.ErrnoException): GatewayError {
  if (error instanceof GatewayError) return error;
  const reason = REASON[error.code ?? ''] ?? error.message;
  return new GatewayError('LINK_CLOSED', `cannot connect to ${place}: ${reason}${error.code === undefined ? '' : ` (${error.code})`}`, { cause: error });
}
