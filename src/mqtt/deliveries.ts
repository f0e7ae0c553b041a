import type { Delivery } from '../gateway/gateway.ts';
import type { Link } from '../transport/transport.ts';
import type { Terms } from './connect.ts';
import { OutboundAliases } from './encode-aliases.ts';
import type { PublishEncoder } from './encode-publish.ts';
import type { PublishEncoders } from './publish-encoders.ts';

/** PUBLISH towards one client: within its Maximum Packet Size, by aliases where it takes them. */
export class Deliveries {
  readonly #link: Link;
  readonly #packetBytesMax: number;
  readonly #encoder: PublishEncoder;
  readonly #aliasing: PublishEncoder;
  readonly #aliases: OutboundAliases | undefined;

  constructor(link: Link, { version, packetBytesMax, topicAliasMax }: Terms, encoders: PublishEncoders) {
    this.#link = link;
    this.#packetBytesMax = packetBytesMax;
    this.#encoder = encoders.of(version);
    this.#aliasing = encoders.aliased;
    this.#aliases = topicAliasMax === 0 ? undefined : new OutboundAliases(topicAliasMax); // MQTT-3.1.2-27
  }

  /** @returns false: it is too large for the client, and nothing was written (MQTT-3.1.2-24). */
  write(delivery: Delivery): boolean {
    return (this.#aliases !== undefined && this.#writeAliased(delivery, this.#aliases)) || this.#encoder.encode(delivery, this.#link, this.#packetBytesMax);
  }

  /** False when there is no alias, or no room for three bytes more: by name it may fit. */
  #writeAliased(delivery: Delivery, aliases: OutboundAliases): boolean {
    const { topic } = delivery.message;
    const wire = aliases.of(topic);
    if (wire === undefined || !this.#aliasing.encode(delivery, this.#link, this.#packetBytesMax, wire)) return false;
    aliases.sent(topic, wire);
    return true;
  }
}
