import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type SecureContext, type Server, type TLSSocket, type TlsOptions } from 'node:tls';
import { GatewayError } from '../model/errors.ts';
import { TLS_HANDSHAKE_TIMEOUT_MS } from '../model/limits.ts';
import { type Accepted, Acceptor, type ConnectionSource, directFacts, type ListenerOptions } from './acceptor.ts';
import { remoteEnd } from './address.ts';
import type { LinkCounters } from './link-counters.ts';
import { certificateFacts, credentialsError } from './tls-credentials.ts';
import { handshakeFailure, verificationFailure } from './tls-failure.ts';
import { contextFor, type ServerTls, type ServerTlsSettings } from './tls-server-options.ts';
import { type HandshakeFacts, type LinkFacts, NO_HANDSHAKE } from './transport.ts';

export interface TlsListenerOptions extends ListenerOptions {
  /** Reads certificates and keys, at the start and at each reload. @throws GatewayError CONFIG_INVALID */
  readonly loadTls: () => ServerTls;
}

/** The listening socket of everything over TLS: lets connections in once they have shaken hands and proved what they must. */
export class TlsAcceptor implements ConnectionSource {
  readonly #options: TlsListenerOptions;
  readonly #counters: LinkCounters;
  readonly #acceptor: Acceptor;
  /** What proxies told of connections, by their two ends: Node.js does not say which one a TLS socket sits on. Of others the TLS socket knows all. */
  readonly #proxied = new Map<string, LinkFacts>();
  /** Of the connection that breaks or closes at this moment: its TLS socket then fails as well, and no longer knows where it led. */
  #ending: LinkFacts | undefined;
  /** Identity of the key with which a handshake goes on. */
  readonly #pskIdentities = new WeakMap<TLSSocket, string>();
  #listening: { readonly server: Server; tls: ServerTls } | undefined;

  constructor(options: TlsListenerOptions, counters: LinkCounters) {
    this.#options = options;
    this.#counters = counters;
    this.#acceptor = new Acceptor(options, counters);
  }

  get address(): string {
    return this.#acceptor.address;
  }

  /** @throws GatewayError CONFIG_INVALID - certificates or keys cannot be used; ADDRESS_UNAVAILABLE. */
  async listen(onAccepted: (accepted: Accepted) => void): Promise<void> {
    const tls = this.#options.loadTls();
    const server = this.#createServer(tls);
    server.on('secureConnection', (socket) => this.#judge(socket, tls.settings, onAccepted));
    server.on('tlsClientError', (error, socket) => this.#failHandshake(socket, error));
    this.#listening = { server, tls };
    this.#warn(tls);
    await this.#acceptor.listen(({ socket, facts }) => {
      this.#watch(socket, facts);
      if (socket.readableFlowing === true) socket.pause(); // what came behind a PROXY header would flow on, past the handshake
      server.emit('connection', socket);
    });
  }

  /**
   * Reads certificates, keys and lists again: from the next handshake on they hold, and nobody resumes a session of before. Open links stay.
   * What cannot be used is said in the log, and all stays as it is.
   */
  reload(): void {
    if (this.#listening === undefined) return;
    const { name, loadTls, log } = this.#options;
    try {
      const tls = loadTls();
      this.#listening.server.setSecureContext(tls.context); // with ticket keys of its own: a session of a revoked certificate is worth nothing
      this.#listening.tls = tls;
      log.info('certificates and keys read again', { listener: name });
      this.#warn(tls);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      log.error('certificates and keys stay as they were', { listener: name, cause: error.message });
    }
  }

  close(): void {
    this.#acceptor.close();
  }

  #createServer({ context, settings, names, keys }: ServerTls): Server {
    const { clientCertificate, alpn, pskHint } = settings;
    const options: TlsOptions = {
      ...context,
      requestCert: clientCertificate !== 'none',
      rejectUnauthorized: clientCertificate === 'required' && keys === undefined, // a key stands in for the certificate
      handshakeTimeout: TLS_HANDSHAKE_TIMEOUT_MS,
    };
    if (names.size > 0) options.SNICallback = (name, done) => done(null, this.#contextFor(name));
    if (keys !== undefined) options.pskCallback = (socket, identity) => this.#keyOf(identity, socket);
    if (pskHint !== undefined) options.pskIdentityHint = pskHint;
    if (alpn.length > 0) options.ALPNProtocols = [...alpn];
    try {
      return createServer(options);
    } catch (error) {
      throw credentialsError(this.#options.name, error);
    }
  }

  #contextFor(serverName: string): SecureContext | undefined {
    return this.#listening && contextFor(serverName, this.#listening.tls);
  }

  /** TLS 1.2 asks for the key only in a handshake that is then proved with it (RFC 4279 §2). */
  #keyOf(identity: string, socket: TLSSocket): Buffer | null {
    const key = this.#listening?.tls.keys?.get(identity);
    if (key === undefined) return null;
    this.#pskIdentities.set(socket, identity);
    return key;
  }

  /** Hears of the end of a connection before the TLS socket on top of it does, which tells within the same event what became of the handshake. */
  #watch(socket: Socket, facts: LinkFacts): void {
    const note = (): void => {
      this.#ending = facts;
      queueMicrotask(this.#forgetEnding);
    };
    socket.on('error', note);
    socket.on('close', note);
    if (this.#options.proxy === undefined) return;
    const ends = endsOf(socket);
    this.#proxied.set(ends, facts);
    socket.on('close', () => this.#forget(ends, facts));
  }

  readonly #forgetEnding = (): void => {
    this.#ending = undefined;
  };

  /** @returns what is known without the handshake; undefined once the connection is gone. */
  #factsOf(socket: TLSSocket): LinkFacts | undefined {
    const { name, proxy } = this.#options;
    if (proxy !== undefined) return this.#proxied.get(endsOf(socket));
    const remote = remoteEnd(socket);
    return remote && directFacts(name, remote);
  }

  #judge(socket: TLSSocket, settings: ServerTlsSettings, onAccepted: (accepted: Accepted) => void): void {
    const facts = this.#factsOf(socket);
    if (facts === undefined) {
      socket.destroy(); // gone since the handshake
      return;
    }
    const proven = this.#provenBy(socket, settings);
    if (typeof proven === 'string') {
      this.#fail(socket, proven);
      return;
    }
    if (this.#options.proxy !== undefined) this.#forget(endsOf(socket), facts);
    const serverName = facts.serverName ?? (socket.servername || undefined)?.toLowerCase();
    onAccepted({ socket, facts: { ...facts, ...proven, serverName } });
  }

  /** @returns why the connection is refused, or what it proved beyond what is known from below. */
  #provenBy(socket: TLSSocket, { clientCertificate, certificateIdentity }: ServerTlsSettings): Partial<HandshakeFacts> | string {
    const pskIdentity = this.#pskIdentities.get(socket);
    if (pskIdentity !== undefined) return { ...NO_HANDSHAKE, pskIdentity };
    if (clientCertificate === 'none') return {};
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) return clientCertificate === 'required' ? 'it showed neither a certificate nor a pre-shared key' : {};
    if (!socket.authorized) return verificationFailure(String(socket.authorizationError));
    const outdated = socket.isSessionReused() ? this.#whatHasEnded(certificate) : undefined;
    return outdated === undefined ? certificateFacts(certificate, certificateIdentity) : verificationFailure(outdated);
  }

  /** A session that is resumed is not verified again, and each resumption prolongs it (RFC 8446 §4.6.1). */
  #whatHasEnded({ validToDate }: X509Certificate): string | undefined {
    const { clock } = this.#options;
    if (!clock.isSynchronized()) return undefined;
    if (validToDate.getTime() <= clock.nowMs()) return 'CERT_HAS_EXPIRED';
    return this.#listening !== undefined && this.#listening.tls.listsEndMs <= clock.nowMs() ? 'CRL_HAS_EXPIRED' : undefined;
  }

  /** The same two ends may be in use again already. */
  #forget(ends: string, facts: LinkFacts): void {
    if (this.#proxied.get(ends) === facts) this.#proxied.delete(ends);
  }

  #warn({ cautions }: ServerTls): void {
    const { name, clock, log } = this.#options;
    for (const message of cautions(clock.isSynchronized() ? clock.nowMs() : undefined))
      log.warn('certificates or keys need attention', { listener: name, message });
  }

  #failHandshake(socket: TLSSocket, error: Error): void {
    // Node.js ends the connection of a certificate that does not verify, and calls it a reset.
    const { authorizationError } = socket;
    this.#fail(socket, authorizationError ? verificationFailure(String(authorizationError)) : handshakeFailure(error));
  }

  /** A socket that was reset does not say any more whose it was. It closes with the connection below, of which that is known. */
  #fail(socket: TLSSocket, reason: string): void {
    this.#counters.failed.value += 1;
    const facts = this.#factsOf(socket) ?? this.#ending;
    if (facts === undefined) socket.once('close', () => this.#report(this.#ending, reason));
    else this.#report(facts, reason);
    socket.destroy();
  }

  #report(facts: LinkFacts | undefined, reason: string): void {
    this.#options.log.info('TLS handshake failed', { listener: this.#options.name, peer: facts?.peer, reason });
  }
}

/** The two ends of a connection, of which no two are alike at a time: a listener on all addresses hears at several. */
function endsOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
