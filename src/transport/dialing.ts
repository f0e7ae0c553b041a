import { isIP, type Socket } from 'node:net';
import { peerAddress } from '../model/client.ts';
import type { Clock } from '../model/clock.ts';
import type { Metrics } from '../model/metrics.ts';
import { endpointText, remoteEnd } from './address.ts';
import { DialError, dialError } from './dial-error.ts';
import { LinkCounters } from './link-counters.ts';
import { NodeSocket } from './node-socket.ts';
import { type Framing, SocketLink } from './socket-link.ts';
import type { DialStage, HandshakeFacts, Link, LinkHandlers } from './transport.ts';
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
  /** Silence after which the kernel asks whether the other end is still there; absent: it does not. */
  readonly tcpKeepAliveMs?: number;
  /** What is agreed on the connection before it is the link's. */
  readonly upgrade?: Upgrade;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly writer: TurnWriter;
}

/** Puts a protocol between the new connection and its link; one of the two outcomes follows, unless the socket fails before. */
export type Upgrade = (
  socket: Socket,
  outcome: {
    /** @param first - bytes of the protocol that came with the answer. */
    agreed(framing: Framing, first: Buffer): void;
    /** @param reason - what the other end said instead. */
    refused(reason: string): void;
  },
) => void;

const NOTHING = Buffer.alloc(0);

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
  dial(handlers: (link: Link) => LinkHandlers, signal: AbortSignal, onStage: (stage: DialStage) => void = () => {}): Promise<Link> {
    const { clock, timeoutMs, host, upgrade } = this.#options;
    let stage: DialStage = isIP(host) === 0 ? 'resolve' : 'connect';
    const failure = (reason: string): DialError => new DialError(this.#place, { stage, reason });
    if (signal.aborted) return Promise.reject(failure('given up'));
    return new Promise((resolve, reject) => {
      const enter = (next: DialStage): void => {
        stage = next;
        onStage(next);
      };
      const socket = this.#kind.open();
      let isOver = false;
      const giveUp = (error: Error): void => {
        if (isOver) return; // an upgrade sees the same end
        isOver = true;
        settle();
        socket.destroy();
        this.#counters.failed.value += 1;
        reject(dialError(this.#place, stage, error));
      };
      const abort = (): void => giveUp(failure('given up'));
      const cancelTimeout = clock.after(timeoutMs, () => giveUp(failure(`no answer within ${timeoutMs / 1000} s`)));
      const settle = (): void => {
        cancelTimeout();
        signal.removeEventListener('abort', abort);
      };
      const ready = (framing?: Framing, first: Buffer = NOTHING): void => {
        settle();
        resolve(this.#adopt(socket, handlers, { framing, first }));
        socket.off('error', giveUp);
      };
      signal.addEventListener('abort', abort);
      socket.on('error', giveUp);
      enter(stage);
      socket.once('lookup', (error: Error | null) => error ?? enter('connect'));
      socket.once('connect', () => this.#kind.readyEvent === 'connect' || enter('secure'));
      socket.once(this.#kind.readyEvent, () => {
        if (upgrade === undefined) return ready();
        enter('upgrade');
        return upgrade(socket, { agreed: ready, refused: (reason) => giveUp(failure(reason)) });
      });
    });
  }

  #adopt(socket: S, handlers: (link: Link) => LinkHandlers, { framing, first }: { readonly framing: Framing | undefined; readonly first: Buffer }): Link {
    const { name, clock, writer, host, tcpKeepAliveMs } = this.#options;
    if (tcpKeepAliveMs !== undefined) socket.setKeepAlive(true, tcpKeepAliveMs);
    const remote = remoteEnd(socket) ?? { peer: peerAddress(this.#place), peerHost: host };
    const facts = { ...remote, listener: name, isProxied: false, ...this.#kind.handshake(socket) };
    const counters = this.#counters;
    const link = new SocketLink(new NodeSocket(socket, counters.bytesSent, framing), facts, { clock, writer, counters }, framing);
    link.handlers = handlers(link);
    link.start();
    if (first.length > 0) link.received(first);
    return link;
  }
}
