// Which published messages are retained, and within which bounds.
import type { GatewayClock } from '../model/clock.ts';
import type { DurabilityClass } from '../model/durability.ts';
import { Message } from '../model/message.ts';
import { isFull } from '../session/disk-pressure.ts';
import { messageSize } from '../session/message-size.ts';
import type { SessionStore } from '../session/session-store.ts';
import type { BrokerCounters } from './counters.ts';
import type { RetainedIndex } from './retained-index.ts';

export interface RetainedLimits {
  readonly messagesMax: number;
  readonly bytesMax: number;
  /** Of one payload; all that fit into a packet when absent. */
  readonly payloadBytesMax?: number;
  /** For messages without an expiry of their own; for ever when absent. */
  readonly expirySeconds?: number;
}

export interface RetainingParts {
  readonly store: SessionStore;
  readonly clock: GatewayClock;
  readonly retained: RetainedIndex;
  readonly counters: BrokerCounters;
  readonly limits: RetainedLimits;
}

const NO_PAYLOAD = new Uint8Array(0);

export class Retaining {
  readonly #parts: RetainingParts;

  constructor(parts: RetainingParts) {
    this.#parts = parts;
  }

  /**
   * Takes over a message with RETAIN.
   * @returns what the store must keep: the message, a copy of it that expires, or what clears the one before it, which the store has and which must
   *   not come back; undefined when it keeps what it has.
   */
  take(message: Message, treated: DurabilityClass): Message | undefined {
    const { retained, counters, store } = this.#parts;
    const isInMemory = treated === 'ram';
    if (message.qos === 0 && !isInMemory && (store.isCongested || (isFull(store) && message.payload.length > 0))) {
      counters.retainedRefused.value += 1;
      return undefined;
    }
    if (message.payload.length === 0) {
      const wasRetained = retained.delete(message.topic.name); // MQTT-3.3.1-6, -7
      return wasRetained && store.retained.has(message.topic.name) ? message : undefined;
    }
    if (!this.#isAllowed(message)) {
      counters.retainedRefused.value += 1;
      return undefined;
    }
    const kept = this.#expiring(message);
    retained.set(kept.keep()); // MQTT-3.3.1-5
    if (!isInMemory) return kept;
    return store.retained.has(message.topic.name) ? cleared(message) : undefined;
  }

  #isAllowed(message: Message): boolean {
    const { payloadBytesMax = Number.POSITIVE_INFINITY } = this.#parts.limits;
    if (message.payload.length > payloadBytesMax) return false;
    return this.#hasRoom(message) || (this.#endExpired() && this.#hasRoom(message));
  }

  #hasRoom(message: Message): boolean {
    const { retained, limits } = this.#parts;
    const bytes = retained.bytes + messageSize(message);
    if (retained.count < limits.messagesMax && bytes <= limits.bytesMax) return true; // what it replaces need not be looked up
    const replaced = retained.get(message.topic.name);
    return replaced !== undefined && retained.count <= limits.messagesMax && bytes - messageSize(replaced) <= limits.bytesMax;
  }

  /** Lets go of retained messages whose time is over (MQTT-3.3.2-5). @returns whether there were any. */
  #endExpired(): boolean {
    const { retained, store, clock } = this.#parts;
    const expired = retained.takeExpired(clock.gatewayMs());
    for (const message of expired) if (store.retained.has(message.topic.name)) store.append(cleared(message));
    return expired.length > 0;
  }

  #expiring(message: Message): Message {
    const { limits, clock } = this.#parts;
    const { expirySeconds = Number.POSITIVE_INFINITY } = limits;
    if (expirySeconds === Number.POSITIVE_INFINITY || message.expiresAtMs !== Number.POSITIVE_INFINITY) return message;
    const { topic, payload, qos, isRetain, properties, origin, publishedAtMs } = message;
    return new Message({ topic, payload, qos, isRetain, properties }, origin, { publishedAtMs, expiresAtMs: clock.gatewayMs() + expirySeconds * 1000 });
  }
}

/** What removes the retained message of that topic from the store. */
function cleared({ topic, origin, publishedAtMs, expiresAtMs }: Message): Message {
  return new Message({ topic, payload: NO_PAYLOAD, qos: 0, isRetain: true }, origin, { publishedAtMs, expiresAtMs });
}
