// MQTT over WebSocket (MQTT 5 §6) on whatever brings connections, plain or TLS. node:http reads the request, so this module is to be loaded on
// use only; the frames are ours (docs/decisions/0013-websocket.md).
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { LINK_CLOSE_TIMEOUT_MS, WEBSOCKET_HANDSHAKE_TIMEOUT_MS, WEBSOCKET_REQUEST_BYTES_MAX } from '../model/limits.ts';
import type { Counter } from '../model/metrics.ts';
import type { Accepted, ConnectionSource, ListenerOptions } from './acceptor.ts';
import type { LinkCounters } from './link-counters.ts';
import { NodeSocket } from './node-socket.ts';
import { SocketLink } from './socket-link.ts';
import { overTcp } from './tcp.ts';
import type { Link, LinkFacts, StreamTransport } from './transport.ts';
import { WebSocketFraming } from './websocket-framing.ts';
import { isForwarded, judge, refusal, type WebSocketPolicy } from './websocket-handshake.ts';

export interface WebSocketOptions extends ListenerOptions {
  readonly policy: WebSocketPolicy;
  /** Largest payload of one frame. A client that puts more packets into one frame than fit is closed with 1009. */
  readonly payloadBytesMax: number;
}

/** Why a connection did not become a link; each is counted, and all of them together as failed. */
const FAILURES = ['request', 'path', 'origin', 'subprotocol', 'timeout', 'no-websocket', 'malformed', 'gone'] as const;
type Failure = (typeof FAILURES)[number];

/** A connection that has not become a WebSocket yet. */
interface Candidate {
  readonly facts: LinkFacts;
  /** Neither time nor the end of the socket is its business any more. */
  release(): void;
}

export class WebSocketTransport implements StreamTransport {
  readonly name: string;
  readonly #options: WebSocketOptions;
  readonly #source: ConnectionSource;
  readonly #counters: LinkCounters;
  readonly #http: Server;
  readonly #candidates = new Map<Socket, Candidate>();
  readonly #failures: ReadonlyMap<Failure, Counter>;
  readonly #violations: Counter;

  /** @param below - what brings connections; TCP when absent. */
  constructor(options: WebSocketOptions, below = overTcp(options)) {
    const { name, metrics } = options;
    this.name = name;
    this.#options = options;
    this.#source = below.source;
    this.#counters = below.counters;
    this.#failures = new Map(FAILURES.map((failure) => [failure, metrics.counter(`transport.${name}.failed.${failure}`)]));
    this.#violations = metrics.counter(`transport.${name}.violations`);
    const timeouts = { headersTimeout: 0, requestTimeout: 0, keepAliveTimeout: 0 }; // the one of the candidate covers them all
    this.#http = createServer({ ...timeouts, maxHeaderSize: WEBSOCKET_REQUEST_BYTES_MAX });
  }

  get address(): string {
    return this.#source.address;
  }

  async listen(onLink: (link: Link) => void): Promise<void> {
    this.#http.on('upgrade', (request, socket: Socket, head) => this.#upgrade(request, { socket, head }, onLink));
    this.#http.on('request', (request, response) => this.#answerPlain(request, response));
    this.#http.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => this.#refuseMalformed(error, socket));
    await this.#source.listen((accepted) => this.#await(accepted));
  }

  async close(): Promise<void> {
    this.#source.close();
    for (const socket of this.#candidates.keys()) socket.destroy();
  }

  #await({ socket, facts }: Accepted): void {
    const cancelTimeout = this.#options.clock.after(WEBSOCKET_HANDSHAKE_TIMEOUT_MS, () => {
      this.#fail(socket, 'timeout', 'no request in time');
      socket.destroy();
    });
    const onClose = (): void => this.#fail(socket, 'gone', 'ended before it asked');
    const release = (): void => {
      this.#candidates.delete(socket);
      cancelTimeout();
      socket.off('close', onClose);
    };
    socket.on('close', onClose);
    this.#candidates.set(socket, { facts, release });
    this.#http.emit('connection', socket);
  }

  #upgrade(request: IncomingMessage, { socket, head }: { readonly socket: Socket; readonly head: Buffer }, onLink: (link: Link) => void): void {
    const candidate = this.#candidates.get(socket);
    if (candidate === undefined) {
      socket.destroy(); // it has had its answer
      return;
    }
    const verdict = judge(request, this.#options.policy);
    if (verdict.kind === 'rejected') {
      this.#fail(socket, verdict.cause, verdict.reason);
      this.#hangUp(socket, verdict.response);
      return;
    }
    candidate.release();
    socket.write(verdict.response);
    if (head.length > 0) socket.unshift(head);
    const { clock, writer, payloadBytesMax } = this.#options;
    const framing = new WebSocketFraming(socket, { payloadBytesMax, violations: this.#violations });
    const facts = isForwarded(request) ? { ...candidate.facts, isProxied: true } : candidate.facts;
    const counters = this.#counters;
    const link = new SocketLink(new NodeSocket(socket, counters.bytesSent, framing), facts, { clock, writer, counters }, framing);
    onLink(link);
    link.start();
  }

  #answerPlain({ socket }: IncomingMessage, response: ServerResponse): void {
    if (!this.#candidates.has(socket)) return; // further requests on a connection that has had its answer
    this.#fail(socket, 'no-websocket', 'a request for something else');
    this.#limitEnd(socket);
    response.writeHead(426, { connection: 'close', upgrade: 'websocket', 'content-type': 'text/plain' }).end('MQTT over WebSocket is spoken here\n');
  }

  #refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
    if (!socket.writable || !this.#candidates.has(socket)) {
      socket.destroy();
      return;
    }
    this.#fail(socket, 'malformed', error.message);
    this.#hangUp(socket, refusal(error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400, 'not a request of HTTP/1.1'));
  }

  #hangUp(socket: Socket, response: string): void {
    socket.on('error', () => {}); // reset by a peer that does not care for the answer
    this.#limitEnd(socket);
    socket.end(response);
    socket.resume();
  }

  /** For a peer that neither takes the answer nor closes its side. */
  #limitEnd(socket: Socket): void {
    const cancel = this.#options.clock.after(LINK_CLOSE_TIMEOUT_MS, () => socket.destroy());
    socket.once('close', cancel);
  }

  /** Once per candidate. */
  #fail(socket: Socket, failure: Failure, reason: string): void {
    const candidate = this.#candidates.get(socket);
    if (candidate === undefined) return;
    candidate.release();
    const counter = this.#failures.get(failure);
    this.#counters.failed.value += 1;
    if (counter !== undefined) counter.value += 1;
    this.#options.log.info('WebSocket handshake failed', { listener: this.name, peer: candidate.facts.peer, failure, reason });
  }
}
