import type { Socket } from 'node:net';
import type { Counter } from '../model/metrics.ts';
import type { OutBuffer } from '../wire/out-buffer.ts';
import type { Writing } from './link-output.ts';
import type { LinkSocket, SocketOwner } from './link-socket.ts';

const NOTHING = Buffer.alloc(0);

/** How the bytes of a link become those of its socket. */
export interface Envelope {
  /** See `OutputSink`. */
  readonly headroom: number;
  /** @returns what the socket is to carry for the output in `buffer`, within its bytes. */
  seal(buffer: OutBuffer): Buffer;
  /** The last words on the socket. */
  farewell(): Buffer | undefined;
}

const BARE: Envelope = { headroom: 0, seal: ({ filled }) => filled, farewell: () => undefined };

/** A socket of Node.js below a link. Finds out as cheaply as possible when the bytes written were taken. */
export class NodeSocket implements LinkSocket {
  readonly #socket: Socket;
  readonly #bytesSent: Counter;
  readonly #envelope: Envelope;
  readonly #isTls: boolean;

  constructor(socket: Socket, bytesSent: Counter, envelope = BARE) {
    this.#socket = socket;
    this.#bytesSent = bytesSent;
    this.#envelope = envelope;
    this.#isTls = 'encrypted' in socket; // asked so, because loading node:tls to name its class costs 3 MB
  }

  get headroom(): number {
    return this.#envelope.headroom;
  }

  start(owner: SocketOwner): void {
    this.#socket.on('error', (error) => owner.failed(error.message, error));
    this.#socket.on('close', () => owner.closed());
    this.#socket.on('end', () => owner.ended()); // Node.js would end the socket right after, without what still waits in the link
    this.#socket.on('data', (bytes) => owner.received(bytes));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /**
   * A plain socket takes nearly every write at once, and a callback would cost it a tick each time: the unfinished one is followed by an
   * empty write, whose callback comes after it. TLS encrypts now and writes later, always.
   */
  write(buffers: readonly OutBuffer[], writing: Writing): boolean {
    const socket = this.#socket;
    const onTaken = (error?: Error | null): void => {
      if (!error) writing.taken();
    };
    const isSeveral = buffers.length > 1;
    if (isSeveral) socket.cork();
    for (const buffer of buffers) {
      this.#bytesSent.value += buffer.length - this.#envelope.headroom;
      const sealed = this.#envelope.seal(buffer);
      if (this.#isTls && buffer === buffers.at(-1)) socket.write(sealed, onTaken);
      else socket.write(sealed);
    }
    if (isSeveral) socket.uncork();
    if (this.#isTls) return false;
    if (socket.writableLength === 0) return true;
    socket.write(NOTHING, onTaken);
    return false;
  }

  end(): void {
    const farewell = this.#envelope.farewell();
    if (farewell !== undefined) this.#socket.write(farewell);
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
