import type { Socket } from 'node:net';
import type { Counter } from '../model/metrics.ts';
import type { OutBuffer } from '../wire/out-buffer.ts';
import type { OutputSink } from './link-output.ts';

const NOTHING = Buffer.alloc(0);

/** How the bytes of a link become those of its socket. */
export interface Envelope {
  /** See `OutputSink`. */
  readonly headroom: number;
  /** @returns what the socket is to carry for the output in `buffer`, within its bytes. */
  seal(buffer: OutBuffer): Buffer;
}

const BARE: Envelope = { headroom: 0, seal: filled };

/** Writes a link's output to its socket, and finds out as cheaply as possible when the bytes were taken. */
export class SocketSink implements OutputSink {
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

  /**
   * A plain socket takes nearly every write at once, and a callback would cost it a tick each time: the unfinished one is followed by an
   * empty write, whose callback comes after it. TLS encrypts now and writes later, always.
   */
  write(buffers: readonly OutBuffer[], onTaken: (error?: Error | null) => void): boolean {
    const socket = this.#socket;
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
}

function filled({ bytes, length }: OutBuffer): Buffer {
  return length === bytes.length ? bytes : bytes.subarray(0, length);
}
