import type { Delivery } from '../gateway/gateway.ts';

const NONE: readonly Delivery[] = [];

/**
 * What a client gets of its own publish goes out behind the answer to it, unless that waits for the disk. The standard leaves the order open; a client
 * that reads in turn has met no other on most brokers.
 */
export class HeldDeliveries {
  #isHolding = false;
  /** Made for the first one: few clients subscribe to what they publish. */
  #held: Delivery[] | undefined;

  begin(): void {
    this.#isHolding = true;
  }

  /** @param delivery - borrowed; its payload stays where it is until the publish is handled. @returns false when it may go out now. */
  takes({ message, qos, isRetain, isDuplicate, packetId, identifiers, expirySeconds, receipt }: Delivery): boolean {
    if (!this.#isHolding) return false;
    this.#held ??= [];
    this.#held.push({ message, qos, isRetain, isDuplicate, packetId, identifiers, expirySeconds, receipt });
    return true;
  }

  /** @returns what goes out now, in order. */
  end(): readonly Delivery[] {
    this.#isHolding = false;
    const held = this.#held ?? NONE;
    this.#held = undefined;
    return held;
  }
}
