import { LinkCounters } from './link-counters.ts';
import { SocketLink } from './socket-link.ts';
import { TlsAcceptor, type TlsListenerOptions } from './tls-acceptor.ts';
import type { Link, StreamTransport } from './transport.ts';

/** Listens on a TCP port and speaks TLS 1.2 or 1.3 on it. */
export class TlsTransport implements StreamTransport {
  readonly name: string;
  readonly #options: TlsListenerOptions;
  readonly #counters: LinkCounters;
  readonly #acceptor: TlsAcceptor;

  constructor(options: TlsListenerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#counters = new LinkCounters(options.metrics, options.name);
    this.#acceptor = new TlsAcceptor(options, this.#counters);
  }

  get address(): string {
    return this.#acceptor.address;
  }

  /** @throws GatewayError CONFIG_INVALID - certificates or keys cannot be used; ADDRESS_UNAVAILABLE. */
  async listen(onLink: (link: Link) => void): Promise<void> {
    const { clock, writer } = this.#options;
    const support = { clock, writer, counters: this.#counters };
    await this.#acceptor.listen(({ socket, facts }) => {
      const link = new SocketLink(socket, facts, support);
      onLink(link);
      link.start();
    });
  }

  /** See `TlsAcceptor.reload`. */
  reload(): void {
    this.#acceptor.reload();
  }

  async close(): Promise<void> {
    this.#acceptor.close();
  }
}
