// The wire between gateway and centre, as far as a TCP connection can tell: it breaks, and it falls silent.
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { HOST } from './network.ts';

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

export class Link {
  readonly #targetPort: number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #isSilent = false;
  /** Bytes that still come through before the wire breaks. */
  #allowance = Number.POSITIVE_INFINITY;
  #cuts = 0;

  constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer((near) => this.#accept(near));
  }

  /** @returns the port to connect to. */
  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, HOST, () => {
        const address = this.#server.address();
        if (address === null || typeof address === 'string') throw new Error('the link does not listen');
        resolve(address.port);
      });
    });
  }

  /** How often it broke. */
  get cuts(): number {
    return this.#cuts;
  }

  /** Breaks every connection; what was under way is gone. */
  cut(): void {
    this.#cuts += 1;
    this.#allowance = Number.POSITIVE_INFINITY;
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
    this.#pairs.clear();
  }

  /** Breaks behind so many more bytes, whichever way they go: within a packet, mostly. */
  cutAfter(bytes: number): void {
    this.#allowance = bytes;
  }

  /** Nothing comes through any more, and nobody is told. */
  silence(): void {
    this.#isSilent = true;
    for (const { near, far } of this.#pairs) {
      near.pause();
      far.pause();
    }
  }

  /** What was silent is cut: the bytes that got lost in between cannot be had again. */
  restore(): void {
    this.#isSilent = false;
    this.cut();
  }

  close(): Promise<void> {
    this.cut();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #accept(near: Socket): void {
    const far = createConnection({ port: this.#targetPort, host: HOST });
    const pair = { near, far };
    this.#pairs.add(pair);
    this.#join(near, far);
    this.#join(far, near);
    const end = (): void => {
      near.destroy();
      far.destroy();
      this.#pairs.delete(pair);
    };
    for (const socket of [near, far]) socket.setNoDelay(true).on('error', end).on('close', end);
    if (!this.#isSilent) return;
    near.pause();
    far.pause();
  }

  /** Small packets and bounded windows: what the other side cannot take yet waits in its socket. */
  #join(from: Socket, to: Socket): void {
    from.on('data', (bytes) => {
      if (this.#allowance === 0) return; // it is breaking
      if (bytes.length < this.#allowance) {
        this.#allowance -= bytes.length;
        to.write(bytes);
        return;
      }
      const last = bytes.subarray(0, this.#allowance);
      this.#allowance = 0;
      to.write(last, () => this.cut());
    });
  }
}
