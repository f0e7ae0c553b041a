import type { TLSSocket } from 'node:tls';
import { GatewayError } from '../model/errors.ts';

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

/** Subject of the verified certificate of the other end, attributes from the least specific: `C=DE,O=Acme,CN=valve-1` (escaped as in RFC 2253). */
export function verifiedSubject(socket: TLSSocket): string | undefined {
  if (!socket.authorized) return undefined;
  return socket.getPeerX509Certificate()?.subject.replaceAll('\n', ',');
}
