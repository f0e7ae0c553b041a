import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { PeerEnd } from '../../contract/stream-transport.contract.ts';

/** A far end made of a socket of Node.js, plain or TLS. It allows half-open, so that it can end and still read. */
export class SocketPeer implements PeerEnd {
  readonly #socket: Socket;
  readonly #raw: Socket;
  readonly #parts: Buffer[] = [];
  #receivedBytes = 0;
  #isEnded = false;

  /** @param raw - the connection below `socket`: the same, but for TLS. */
  constructor(socket: Socket, raw = socket) {
    this.#socket = socket;
    this.#raw = raw;
    socket.on('data', (bytes) => {
      this.#parts.push(bytes);
      this.#receivedBytes += bytes.length;
    });
    socket.on('end', () => {
      this.#isEnded = true;
      socket.end();
    });
    socket.on('close', () => {
      this.#isEnded = true;
    });
    socket.on('error', () => {
      this.#isEnded = true;
    });
  }

  get received(): Buffer {
    return Buffer.concat(this.#parts);
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  sends(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  stopsReading(): void {
    this.#socket.pause();
  }

  readsAgain(): void {
    this.#socket.resume();
  }

  ends(): void {
    this.#socket.end();
  }

  resets(): void {
    if (this.#raw.remoteFamily === undefined) this.#raw.destroy();
    else this.#raw.resetAndDestroy();
  }

  /** TLS 1.2 only. */
  renegotiates(): Promise<void> {
    const socket = this.#socket;
    if (!(socket instanceof TLSSocket)) throw new Error('not over TLS');
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.renegotiate({}, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  leaves(): void {
    this.#raw.destroy();
    this.#socket.destroy();
  }
}
