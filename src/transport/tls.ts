import { createServer, type Server, type TLSSocket } from 'node:tls';
import { TLS_HANDSHAKE_TIMEOUT_MS } from '../model/limits.ts';
import { Acceptor, type ListenerOptions } from './acceptor.ts';
import { remoteEnd } from './address.ts';
import { LinkCounters } from './link-counters.ts';
import { SocketLink } from './socket-link.ts';
import { credentialsError, type TlsIdentity, verifiedSubject } from './tls-credentials.ts';
import type { Link, StreamTransport } from './transport.ts';

export interface TlsListenerOptions extends ListenerOptions {
  readonly identity: TlsIdentity;
  /** Whether clients show a certificate. One that is shown and does not verify is refused in each case but `none`. */
  readonly clientCertificate: 'none' | 'optional' | 'required';
  /** Authorities that may issue client certificates, PEM; those that Node.js knows when absent. */
  readonly ca?: Buffer;
  /** Application protocols in the order we prefer them (RFC 7301); absent: not negotiated. */
  readonly alpn?: readonly string[];
}

/** Listens on a TCP port and speaks TLS 1.2 or 1.3 on it. */
export class TlsTransport implements StreamTransport {
  readonly name: string;
  readonly #options: TlsListenerOptions;
  readonly #counters: LinkCounters;
  readonly #acceptor: Acceptor;
  #tls: Server | undefined;

  constructor(options: TlsListenerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#counters = new LinkCounters(options.metrics, options.name);
    this.#acceptor = new Acceptor(options, this.#counters);
  }

  get address(): string {
    return this.#acceptor.address;
  }

  /** @throws GatewayError CONFIG_INVALID - certificate and key cannot be used; ADDRESS_UNAVAILABLE. */
  async listen(onLink: (link: Link) => void): Promise<void> {
    const tls = this.#createServer();
    tls.on('secureConnection', (socket) => this.#open(socket, onLink));
    tls.on('tlsClientError', (error, socket) => this.#fail(socket, error.message));
    this.#tls = tls;
    await this.#acceptor.listen(({ socket }) => {
      socket.on('error', () => {}); // told by the TLS socket on top of it
      tls.emit('connection', socket);
    });
  }

  /** Shows another certificate from the next handshake on. @throws GatewayError CONFIG_INVALID - the one in use stays. */
  renew(identity: TlsIdentity): void {
    try {
      this.#tls?.setSecureContext({ ...identity, ca: this.#options.ca });
    } catch (error) {
      throw credentialsError(this.name, error);
    }
  }

  async close(): Promise<void> {
    this.#acceptor.close();
  }

  #createServer(): Server {
    const { identity, ca, clientCertificate, alpn } = this.#options;
    try {
      return createServer({
        ...identity,
        ca,
        requestCert: clientCertificate !== 'none',
        rejectUnauthorized: clientCertificate === 'required',
        ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }),
        handshakeTimeout: TLS_HANDSHAKE_TIMEOUT_MS,
      });
    } catch (error) {
      throw credentialsError(this.name, error);
    }
  }

  #open(socket: TLSSocket, onLink: (link: Link) => void): void {
    const remote = remoteEnd(socket);
    if (remote === undefined) {
      socket.destroy(); // gone since the handshake
      return;
    }
    if (!socket.authorized && socket.getPeerX509Certificate() !== undefined) {
      this.#fail(socket, `client certificate: ${socket.authorizationError}`);
      return;
    }
    const { clock, writer } = this.#options;
    const facts = { ...remote, listener: this.name, certificateSubject: verifiedSubject(socket) };
    const link = new SocketLink(socket, facts, { clock, writer, counters: this.#counters });
    onLink(link);
    link.start();
  }

  #fail(socket: TLSSocket, reason: string): void {
    this.#counters.failed.value += 1;
    this.#options.log.info('TLS handshake failed', { listener: this.name, peer: remoteEnd(socket)?.peer, reason });
    socket.destroy();
  }
}
