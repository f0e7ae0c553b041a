declare const brand: unique symbol;

/** 1..65535 bytes of UTF-8, unique within a realm (MQTT 5 §3.1.3.1). */
export type ClientId = string & { readonly [brand]: 'ClientId' };

/**
 * The name space of client ids: a gateway's name unless a listener is configured to share one. Bridges and internal clients live in realms
 * no listener can enter, so that no CONNECT can take over a bridge's queue.
 */
export type Realm = string & { readonly [brand]: 'Realm' };

/** Remote end of a link, in the form its transport prints: `192.0.2.7:49152`, `[2001:db8::1]:1883`, `/dev/ttyUSB0#0x12`. */
export type PeerAddress = string & { readonly [brand]: 'PeerAddress' };

/**
 * `protocol` of clients inside this process: bridges and the gateway's own. It is set by the code that connects, never read from a link, and
 * no gateway has that name.
 */
export const INTERNAL_PROTOCOL = 'internal';

/** Who a client proved to be. Access rules see this and nothing else about the connection. */
export interface Principal {
  readonly clientId: ClientId;
  readonly username?: string;
  readonly certificateSubject?: string;
  readonly peer: PeerAddress;
  /** The address is what a proxy says, or the proxy's own: loopback means nothing. */
  readonly isProxied?: true;
  /** Name of the listener the client came through, e.g. `mqtt.tcp`. */
  readonly listener: string;
  readonly protocol: string;
  /** The users file vouched for it: what it says of the user when it is asked holds, not what it said at the login. */
  readonly isRegistered?: true;
  readonly isSuperuser: boolean;
}

/** Owner of a stored session: two connections are the same principal when this text is equal. Anonymous clients are all one. */
export function principalKey(principal: Principal): string {
  if (principal.username !== undefined) return `user:${principal.username}`;
  if (principal.certificateSubject !== undefined) return `certificate:${principal.certificateSubject}`;
  return 'anonymous';
}

export function clientId(text: string): ClientId {
  return text as ClientId;
}

export function realm(text: string): Realm {
  return text as Realm;
}

/** Clients below one mount point never meet a session, or a queue, of another: its client ids are a name space of their own. */
export function realmBelow(gateway: string, mountPoint: string): Realm {
  return realm(mountPoint === '' ? gateway : `${gateway}@${mountPoint}`);
}

/** The gateway whose sessions live in that realm. */
export function gatewayOf(sessionRealm: Realm): string {
  const at = sessionRealm.indexOf('@');
  return at === -1 ? sessionRealm : sessionRealm.slice(0, at);
}

export function peerAddress(text: string): PeerAddress {
  return text as PeerAddress;
}

/** The host of a peer on the network, without port and brackets; other peers as they are. */
export function hostOf(peer: string): string {
  return /^\[?([^\]/]+)\]?:\d+$/.exec(peer)?.[1] ?? peer;
}

/** Peers on loopback, behind a Unix socket and in this process; devices are not. */
export function isOfThisHost(peer: PeerAddress): boolean {
  return isLoopback(hostOf(peer)) || (peer.startsWith('/') && !peer.startsWith('/dev/'));
}

/** Loopback by address text: 127.0.0.0/8, ::1 and their v4-mapped form; a Unix socket and in-process links count as local too. */
export function isLoopback(host: string): boolean {
  return host === '::1' || host === 'localhost' || host.startsWith('127.') || host.startsWith('::ffff:127.') || host === '';
}
