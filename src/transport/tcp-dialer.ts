import { connect } from 'node:net';
import { type DialerOptions, Dialing } from './dialing.ts';
import type { Link, LinkHandlers, StreamDialer } from './transport.ts';

/** Connects to a TCP port, or to a Unix socket. */
export class TcpDialer implements StreamDialer {
  readonly #dialing: Dialing<ReturnType<typeof connect>>;

  constructor(options: DialerOptions) {
    const { host, port, path, localAddress } = options;
    const target = path === undefined ? { host, port, ...(localAddress === undefined ? {} : { localAddress }) } : { path };
    this.#dialing = new Dialing(options, {
      open: () => connect({ ...target, noDelay: true, allowHalfOpen: true }),
      readyEvent: 'connect',
      certificateSubject: () => undefined,
    });
  }

  dial(handlers: (link: Link) => LinkHandlers, signal: AbortSignal): Promise<Link> {
    return this.#dialing.dial(handlers, signal);
  }
}
