import type { Message } from '../model/message.ts';
import { messageSize } from '../session/message-size.ts';
import type { Claim } from './claim.ts';
import type { DeliveryTerms } from './delivery-view.ts';

/** A delivery waiting in memory: for sessions that end with their link, and QoS 0 behind a full socket. */
export interface WaitingDelivery extends DeliveryTerms {
  readonly message: Message;
  /** Of a message from a shared subscription, which others may have instead. */
  readonly claim?: Claim | undefined;
}

interface Bounds {
  readonly messagesMax: number;
  readonly bytesMax: number;
}

/** Kept with each entry besides topic, payload and properties: objects and list slots, estimated once. */
const ENTRY_OVERHEAD_BYTES = 200;

/**
 * First in, first out, bounded; the oldest makes room. Retained messages for a new subscription have a lane of their own that comes first:
 * they are in memory anyway, and a client that asks for all of them must not lose some to the bounds of the other lane.
 */
export class MemoryQueue {
  readonly #retained: Lane;
  readonly #ordinary: Lane;

  constructor(limits: Bounds & { readonly retainedMax: number }) {
    this.#retained = new Lane({ messagesMax: limits.retainedMax, bytesMax: Number.POSITIVE_INFINITY });
    this.#ordinary = new Lane(limits);
  }

  get length(): number {
    return this.#retained.length + this.#ordinary.length;
  }

  peek(): WaitingDelivery | undefined {
    return this.#retained.peek() ?? this.#ordinary.peek();
  }

  /** @returns how many older entries were dropped to make room. */
  push(entry: WaitingDelivery): number {
    return this.#ordinary.push(entry);
  }

  /** @returns as `push`. */
  pushRetained(entry: WaitingDelivery): number {
    return this.#retained.push(entry);
  }

  shift(): void {
    if (this.#retained.length > 0) this.#retained.shift();
    else this.#ordinary.shift();
  }

  /** Empties the queue. @returns what belongs to shared subscriptions. */
  clear(): readonly Claim[] {
    const claims = this.#ordinary.claims();
    this.#retained.clear();
    this.#ordinary.clear();
    return claims;
  }
}

class Lane {
  readonly #bounds: Bounds;
  #entries: (WaitingDelivery | undefined)[] = [];
  #head = 0;
  #bytes = 0;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  get length(): number {
    return this.#entries.length - this.#head;
  }

  peek(): WaitingDelivery | undefined {
    return this.#entries[this.#head];
  }

  push(entry: WaitingDelivery): number {
    const { messagesMax, bytesMax } = this.#bounds;
    this.#entries.push(entry);
    this.#bytes += sizeOf(entry);
    let dropped = 0;
    while (this.length > 1 && (this.length > messagesMax || this.#bytes > bytesMax)) {
      this.shift();
      dropped += 1;
    }
    return dropped;
  }

  shift(): void {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return;
    this.#entries[this.#head] = undefined;
    this.#head += 1;
    this.#bytes -= sizeOf(entry);
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) this.#compact();
    if (this.#head === this.#entries.length) this.clear();
  }

  claims(): Claim[] {
    return this.#entries.flatMap((entry) => entry?.claim ?? []);
  }

  clear(): void {
    this.#entries = [];
    this.#head = 0;
    this.#bytes = 0;
  }

  #compact(): void {
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}

function sizeOf({ message }: WaitingDelivery): number {
  return messageSize(message) + ENTRY_OVERHEAD_BYTES;
}
