import type { Message } from '../model/message.ts';
import type { TopicName } from '../model/topic.ts';
import { messageSize } from '../session/message-size.ts';
import type { Claim } from './claim.ts';
import type { DeliveryTerms } from './delivery-view.ts';

/** A delivery waiting in memory: for sessions that end with their link, and QoS 0 behind a full socket. */
export interface WaitingDelivery extends DeliveryTerms {
  readonly message: Message;
  /** Of a message from a shared subscription, which others may have instead. */
  readonly claim?: Claim | undefined;
}

/** Kept with each entry besides topic, payload and properties: objects and list slots, estimated once. */
const ENTRY_OVERHEAD_BYTES = 200;
/** Empty slots before it is asked whether they outnumber the others. */
const EMPTY_SLOTS_KEPT = 1024;

/** The slots of all lanes in which nothing ever was. Nothing is ever put in here. */
const NONE: (WaitingDelivery | undefined)[] = [];

/** First in, first out; entries may go from its other end and out of its middle too. */
export class MemoryLane {
  #entries = NONE;
  #head = 0;
  #count = 0;
  #bytes = 0;
  /** Entries that lay before the first slot of `#entries`: slots are counted from the beginning of time. */
  #offset = 0;
  /** Slots of topics of which the newest is kept. */
  #latest: Map<TopicName, number> | undefined;

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Empty ones among them. */
  get slotCount(): number {
    return this.#entries.length;
  }

  peek(): WaitingDelivery | undefined {
    return this.#entries[this.#head];
  }

  push(entry: WaitingDelivery): void {
    if (this.#entries === NONE) this.#entries = [];
    this.#entries.push(entry);
    this.#count += 1;
    this.#bytes += sizeOf(entry);
  }

  /** As `push`, in the place of an entry of the same topic. @returns whether there was one. */
  pushLatest(entry: WaitingDelivery): boolean {
    this.#latest ??= new Map();
    const { name } = entry.message.topic;
    const before = this.#latest.get(name);
    this.#latest.set(name, this.#offset + this.#entries.length);
    this.push(entry); // first: a lane that runs empty forgets its slots
    return before !== undefined && this.#clear(before - this.#offset);
  }

  shift(): void {
    this.#clear(this.#head);
  }

  pop(): void {
    this.#clear(this.#entries.length - 1);
  }

  *[Symbol.iterator](): Generator<WaitingDelivery> {
    for (const entry of this.#entries) if (entry !== undefined) yield entry;
  }

  clear(): void {
    this.#offset += this.#entries.length;
    this.#entries = NONE;
    this.#head = 0;
    this.#count = 0;
    this.#bytes = 0;
    this.#latest = undefined;
  }

  /** Empties a slot. @returns false when it was. */
  #clear(index: number): boolean {
    const entry = this.#entries[index];
    if (entry === undefined) return false;
    this.#entries[index] = undefined;
    this.#count -= 1;
    this.#bytes -= sizeOf(entry);
    const slot = this.#offset + index;
    const { name } = entry.message.topic;
    if (this.#latest?.get(name) === slot) this.#latest.delete(name);
    this.#trim();
    return true;
  }

  /** No empty slot at either end, and not many in between: of a topic whose newest is kept each message leaves one behind an entry that waits. */
  #trim(): void {
    if (this.#count === 0) {
      this.clear();
      return;
    }
    while (this.#entries[this.#head] === undefined) this.#head += 1;
    while (this.#entries.at(-1) === undefined) this.#entries.pop();
    const empty = this.#entries.length - this.#count;
    if (empty > EMPTY_SLOTS_KEPT && empty * 2 > this.#entries.length) this.#closeUp();
  }

  /** Gives the entries new slots, behind all there were. */
  #closeUp(): void {
    const entries: WaitingDelivery[] = [];
    const offset = this.#offset + this.#entries.length;
    for (const [index, entry] of this.#entries.entries()) {
      if (entry === undefined) continue;
      const { name } = entry.message.topic;
      if (this.#latest?.get(name) === this.#offset + index) this.#latest.set(name, offset + entries.length);
      entries.push(entry);
    }
    this.#entries = entries;
    this.#offset = offset;
    this.#head = 0;
  }
}

function sizeOf({ message }: WaitingDelivery): number {
  return messageSize(message) + ENTRY_OVERHEAD_BYTES;
}
