import { LinkCounters } from './link-counters.ts';
import { TlsAcceptor, type TlsListenerOptions } from './tls-acceptor.ts';
import { type WebSocketOptions, WebSocketTransport } from './websocket.ts';

/** WebSocket over TLS. */
export class SecureWebSocketTransport extends WebSocketTransport {
  readonly #acceptor: TlsAcceptor;

  constructor(options: WebSocketOptions & TlsListenerOptions) {
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
