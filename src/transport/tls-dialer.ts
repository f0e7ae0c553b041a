import { isIP, type TcpNetConnectOpts } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { type DialerOptions, Dialing } from './dialing.ts';
import { PSK_CIPHERS } from './psk-file.ts';
import { certificateFacts, credentialsError, type TlsIdentity } from './tls-credentials.ts';
import { type DialStage, type HandshakeFacts, type Link, type LinkHandlers, NO_HANDSHAKE, type StreamDialer } from './transport.ts';

export interface TlsDialerOptions extends DialerOptions {
  /** Authorities to trust, PEM; those that Node.js knows when absent. */
  readonly ca?: Buffer;
  /** Shown when the other end asks for a certificate. */
  readonly identity?: TlsIdentity;
  /** Name the certificate must have and that is announced (RFC 6066 §3); the host when absent. */
  readonly servername?: string;
  /** Proves both ends instead of certificates (RFC 4279); none of the other end's is looked at then. */
  readonly psk?: { readonly identity: string; readonly key: Buffer };
  /** Application protocols to offer (RFC 7301). */
  readonly alpn?: readonly string[];
  /** Accepts any certificate: for tests, and for no one who has something to lose. */
  readonly insecure?: boolean;
}

/** tls.connect hands these on to net.connect; its types do not say so. */
type TlsConnectOptions = ConnectionOptions & Pick<TcpNetConnectOpts, 'localAddress' | 'noDelay'>;

/** Connects to a TCP port and speaks TLS 1.2 or 1.3 on it. */
export class TlsDialer implements StreamDialer {
  readonly #dialing: Dialing<TLSSocket>;

  constructor(options: TlsDialerOptions) {
    this.#dialing = new Dialing(options, {
      open: () => openTls(options),
      readyEvent: 'secureConnect',
      handshake: verifiedFacts,
    });
  }

  /** @throws GatewayError as `StreamDialer.dial`, and CONFIG_INVALID - certificate, key or authorities cannot be used. */
  dial(handlers: (link: Link) => LinkHandlers, signal: AbortSignal, onStage?: (stage: DialStage) => void): Promise<Link> {
    return this.#dialing.dial(handlers, signal, onStage);
  }
}

function verifiedFacts(socket: TLSSocket): HandshakeFacts {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  return certificate === undefined ? NO_HANDSHAKE : certificateFacts(certificate, 'subject');
}

function openTls(options: TlsDialerOptions): TLSSocket {
  try {
    return connect(connectionOptions(options));
  } catch (error) {
    throw credentialsError(options.name, error);
  }
}

function connectionOptions({ host, port, localAddress, ca, identity, servername, alpn, insecure, psk }: TlsDialerOptions): TlsConnectOptions {
  const announced = servername ?? (isIP(host) === 0 ? host : undefined); // an address is not announced (RFC 6066 §3)
  return {
    host,
    port,
    ...(localAddress === undefined ? {} : { localAddress }),
    ...identity,
    ca,
    ...(announced === undefined ? {} : { servername: announced }),
    ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }),
    ...(psk === undefined ? {} : pskOptions(psk)),
    rejectUnauthorized: insecure !== true,
    noDelay: true,
  };
}

/**
 * No suite but those of pre-shared keys is offered, so that whoever answers has the key. In TLS 1.3 a server may answer with a certificate instead, which
 * nobody would look at.
 */
function pskOptions({ identity, key }: NonNullable<TlsDialerOptions['psk']>): ConnectionOptions {
  return {
    ciphers: PSK_CIPHERS,
    maxVersion: 'TLSv1.2',
    pskCallback: () => ({ identity, psk: key }),
    checkServerIdentity: () => undefined,
  };
}
