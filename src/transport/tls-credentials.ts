import type { X509Certificate } from 'node:crypto';
import { GatewayError } from '../model/errors.ts';
import { type HandshakeFacts, NO_HANDSHAKE } from './transport.ts';

/** PEM, as read from the files. */
export interface TlsIdentity {
  /** Own certificate, followed by its chain. */
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** CONFIG_INVALID for certificates or keys that OpenSSL does not accept. `setting` is the section they were set in, e.g. `mqtt.tls`. */
export function credentialsError(setting: string, error: unknown): GatewayError {
  const reason = error instanceof Error ? error.message : String(error);
  return new GatewayError('CONFIG_INVALID', `certificate or key of ${setting} cannot be used: ${reason}`, { cause: error });
}

/** Which part of a certificate names its holder. */
export type CertificateIdentity = 'common-name' | 'subject';

/** What a verified certificate says of its holder. */
export function certificateFacts(certificate: X509Certificate, identity: CertificateIdentity): HandshakeFacts {
  const certificateSubject = certificate.subject.replaceAll('\n', ',');
  const certificateCommonName = [certificate.toLegacyObject().subject.CN].flat().at(-1);
  return {
    ...NO_HANDSHAKE,
    certificateSubject,
    certificateCommonName,
    certificateIdentity: identity === 'subject' ? certificateSubject : certificateCommonName,
  };
}
