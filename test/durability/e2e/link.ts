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

  /** Breaks every connection; what was under way is gone. */
  cut(): void {
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
    this.#pairs.clear();
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
    join(near, far);
    join(far, near);
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
}

/** Small packets and bounded windows: what the other side cannot take yet waits in its socket. */
function join(from: Socket, to: Socket): void {
  from.on('data', (bytes) => to.write(bytes));
}
