import { LinkCounters } from './link-counters.ts';
import { TcpTransport } from './tcp.ts';
import { TlsAcceptor, type TlsListenerOptions } from './tls-acceptor.ts';

/** Listens on a TCP port and speaks TLS 1.2 or 1.3 on it. */
export class TlsTransport extends TcpTransport {
  readonly #acceptor: TlsAcceptor;

  constructor(options: TlsListenerOptions) {
    const counters = new LinkCounters(options.metrics, options.name);
    const source = new TlsAcceptor(options, counters);
    super(options, { source, counters });
    this.#acceptor = source;
  }

  /** See `TlsAcceptor.reload`. */
  reload(): void {
    this.#acceptor.reload();
  }
}
