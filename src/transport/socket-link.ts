import type { PeerAddress } from '../model/client.ts';
import type { CancelTimer, Clock } from '../model/clock.ts';
import { GatewayError } from '../model/errors.ts';
import { LINK_CLOSE_TIMEOUT_MS, LINK_OUT_UNREAD_BYTES } from '../model/limits.ts';
import type { OutBuffer } from '../wire/out-buffer.ts';
import type { LinkCounters } from './link-counters.ts';
import { LinkOutput, type OutputWatcher } from './link-output.ts';
import type { LinkSocket, SocketOwner } from './link-socket.ts';
import type { Envelope } from './node-socket.ts';
import type { Link, LinkFacts, LinkHandlers } from './transport.ts';
import type { TurnWriter } from './turn-writer.ts';

/** What the links of one listener or dialer share. */
export interface LinkSupport {
  readonly clock: Clock;
  readonly writer: TurnWriter;
  readonly counters: LinkCounters;
}

/** A protocol between the socket and the link, as WebSocket is. */
export interface Framing extends Envelope {
  /** @returns the bytes of the link within what the socket brought: a part of `bytes`, which may have been changed. */
  open(bytes: Buffer): Buffer;
  /** Set once the peer has ended its side of the protocol, or broken its rules: then with what it did. */
  readonly end: { readonly violation: string | undefined } | undefined;
}

const UNOWNED: LinkHandlers = { onBytes() {}, onFull() {}, onDrain() {}, onClose() {} };

/** A connection over a TCP, Unix or TLS socket. */
export class SocketLink implements Link, OutputWatcher, SocketOwner {
  handlers: LinkHandlers = UNOWNED;
  readonly peer: PeerAddress;
  readonly peerHost: string;
  readonly listener: string;
  readonly isProxied: boolean;
  readonly certificateSubject: string | undefined;
  readonly certificateCommonName: string | undefined;
  readonly certificateIdentity: string | undefined;
  readonly pskIdentity: string | undefined;
  readonly serverName: string | undefined;
  readonly #socket: LinkSocket;
  readonly #support: LinkSupport;
  readonly #framing: Framing | undefined;
  readonly #output: LinkOutput;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #isPausedByOwner = false;
  /** The peer asks without taking the answers. */
  #isPausedByFlood = false;
  #cause: GatewayError | undefined;
  #cancelTimeout: CancelTimer | undefined;

  constructor(socket: LinkSocket, facts: LinkFacts, support: LinkSupport, framing?: Framing) {
    this.peer = facts.peer;
    this.peerHost = facts.peerHost;
    this.listener = facts.listener;
    this.isProxied = facts.isProxied;
    this.certificateSubject = facts.certificateSubject;
    this.certificateCommonName = facts.certificateCommonName;
    this.certificateIdentity = facts.certificateIdentity;
    this.pskIdentity = facts.pskIdentity;
    this.serverName = facts.serverName;
    this.#socket = socket;
    this.#support = support;
    this.#framing = framing;
    this.#output = new LinkOutput(support.writer, socket, this);
  }

  /** Begins to read. The owner has set `handlers`; it may have closed the link already. */
  start(): void {
    this.#support.counters.open += 1;
    this.#socket.start(this);
    if (this.#isPausedByOwner) this.#socket.pause();
  }

  /** Told by the output, as the next: an object for it would cost each idle link 200 bytes. */
  onFull(): void {
    this.handlers.onFull();
  }

  onDrain(): void {
    this.#isPausedByFlood = false;
    this.#readOn();
    this.handlers.onDrain();
  }

  reserve(size: number): OutBuffer {
    return this.#output.reserve(size);
  }

  send(bytes: Uint8Array): void {
    const out = this.#output.reserve(bytes.length);
    out.bytes.set(bytes, out.length);
    out.length += bytes.length;
  }

  pauseReading(): void {
    this.#isPausedByOwner = true;
    if (this.#state === 'open') this.#socket.pause();
  }

  resumeReading(): void {
    this.#isPausedByOwner = false;
    this.#readOn();
  }

  /** What the peer still sends is read and thrown away: unread bytes would turn our FIN into a reset, and a reset may overtake our last bytes. */
  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#output.end();
    this.#socket.end();
    this.#socket.resume();
    this.#cancelTimeout = this.#support.clock.after(LINK_CLOSE_TIMEOUT_MS, () => this.#socket.destroy());
  }

  destroy(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closing';
    this.#output.discard();
    this.#socket.destroy();
  }

  /** Told by the socket, as the next. */
  received(bytes: Buffer): void {
    if (this.#state !== 'open') return;
    const { counters, writer } = this.#support;
    const content = this.#framing?.open(bytes) ?? bytes;
    counters.bytesReceived.value += content.length;
    writer.beginRead();
    if (content.length > 0) this.handlers.onBytes(content);
    if (this.#framing?.end !== undefined) this.#endFraming(this.#framing.end);
    writer.endRead();
    if (this.#output.heldBytes <= LINK_OUT_UNREAD_BYTES || this.#state !== 'open') return;
    this.#isPausedByFlood = true;
    this.#socket.pause();
  }

  ended(): void {
    this.close();
  }

  /** Errors after the end of the conversation are nobody's concern. */
  failed(reason: string, cause?: Error): void {
    if (this.#state === 'open') this.#cause = new GatewayError('LINK_CLOSED', `connection to ${this.peer} lost: ${reason}`, cause && { cause });
  }

  closed(): void {
    this.#state = 'closed';
    this.#cancelTimeout?.();
    this.#output.discard();
    this.#support.counters.open -= 1;
    this.handlers.onClose(this.#cause);
    this.handlers = UNOWNED; // Node.js keeps a closed TLS socket, and with it this, until the next major collection: not the owner as well
  }

  #endFraming({ violation }: NonNullable<Framing['end']>): void {
    if (violation !== undefined) this.failed(violation);
    this.close();
  }

  #readOn(): void {
    if (this.#isPausedByOwner || this.#isPausedByFlood) return;
    if (this.#state === 'open') this.#socket.resume();
  }
}
