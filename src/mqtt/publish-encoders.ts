import { PublishEncoder } from './encode-publish.ts';
import type { ProtocolVersion } from './packets.ts';

/** One encoder per form of PUBLISH for the whole gateway: a fan-out to a thousand connections encodes its message once. */
export class PublishEncoders {
  readonly #v3 = new PublishEncoder(4); // 3.1 and 3.1.1 share their PUBLISH
  readonly #v5 = new PublishEncoder(5);
  /** With topic aliases, which differ from client to client: apart, so that the others keep what was encoded. */
  readonly aliased = new PublishEncoder(5);

  of(version: ProtocolVersion): PublishEncoder {
    return version === 5 ? this.#v5 : this.#v3;
  }
}
