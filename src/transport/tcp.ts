import { Acceptor, type ListenerOptions } from './acceptor.ts';
import { LinkCounters } from './link-counters.ts';
import { SocketLink } from './socket-link.ts';
import type { Link, StreamTransport } from './transport.ts';

/** Listens on a TCP port, or on a Unix socket. */
export class TcpTransport implements StreamTransport {
  readonly name: string;
  readonly #options: ListenerOptions;
  readonly #counters: LinkCounters;
  readonly #acceptor: Acceptor;

  constructor(options: ListenerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#counters = new LinkCounters(options.metrics, options.name);
    this.#acceptor = new Acceptor(options, this.#counters);
  }

  get address(): string {
    return this.#acceptor.address;
  }

  async listen(onLink: (link: Link) => void): Promise<void> {
    const { clock, writer } = this.#options;
    const support = { clock, writer, counters: this.#counters };
    await this.#acceptor.listen(({ socket, facts }) => {
      const link = new SocketLink(socket, facts, support);
      onLink(link);
      link.start();
    });
  }

  async close(): Promise<void> {
    this.#acceptor.close();
  }
}
