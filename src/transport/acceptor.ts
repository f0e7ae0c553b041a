import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { peerAddress } from '../model/client.ts';
import type { Clock } from '../model/clock.ts';
import { ACCEPT_BACKLOG } from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import type { Metrics } from '../model/metrics.ts';
import { endpointText, remoteEnd } from './address.ts';
import { addressError } from './address-error.ts';
import { HandleSocket, HandleSupport } from './handle-socket.ts';
import type { LinkBudget } from './link-budget.ts';
import type { LinkCounters } from './link-counters.ts';
import type { LinkSocket } from './link-socket.ts';
import { type ProxyOptions, proxiedFacts, readProxyHeader } from './proxied.ts';
import { type StreamHandle, streamInternals, takeHandles } from './stream-handle.ts';
import { type LinkFacts, NO_HANDSHAKE } from './transport.ts';
import type { TurnWriter } from './turn-writer.ts';
import { makeWay } from './unix-socket.ts';

const OWNER_ONLY = 0o600;

/** Where a stream listener listens, and what it works with. */
export interface ListenerOptions {
  /** In configuration, logs and counters, e.g. `mqtt.tcp`. */
  readonly name: string;
  /** An address, or `::` for every address of both families. */
  readonly host: string;
  /** 0: any free port, see `StreamTransport.address`. */
  readonly port: number;
  /** Listens on a Unix socket instead. */
  readonly path?: string;
  /** Permissions of the Unix socket: who may write to it may connect. Its owner alone when absent. */
  readonly mode?: number;
  /** Section of the configuration that a person would look at, e.g. `mqtt.listeners[0]`; the name when absent. */
  readonly setting?: string;
  /** Connections waiting to be accepted; `ACCEPT_BACKLOG` when absent. */
  readonly backlog?: number;
  /** Set when connections come through a proxy. */
  readonly proxy?: ProxyOptions | undefined;
  /** Shared by the listeners that may together hold so many links; absent: no bound. */
  readonly budget?: LinkBudget;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly writer: TurnWriter;
}

/** A connection that was let in. */
export interface Accepted<Connection = Socket> {
  readonly socket: Connection;
  readonly facts: LinkFacts;
}

/** Where connections come from. */
export interface ConnectionSource {
  /** As bound, after `listen`. */
  readonly address: string;
  /**
   * @param onBare - takes what needs nothing of a socket of Node.js. A source that has only those does without, and no source uses nothing else.
   * @throws GatewayError ADDRESS_UNAVAILABLE
   */
  listen(onAccepted: (accepted: Accepted) => void, onBare?: (bare: Accepted<LinkSocket>) => void): Promise<void>;
  /** Stops accepting. */
  close(): void;
}

/** What is known of a connection that comes from `remote` itself, before it said anything. */
export function directFacts(listener: string, { peer, peerHost }: Pick<LinkFacts, 'peer' | 'peerHost'>): LinkFacts {
  return { ...NO_HANDSHAKE, peer, peerHost, listener, isProxied: false };
}

/** The listening socket under TCP and TLS: binds, lets connections in while the budget lasts, and counts both. */
export class Acceptor implements ConnectionSource {
  readonly #options: ListenerOptions;
  readonly #counters: LinkCounters;
  readonly #server: Server;
  #address: string;

  constructor(options: ListenerOptions, counters: LinkCounters) {
    this.#options = options;
    this.#counters = counters;
    this.#address = options.path ?? endpointText(options.host, options.port);
    this.#server = createServer({ noDelay: true });
  }

  get address(): string {
    return this.#address;
  }

  /** @throws GatewayError ADDRESS_UNAVAILABLE */
  async listen(onAccepted: (accepted: Accepted) => void, onBare?: (bare: Accepted<LinkSocket>) => void): Promise<void> {
    const { name, host, port, path, mode = OWNER_ONLY, setting = name, log } = this.#options;
    if (path !== undefined) await makeWay(path, `${setting}.path`);
    this.#server.on('connection', (socket) => this.#accept(socket, onAccepted));
    await new Promise<void>((resolve, reject) => {
      const refuse = (error: Error): void => reject(addressError(error, { setting: `${setting}.${path === undefined ? 'bind' : 'path'}`, host, port, path }));
      this.#server.once('error', refuse);
      this.#server.listen(this.#listenOptions(), () => {
        this.#server.off('error', refuse);
        resolve();
      });
    });
    // Out of file descriptors, say: the connection stays in the backlog or is lost, the listener goes on.
    this.#server.on('error', (error) => {
      this.#counters.failed.value += 1;
      log.error('connection not accepted', { listener: name, error: error.message });
    });
    if (onBare !== undefined) this.#listenForHandles(onBare);
    if (path !== undefined) chmodSync(path, mode);
    const bound = this.#server.address();
    if (bound !== null && typeof bound === 'object') this.#address = endpointText(bound.address, bound.port);
  }

  /** The kernel accepts nothing more when this returns; Node's own callback would wait for the last link to close. */
  close(): void {
    this.#server.close();
  }

  #listenOptions(): { host?: string; port?: number; path?: string; backlog: number } {
    const { host, port, path, backlog = ACCEPT_BACKLOG } = this.#options;
    return path === undefined ? { host, port, backlog } : { path, backlog };
  }

  /** Behind a proxy they are sockets: its header has to be read, and what follows it put back. */
  #listenForHandles(onBare: (bare: Accepted<LinkSocket>) => void): void {
    const { proxy, budget } = this.#options;
    const internals = streamInternals();
    if (proxy !== undefined || internals === undefined) return;
    const support = new HandleSupport(internals, this.#counters.bytesSent, () => budget?.giveBack());
    takeHandles(this.#server, (handle) => this.#acceptHandle(handle, support, onBare));
  }

  #acceptHandle(handle: StreamHandle, support: HandleSupport, onBare: (bare: Accepted<LinkSocket>) => void): void {
    const end: { address?: string; port?: number } = {};
    handle.getpeername?.(end);
    const facts = this.#admit(remoteEnd({ remoteAddress: end.address, remotePort: end.port }));
    if (facts === undefined) {
      handle.close();
      return;
    }
    handle.setNoDelay?.(true);
    onBare({ socket: new HandleSocket(handle, support), facts });
  }

  #accept(socket: Socket, onAccepted: (accepted: Accepted) => void): void {
    const facts = this.#admit(remoteEnd(socket));
    if (facts === undefined) {
      socket.destroy();
      return;
    }
    const { budget } = this.#options;
    if (budget !== undefined) socket.on('close', () => budget.giveBack());
    this.#introduce({ socket, facts }, onAccepted);
  }

  /** @returns undefined: it is to be closed. */
  #admit(end: ReturnType<typeof remoteEnd>): LinkFacts | undefined {
    const { name, path, budget, log } = this.#options;
    const remote = path === undefined ? end : { peer: peerAddress(`${path}#${this.#counters.accepted.value}`), peerHost: '' };
    if (remote === undefined) {
      this.#counters.failed.value += 1; // reset before it was looked at
      return undefined;
    }
    if (budget?.take() === false) {
      this.#counters.refused.value += 1;
      log.warn('connection refused, too many are open', { listener: name, peer: remote.peer });
      return undefined;
    }
    this.#counters.accepted.value += 1;
    return directFacts(name, remote);
  }

  /** Behind a proxy it is the proxy that says who came. */
  #introduce({ socket, facts }: Accepted, onAccepted: (accepted: Accepted) => void): void {
    const { name, proxy, clock, log, metrics } = this.#options;
    if (proxy === undefined) {
      onAccepted({ socket, facts });
      return;
    }
    const refuse = (event: string, counter: string, reason?: string): void => {
      this.#counters.failed.value += 1;
      metrics.counter(`transport.${name}.proxy.${counter}`).value += 1;
      log.warn(event, { listener: name, peer: facts.peer, reason });
      socket.destroy();
    };
    if (!proxy.isTrusted(facts.peerHost)) {
      refuse('connection refused, its address is not in proxyTrusted', 'untrusted');
      return;
    }
    readProxyHeader(
      socket,
      { versions: proxy.versions, clock },
      {
        onHeader: (header) => onAccepted({ socket, facts: proxiedFacts(facts, header) }),
        onFailure: (reason) => refuse('PROXY header failed', 'failed', reason),
      },
    );
  }
}
