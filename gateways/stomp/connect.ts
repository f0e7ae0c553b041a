// CONNECT and its answer (STOMP 1.2 "Connecting", "Protocol Negotiation").
import type { ConnectRequest, EndReason, RefusalReason } from '../../src/gateway/gateway.ts';
import type { LinkFacts } from '../../src/transport/transport.ts';
import { type Headers, headerOf, type StompVersion, VERSIONS } from './packets.ts';

/** The newest both ends speak; undefined: there is none. */
export function negotiated(headers: Headers): StompVersion | undefined {
  const offered = headerOf(headers, 'accept-version');
  if (offered === undefined) return '1.0';
  const versions = offered.split(',').map((version) => version.trim());
  return VERSIONS.find((version) => versions.includes(version));
}

/** @param clientId - what it calls itself, or what it is called. */
export function connectRequest(
  headers: Headers,
  link: LinkFacts,
  { clientId, version }: { readonly clientId: string; readonly version: StompVersion },
): ConnectRequest {
  const passcode = headerOf(headers, 'passcode');
  const { peer, peerHost, listener, isProxied, certificateSubject, certificateCommonName, certificateIdentity, pskIdentity, serverName } = link;
  return {
    credentials: {
      clientId,
      username: headerOf(headers, 'login'),
      password: passcode === undefined ? undefined : Buffer.from(passcode),
      ...{ peer, peerHost, listener, isProxied, certificateSubject, certificateCommonName, certificateIdentity, pskIdentity, serverName },
      protocol: `stomp ${version}`,
    },
    cleanStart: true,
    sessionExpirySeconds: 0,
    inflightMax: 65_535,
    queueQos0: false,
    isReliableLink: true,
  };
}

export const REFUSALS: Readonly<Record<RefusalReason, string>> = {
  'bad-credentials': 'Access refused: bad login or passcode',
  'bad-authentication-method': 'Access refused',
  banned: 'Access refused: banned',
  'not-authorized': 'Access refused: not authorized',
  'identifier-taken': 'The client-id belongs to another user',
  'rate-exceeded': 'Too many connections: try again later',
  'quota-exceeded': 'No room on the disk: try again later',
  busy: 'The gateway is full: try again later',
  unavailable: 'The gateway is not available: try again later',
  'use-another-server': 'Use another server',
  'server-moved': 'The server has moved',
};

export const GOODBYES: Readonly<Record<EndReason, string>> = {
  'taken-over': 'Another connection with this client-id has taken over',
  kicked: 'Sent away',
  'rate-exceeded': 'Too much was sent for too long',
  'slow-consumer': 'Messages were not taken for too long',
  'shutting-down': 'The gateway is stopping',
};
