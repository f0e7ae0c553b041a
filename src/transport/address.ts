import type { Socket } from 'node:net';
import { type PeerAddress, peerAddress } from '../model/client.ts';

/** Before a v4 address on a socket of both families (RFC 4291 §2.5.5.2). */
export const V4_MAPPED = '::ffff:';

/** The host as access rules compare it: a v4 peer of a dual-stack socket (`::ffff:192.0.2.7`) reads `192.0.2.7`. */
export function hostText(host: string): string {
  return host.startsWith(V4_MAPPED) && host.includes('.') ? host.slice(V4_MAPPED.length) : host;
}

/** `192.0.2.7:49152`, `[2001:db8::1]:1883`. */
export function endpointText(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export function endpoint(host: string, port: number): PeerAddress {
  return peerAddress(endpointText(host, port));
}

/** Where a connected socket leads; undefined once it is gone. */
export function remoteEnd({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): { peer: PeerAddress; peerHost: string } | undefined {
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  const peerHost = hostText(remoteAddress);
  return { peer: endpoint(peerHost, remotePort), peerHost };
}
