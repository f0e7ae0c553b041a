// Counts what a metered link carries where it is carried: whatever a message becomes on the wire, and everything beside messages.
import type { Link, LinkHandlers, StreamDialer } from '../../transport/transport.ts';
import type { OutBuffer } from '../../wire/out-buffer.ts';

/** Bytes of all connections so far: of MQTT, before TLS and WebSocket wrap them. */
export class LinkMeter {
  written = 0;
  read = 0;
}

type MoreOfDial = Parameters<StreamDialer['dial']> extends [unknown, ...infer More] ? More : never;

export class MeteredDialer implements StreamDialer {
  readonly #dialer: StreamDialer;
  readonly #meter: LinkMeter;

  constructor(dialer: StreamDialer, meter: LinkMeter) {
    this.#dialer = dialer;
    this.#meter = meter;
  }

  async dial(handlers: (link: Link) => LinkHandlers, ...more: MoreOfDial): Promise<Link> {
    const adopt = (link: Link): LinkHandlers => {
      const own = handlers(metered(link, this.#meter));
      return {
        onBytes: (bytes) => {
          this.#meter.read += bytes.length;
          own.onBytes(bytes);
        },
        onFull: () => own.onFull(),
        onDrain: () => own.onDrain(),
        onClose: (cause) => own.onClose(cause),
      };
    };
    return metered(await this.#dialer.dial(adopt, ...more), this.#meter);
  }
}

function metered(link: Link, meter: LinkMeter): Link {
  const { peer, peerHost, listener, isProxied, certificateSubject, certificateCommonName, certificateIdentity, pskIdentity, serverName, handlers } = link;
  return {
    ...{ peer, peerHost, listener, isProxied, certificateSubject, certificateCommonName, certificateIdentity, pskIdentity, serverName, handlers },
    reserve(size: number): OutBuffer {
      meter.written += size;
      return link.reserve(size);
    },
    send(bytes: Uint8Array): void {
      meter.written += bytes.length;
      link.send(bytes);
    },
    pauseReading: () => link.pauseReading(),
    resumeReading: () => link.resumeReading(),
    close: () => link.close(),
    destroy: () => link.destroy(),
  };
}
