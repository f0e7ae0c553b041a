// Why a handshake failed, in words for the log.

const NOT_TRUSTED = 'its certificate comes from an authority that is not trusted';

/** By the codes of OpenSSL's verification and of Node.js; the rest is told as OpenSSL tells it. */
const REASON: Readonly<Record<string, string>> = {
  CERT_REVOKED: 'its certificate is revoked',
  CRL_HAS_EXPIRED: 'the revocation list of its authority has expired',
  CRL_NOT_YET_VALID: 'the revocation list of its authority does not hold yet',
  CRL_SIGNATURE_FAILURE: 'crlFile has a revocation list of its authority with a wrong signature',
  UNABLE_TO_GET_CRL: 'crlFile has no revocation list of its authority',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate does not hold yet',
  INVALID_PURPOSE: 'its certificate is not one for clients',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself only',
  SELF_SIGNED_CERT_IN_CHAIN: NOT_TRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: NOT_TRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NOT_TRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NOT_TRUSTED,
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'it showed no certificate',
  ERR_SSL_PSK_IDENTITY_NOT_FOUND: 'it named a pre-shared key that is not known',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS: MQTT without TLS is for the port of mqtt.tcp',
  ERR_SSL_HTTP_REQUEST: 'it does not speak TLS but HTTP',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it speaks no version of TLS that is spoken here',
  ERR_SSL_NO_SHARED_CIPHER: 'it knows no cipher suite that is used here',
  ERR_SSL_NO_APPLICATION_PROTOCOL: 'it offered no application protocol of alpn',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'it took too long',
  ECONNRESET: 'it left before the end',
};

interface OpenSslError extends Error {
  readonly code?: string;
  /** OpenSSL's own words, without the place in its source. */
  readonly reason?: string;
}

/** @param code - of the verification of a certificate. */
export function verificationFailure(code: string): string {
  return REASON[code] ?? `its certificate does not verify (${code})`;
}

export function handshakeFailure({ code, reason, message }: OpenSslError): string {
  return REASON[code ?? ''] ?? reason ?? message;
}
