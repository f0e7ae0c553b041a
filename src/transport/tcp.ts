import { type Accepted, Acceptor, type ConnectionSource, type ListenerOptions } from './acceptor.ts';
import { LinkCounters } from './link-counters.ts';
import type { LinkSocket } from './link-socket.ts';
import { NodeSocket } from './node-socket.ts';
import { SocketLink } from './socket-link.ts';
import type { Link, StreamTransport } from './transport.ts';

/** Where connections come from, as they were counted there. */
export interface CountedSource {
  readonly source: ConnectionSource;
  readonly counters: LinkCounters;
}

export function overTcp(options: ListenerOptions): CountedSource {
  const counters = new LinkCounters(options.metrics, options.name);
  return { source: new Acceptor(options, counters), counters };
}

/** Listens on a TCP port, or on a Unix socket. */
export class TcpTransport implements StreamTransport {
  readonly name: string;
  readonly #options: ListenerOptions;
  readonly #source: ConnectionSource;
  readonly #counters: LinkCounters;

  /** @param below - what brings connections; TCP when absent. */
  constructor(options: ListenerOptions, below = overTcp(options)) {
    this.name = options.name;
    this.#options = options;
    this.#source = below.source;
    this.#counters = below.counters;
  }

  get address(): string {
    return this.#source.address;
  }

  async listen(onLink: (link: Link) => void): Promise<void> {
    const { clock, writer } = this.#options;
    const counters = this.#counters;
    const support = { clock, writer, counters };
    const introduce = ({ socket, facts }: Accepted<LinkSocket>): void => {
      const link = new SocketLink(socket, facts, support);
      onLink(link);
      link.start();
    };
    await this.#source.listen(({ socket, facts }) => introduce({ socket: new NodeSocket(socket, counters.bytesSent), facts }), introduce);
  }

  async close(): Promise<void> {
    this.#source.close();
  }
}
