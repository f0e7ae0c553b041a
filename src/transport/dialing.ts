import type { Socket } from 'node:net';
import { peerAddress } from '../model/client.ts';
import type { Clock } from '../model/clock.ts';
import { GatewayError } from '../model/errors.ts';
import type { Metrics } from '../model/metrics.ts';
import { endpointText, remoteEnd } from './address.ts';
import { dialError } from './dial-error.ts';
import { LinkCounters } from './link-counters.ts';
import { NodeSocket } from './node-socket.ts';
import { SocketLink } from './socket-link.ts';
import type { HandshakeFacts, Link, LinkHandlers } from './transport.ts';
import type { TurnWriter } from './turn-writer.ts';

/** Where a dialer leads, and what it works with. */
export interface DialerOptions {
  /** In logs and counters, e.g. `bridge.central`. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** For name resolution, connection and handshake together. */
  readonly timeoutMs: number;
  /** Own address to connect from. */
  readonly localAddress?: string;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly writer: TurnWriter;
}

/** How one kind of socket is opened, and what is known of it when it is. */
export interface SocketKind<S extends Socket> {
  open(): S;
  readonly readyEvent: 'connect' | 'secureConnect';
  handshake(socket: S): HandshakeFacts;
}

/** The part of dialing that TCP and TLS share: time-out, abort, and the link of the socket that came up. */
export class Dialing<S extends Socket> {
  readonly #options: DialerOptions;
  readonly #kind: SocketKind<S>;
  readonly #counters: LinkCounters;
  readonly #place: string;

  constructor(options: DialerOptions, kind: SocketKind<S>) {
    this.#options = options;
    this.#kind = kind;
    this.#counters = new LinkCounters(options.metrics, options.name);
    this.#place = endpointText(options.host, options.port);
  }

  /** See `StreamDialer.dial`. */
  dial(handlers: (link: Link) => LinkHandlers, signal: AbortSignal): Promise<Link> {
    if (signal.aborted) return Promise.reject(this.#failure('given up'));
    const { clock, timeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      const socket = this.#kind.open();
      const giveUp = (error: Error): void => {
        settle();
        socket.destroy();
        this.#counters.failed.value += 1;
        reject(dialError(this.#place, error));
      };
      const abort = (): void => giveUp(this.#failure('given up'));
      const cancelTimeout = clock.after(timeoutMs, () => giveUp(this.#failure(`no answer within ${timeoutMs / 1000} s`)));
      const settle = (): void => {
        cancelTimeout();
        signal.removeEventListener('abort', abort);
      };
      signal.addEventListener('abort', abort);
      socket.on('error', giveUp);
      socket.once(this.#kind.readyEvent, () => {
        settle();
        resolve(this.#adopt(socket, handlers));
        socket.off('error', giveUp);
      });
    });
  }

  #adopt(socket: S, handlers: (link: Link) => LinkHandlers): Link {
    const { name, clock, writer, host } = this.#options;
    const remote = remoteEnd(socket) ?? { peer: peerAddress(this.#place), peerHost: host };
    const facts = { ...remote, listener: name, isProxied: false, ...this.#kind.handshake(socket) };
    const counters = this.#counters;
    const link = new SocketLink(new NodeSocket(socket, counters.bytesSent), facts, { clock, writer, counters });
    link.handlers = handlers(link);
    link.start();
    return link;
  }

  #failure(reason: string): GatewayError {
    return new GatewayError('LINK_CLOSED', `cannot connect to ${this.#place}: ${reason}`);
  }
}
