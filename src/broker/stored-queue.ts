// The stored queue of one session as its deliveries see it: which entry is next, which of them may go, and what becomes of a new one.
import type { Message, QoS } from '../model/message.ts';
import { LOWEST_FIRST, ORDINARY, type Priority } from '../model/priority.ts';
import { messageSize } from '../session/message-size.ts';
import type { Sequence, StoredDelivery, StoredSession } from '../session/session-store.ts';
import { Doubt } from './doubt.ts';
import type { InflightTable } from './inflight.ts';
import { LatestPerTopic, type LatestQueue } from './latest-per-topic.ts';
import { isAtBound, makeRoom, type Waiting } from './queue-bounds.ts';
import { QueueCursor } from './queue-cursor.ts';
import { type QueueReadingParts, readLive } from './queue-reading.ts';
import type { QueueTreatment } from './queue-rules.ts';
import type { OutboundSettings } from './queue-terms.ts';

export class StoredQueue implements Waiting, LatestQueue {
  /** Nothing waits: a message that comes now is the next. */
  isCaughtUp = false;
  readonly #parts: QueueReadingParts;
  readonly #inflight: InflightTable;
  readonly #cursor = new QueueCursor();
  #treatment: QueueTreatment;
  #stored: StoredSession | undefined;
  /** Of one that a restart left. */
  #doubt: Doubt | undefined;
  /** Made by the first message that has to wait and is of a topic whose newest is kept. */
  #latest: LatestPerTopic | undefined;

  constructor(parts: QueueReadingParts, inflight: InflightTable, { treatment, inOrderUpTo }: OutboundSettings) {
    this.#parts = parts;
    this.#inflight = inflight;
    this.#treatment = treatment;
    this.#cursor.readInOrder(inOrderUpTo);
  }

  get stored(): StoredSession | undefined {
    return this.#stored;
  }

  use(stored: StoredSession | undefined): void {
    this.#stored = stored;
  }

  /** Takes up what a restart left: entries up to `doubtfulUpTo` may have been sent before, `inflightMax` of each class at most. */
  restore(stored: StoredSession, doubtfulUpTo: Sequence, { inflightMax }: OutboundSettings): void {
    this.#stored = stored;
    this.#doubt = new Doubt(doubtfulUpTo, inflightMax);
  }

  /** From now on. What waits is looked at anew. */
  treat({ treatment, inOrderUpTo, inflightMax }: OutboundSettings): void {
    if (treatment !== this.#treatment) this.#latest = undefined;
    this.#treatment = treatment;
    this.#doubt?.limit(inflightMax);
    this.#cursor.readInOrder(inOrderUpTo);
    this.isCaughtUp = false;
  }

  /** True when there will be publishers to hold back once the queue is full. */
  get mayRefuse(): boolean {
    return this.#treatment.whenFull === 'refuse' && this.#stored !== undefined;
  }

  /** True when a message for it must hold its publisher back. */
  get isRefusing(): boolean {
    return this.mayRefuse && this.#stored !== undefined && isAtBound(this.#stored, this.#treatment.limits);
  }

  /** @returns false when there is no room for it: it is not even written. */
  takes(message: Message, qos: QoS): boolean {
    const isCrowdedOut = qos === 0 && (this.isRefusing || this.#parts.store.isCongested); // no publisher of QoS 0 can be held back
    if (!isCrowdedOut && !this.#declines(message)) return true;
    this.#parts.drops.add(isCrowdedOut ? 'queue-full' : 'queue-full-newest');
    return false;
  }

  /** Whether a message would be the first to go again. */
  #declines(message: Message): boolean {
    const { limits, whenFull, topics } = this.#treatment;
    if (whenFull !== 'drop-newest' || this.#stored === undefined || topics.keepsLatest(message.topic)) return false;
    const { count, bytes } = this.#stored.queue;
    const size = messageSize(message);
    if (count < limits.messagesMax && bytes + size <= limits.bytesMax) return false;
    const priority = topics.priorityOf(message.topic);
    return size > limits.bytesMax || !LOWEST_FIRST.some((lower) => lower < priority && this.oldest(lower) !== undefined);
  }

  /** A message that was written cannot leave now. */
  wait(message: Message, sequence: Sequence): void {
    this.isCaughtUp = false;
    if (this.#stored === undefined || !this.#treatment.topics.keepsLatest(message.topic)) return;
    this.#latest ??= new LatestPerTopic(this.#stored.queue.previous(sequence) ?? 0);
    this.#latest.put(message, sequence, this);
  }

  /** A message was written: what the queue has no room for goes. */
  makeRoom(): void {
    if (this.#stored !== undefined) makeRoom(this.#parts, this.#stored, this.#treatment, this);
  }

  /** The entry whose turn it is, of those up to `upTo`. */
  next(upTo: Sequence | undefined): Sequence | undefined {
    if (this.#stored === undefined) return undefined;
    const { queue } = this.#stored;
    let found = this.#cursor.next(queue, upTo);
    while (found !== undefined && this.#inflight.isRestored(found)) {
      this.pass(found);
      found = this.#cursor.next(queue, upTo);
    }
    if (found === undefined && upTo === undefined) this.isCaughtUp = true;
    return found;
  }

  /** The entry is handed to the link now. @returns false when it is not queued (any more). */
  pass(sequence: Sequence): boolean {
    const priority = this.#stored?.queue.laneOf(sequence);
    if (priority === undefined) return false;
    this.#cursor.pass(priority, sequence);
    return true;
  }

  priorityOf(sequence: Sequence): Priority {
    return this.#stored?.queue.laneOf(sequence) ?? ORDINARY;
  }

  /** As `readLive`. */
  readLive(sequence: Sequence): StoredDelivery | undefined {
    return this.#stored && readLive(this.#parts, this.#stored, sequence);
  }

  /** Whether an entry that is sent now may have been sent before a crash. */
  isDoubtful(sequence: Sequence): boolean {
    return this.#doubt !== undefined && this.#stored !== undefined && this.#doubt.takes(sequence, this.#stored.queue);
  }

  get count(): number {
    return this.#stored?.queue.count ?? 0;
  }

  after(sequence: Sequence): Sequence | undefined {
    return this.#stored?.queue.next(sequence);
  }

  oldest(priority: Priority): Sequence | undefined {
    const lane = this.#stored?.queue.lane(priority);
    let found = lane?.next(this.#cursor.at(priority));
    while (found !== undefined && this.#inflight.isRestored(found)) found = lane?.next(found);
    return found;
  }

  newest(priority: Priority): Sequence | undefined {
    const lane = this.#stored?.queue.lane(priority);
    let found = lane?.last;
    while (found !== undefined && this.#inflight.isRestored(found)) found = lane?.previous(found);
    return found !== undefined && found > this.#cursor.at(priority) ? found : undefined;
  }

  isWaiting(sequence: Sequence): boolean {
    const priority = this.#stored?.queue.laneOf(sequence);
    return priority !== undefined && sequence > this.#cursor.at(priority) && !this.#inflight.isRestored(sequence);
  }

  read(sequence: Sequence): Message | undefined {
    const message = this.#stored && this.#parts.store.read(this.#stored, sequence)?.message;
    return message !== undefined && this.#treatment.topics.keepsLatest(message.topic) ? message : undefined;
  }

  supersede(sequence: Sequence): void {
    if (this.#stored === undefined) return;
    this.#parts.store.settle(this.#stored, sequence, 'superseded');
    this.#parts.drops.add('superseded');
  }
}
