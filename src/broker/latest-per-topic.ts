// Of which topic which message waits in a stored queue, for queues that keep the newest only. In memory: a restart leaves a queue and no index, which is
// made again bit by bit, as new messages come in.
import type { GatewayMs } from '../model/clock.ts';
import { LATEST_ENTRIES_READ } from '../model/limits.ts';
import type { Message } from '../model/message.ts';
import type { TopicName } from '../model/topic.ts';
import type { Sequence } from '../session/session-store.ts';

/** Few enough to keep, however many of them wait no more. */
const TOPICS_KEPT = 64;

interface Newest {
  readonly sequence: Sequence;
  readonly publishedAtMs: GatewayMs;
}

/** The queue as the index needs it. */
export interface LatestQueue {
  readonly count: number;
  /** The entry queued behind `sequence`. */
  after(sequence: Sequence): Sequence | undefined;
  /** Queued, and not handed to a link yet. */
  isWaiting(sequence: Sequence): boolean;
  /** Undefined: its topic is not one of those, or it cannot be read. */
  read(sequence: Sequence): Message | undefined;
  supersede(sequence: Sequence): void;
}

export class LatestPerTopic {
  readonly #newest = new Map<TopicName, Newest>();
  /** Entries up to here were looked at or came later than `#readUpTo`. */
  #readFrom: Sequence = 0;
  /** The last entry there was when the index was begun. */
  readonly #readUpTo: Sequence;

  constructor(readUpTo: Sequence) {
    this.#readUpTo = readUpTo;
  }

  /** A message that has just been queued takes the place of the one of its topic that waits. */
  put(message: Message, sequence: Sequence, queue: LatestQueue): void {
    this.#readOn(queue);
    this.#enter(message, sequence, queue);
    this.#forgetGone(queue);
  }

  /** Newer is what was published later: a retained message that a subscription brings is older than what waits, though it was queued behind it. */
  #enter({ topic: { name }, publishedAtMs }: Message, sequence: Sequence, queue: LatestQueue): void {
    const other = this.#newest.get(name);
    if (other !== undefined && other.sequence !== sequence && queue.isWaiting(other.sequence)) {
      const isNewer = publishedAtMs > other.publishedAtMs || (publishedAtMs === other.publishedAtMs && sequence > other.sequence);
      if (!isNewer) {
        if (sequence < other.sequence) queue.supersede(sequence);
        return;
      }
      if (other.sequence < sequence) queue.supersede(other.sequence);
    }
    this.#newest.set(name, { sequence, publishedAtMs });
  }

  /** Some of what a restart left. */
  #readOn(queue: LatestQueue): void {
    for (let read = 0; read < LATEST_ENTRIES_READ && this.#readFrom < this.#readUpTo; read += 1) {
      const sequence = queue.after(this.#readFrom) ?? this.#readUpTo;
      this.#readFrom = sequence;
      const message = sequence <= this.#readUpTo && queue.isWaiting(sequence) ? queue.read(sequence) : undefined;
      if (message !== undefined) this.#enter(message, sequence, queue);
    }
  }

  /** Topics whose message does not wait any more must not outnumber those whose message does. */
  #forgetGone(queue: LatestQueue): void {
    if (this.#newest.size <= Math.max(TOPICS_KEPT, 2 * queue.count)) return;
    for (const [topic, { sequence }] of this.#newest) if (!queue.isWaiting(sequence)) this.#newest.delete(topic);
  }
}
