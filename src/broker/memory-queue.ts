import type { Message, QoS } from '../model/message.ts';

/** A delivery waiting in memory: for sessions that end with their link, and QoS 0 behind a full socket. */
export interface WaitingDelivery {
  readonly message: Message;
  readonly qos: QoS;
  readonly isRetain: boolean;
  readonly identifiers: readonly number[];
}

/** Kept with each entry besides topic and payload: objects and list slots, estimated once. */
const ENTRY_OVERHEAD_BYTES = 200;

/** First in, first out, bounded in messages and bytes; the oldest makes room. */
export class MemoryQueue {
  readonly #messagesMax: number;
  readonly #bytesMax: number;
  #entries: (WaitingDelivery | undefined)[] = [];
  #head = 0;
  #bytes = 0;

  constructor(limits: { readonly messagesMax: number; readonly bytesMax: number }) {
    this.#messagesMax = limits.messagesMax;
    this.#bytesMax = limits.bytesMax;
  }

  get length(): number {
    return this.#entries.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  peek(): WaitingDelivery | undefined {
    return this.#entries[this.#head];
  }

  /** @returns how many older entries were dropped to make room. */
  push(entry: WaitingDelivery): number {
    this.#entries.push(entry);
    this.#bytes += sizeOf(entry);
    let dropped = 0;
    while (this.length > 1 && (this.length > this.#messagesMax || this.#bytes > this.#bytesMax)) {
      this.shift();
      dropped += 1;
    }
    return dropped;
  }

  shift(): WaitingDelivery | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return undefined;
    this.#entries[this.#head] = undefined;
    this.#head += 1;
    this.#bytes -= sizeOf(entry);
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) this.#compact();
    if (this.#head === this.#entries.length) this.clear();
    return entry;
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
  return message.payload.length + ENTRY_OVERHEAD_BYTES;
}
