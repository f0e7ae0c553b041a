import type { Delivery, EndReason, Outlet, PublishOutcome } from '../gateway/gateway.ts';
import { Message } from '../model/message.ts';
import type { ClientTopics } from './topic-pipeline.ts';

/** Takes the mount point off what goes to a client that has one; who has none pays nothing. */
export class MountedOutlet implements Outlet {
  readonly #outlet: Outlet;
  readonly #topics: ClientTopics;

  constructor(outlet: Outlet, topics: ClientTopics) {
    this.#outlet = outlet;
    this.#topics = topics;
  }

  deliver({ message, qos, isRetain, isDuplicate, packetId, identifiers, expirySeconds }: Delivery): void {
    this.#outlet.deliver({ message: this.#unmounted(message), qos, isRetain, isDuplicate, packetId, identifiers, expirySeconds });
  }

  release(packetId: number): void {
    this.#outlet.release(packetId);
  }

  published(token: number, outcome: PublishOutcome): void {
    this.#outlet.published(token, outcome);
  }

  completed(packetId: number, wasKnown: boolean): void {
    this.#outlet.completed(packetId, wasKnown);
  }

  drained(): void {
    this.#outlet.drained();
  }

  throttle(delayMs: number): void {
    this.#outlet.throttle(delayMs);
  }

  end(reason: EndReason): void {
    this.#outlet.end(reason);
  }

  #unmounted(message: Message): Message {
    const topic = this.#topics.unmounted(message.topic);
    if (topic === message.topic) return message;
    const { payload, qos, isRetain, properties, origin } = message;
    return new Message({ topic, payload, qos, isRetain, properties }, origin, message);
  }
}
