import { connect, type Socket } from 'node:net';
import { type DialerOptions, Dialing } from './dialing.ts';
import { type DialStage, type Link, type LinkHandlers, NO_HANDSHAKE, type StreamDialer } from './transport.ts';

/** Connects to a TCP port. */
export class TcpDialer implements StreamDialer {
  readonly #dialing: Dialing<Socket>;

  constructor(options: DialerOptions) {
    const { host, port, localAddress } = options;
    const from = localAddress === undefined ? {} : { localAddress };
    this.#dialing = new Dialing(options, {
      open: () => connect({ host, port, ...from, noDelay: true }),
      readyEvent: 'connect',
      handshake: () => NO_HANDSHAKE,
    });
  }

  dial(handlers: (link: Link) => LinkHandlers, signal: AbortSignal, onStage?: (stage: DialStage) => void): Promise<Link> {
    return this.#dialing.dial(handlers, signal, onStage);
  }
}
