// Transports move bytes and know no protocol. Streams (TCP, TLS) give a Link per connection; datagrams (UDP) give no Link at all before a
// protocol asks for one, because an object per spoofed source would be a memory bomb.
import type { PeerAddress } from '../model/client.ts';
import type { GatewayError } from '../model/errors.ts';
import type { OutBuffer } from '../wire/out-buffer.ts';

/** A listening stream endpoint: TCP, Unix socket, TLS. */
export interface StreamTransport {
  /** Listener name in configuration and logs, e.g. `mqtt.tcp`. */
  readonly name: string;
  /** Address as bound, after `listen`: `127.0.0.1:1883`. */
  readonly address: string;
  /** @throws GatewayError ADDRESS_UNAVAILABLE - with one sentence that says what to do. */
  listen(onLink: (link: Link) => void): Promise<void>;
  /** Stops accepting; open links stay until their owners close them. */
  close(): Promise<void>;
  /** Reads certificates and keys again, where there are any; open links stay. What cannot be used is logged, and changes nothing. */
  reload?(): void;
}

/** What a handshake told of a peer; nothing of it on a link without one. */
export interface HandshakeFacts {
  /** Subject of the verified certificate of the peer, attributes from the least specific: `C=DE,O=Acme,CN=valve-1` (escaped as in RFC 2253). */
  readonly certificateSubject: string | undefined;
  /** Most specific common name of that subject. */
  readonly certificateCommonName: string | undefined;
  /** The one of the two that names the peer on this listener. */
  readonly certificateIdentity: string | undefined;
  /** Identity of the pre-shared key the peer proved to have. */
  readonly pskIdentity: string | undefined;
  /** Host name the peer asked for (RFC 6066 §3), in lower case. Not proven: anybody can ask. */
  readonly serverName: string | undefined;
}

/** Of a link without a handshake. */
export const NO_HANDSHAKE: HandshakeFacts = {
  certificateSubject: undefined,
  certificateCommonName: undefined,
  certificateIdentity: undefined,
  pskIdentity: undefined,
  serverName: undefined,
};

/** What is known of a connection before its first byte. */
export interface LinkFacts extends HandshakeFacts {
  readonly peer: PeerAddress;
  /** Remote host without the port, as access rules see it; `''` for in-process links. */
  readonly peerHost: string;
  readonly listener: string;
  /** Whether a proxy is in between: the peer address is what it says, or its own, and loopback means nothing. */
  readonly isProxied: boolean;
}

/** One stream connection. Bytes arrive in order or the link closes. */
export interface Link extends LinkFacts {
  /**
   * Room for `size` bytes in this turn's one write. Never refuses: who must stop writing is told by `onFull`. Once the link is closing the
   * room leads nowhere.
   */
  reserve(size: number): OutBuffer;
  /** Copies `bytes` into this turn's write. */
  send(bytes: Uint8Array): void;
  /** Stops or resumes reading: back-pressure towards the peer, and the pause while a CONNECT is being judged. */
  pauseReading(): void;
  resumeReading(): void;
  /** Writes out what is buffered, then closes. Reading stops at once. A peer has `LINK_CLOSE_TIMEOUT_MS` to take it and to close its side. */
  close(): void;
  /** Closes without waiting for anything. */
  destroy(): void;
  /** Set by the owner inside `onLink`, before any byte is delivered. */
  handlers: LinkHandlers;
}

export interface LinkHandlers {
  /** `bytes` is borrowed until the call returns. */
  onBytes(bytes: Buffer): void;
  /**
   * More is waiting to be written than `LINK_OUT_HIGH_BYTES`: stop producing. May be called from within `reserve` and `send`. An owner that
   * goes on answering is fed no more from `LINK_OUT_UNREAD_BYTES` on, until the link has drained.
   */
  onFull(): void;
  /** The peer has taken enough to go on. Follows each `onFull` unless the link closes. */
  onDrain(): void;
  /** Called once. `cause` is absent after an orderly close. */
  onClose(cause?: GatewayError): void;
}

/** What an attempt to connect is at: the name, the connection, TLS, the WebSocket on it. */
export type DialStage = 'resolve' | 'connect' | 'secure' | 'upgrade';

/** Opens outgoing stream links (bridges). */
export interface StreamDialer {
  /**
   * Connects, or rejects within `timeoutMs`; aborting gives up at once. `handlers` are set before any byte is read.
   *
   * @param onStage - told each stage as it begins.
   * @throws GatewayError LINK_CLOSED - a `DialError` that says at which stage: refused, unreachable, time-out, or a certificate that does not verify.
   */
  dial(handlers: (link: Link) => LinkHandlers, signal: AbortSignal, onStage?: (stage: DialStage) => void): Promise<Link>;
}

/** A bound datagram socket. */
export interface DatagramTransport {
  readonly name: string;
  readonly address: string;
  /** Largest datagram `send` takes. */
  readonly payloadBytesMax: number;
  /** `bytes` is borrowed until the call returns. @throws GatewayError ADDRESS_UNAVAILABLE */
  listen(onDatagram: (bytes: Buffer, from: DatagramPeer) => void): Promise<void>;
  /** Sends one datagram; like the network, says nothing when it is lost. Bytes are copied or written before this returns. */
  send(bytes: Uint8Array, to: DatagramPeer): void;
  close(): Promise<void>;
}

/** Remote end of a datagram. Equal text means equal end: use `address` as key. */
export interface DatagramPeer {
  readonly address: PeerAddress;
  readonly host: string;
  readonly port: number;
}
