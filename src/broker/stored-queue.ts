// The stored queue of one session as its deliveries see it: which entry is next, which of them may go, and what becomes of a new one.
import type { Message, QoS } from '../model/message.ts';
import { LOWEST_FIRST, ORDINARY, PRIORITIES, type Priority } from '../model/priority.ts';
import { isFull } from '../session/disk-pressure.ts';
import { messageSize } from '../session/message-size.ts';
import type { Sequence, StoredDelivery, StoredSession } from '../session/session-store.ts';
import { Doubt, restoredSent, saveSent } from './doubt.ts';
import type { DropCause } from './drops.ts';
import type { InflightTable } from './inflight.ts';
import { LatestPerTopic, type LatestQueue } from './latest-per-topic.ts';
import { type Evictable, evict, isAtBound, makeRoom, type Waiting } from './queue-bounds.ts';
import { QueueCursor } from './queue-cursor.ts';
import { type QueueReadingParts, readLive } from './queue-reading.ts';
import type { QueueTreatment } from './queue-rules.ts';
import type { OutboundSettings } from './queue-terms.ts';

export class StoredQueue implements Waiting, LatestQueue, Evictable {
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

  /** Takes up what a restart left. @param lastSequence - of the boot before. */
  restore(stored: StoredSession, lastSequence: Sequence, { inflightMax }: OutboundSettings): void {
    this.#stored = stored;
    const sent = restoredSent(stored, lastSequence);
    this.#doubt = sent && new Doubt(sent, inflightMax);
    if (Number.isFinite(stored.facts.expirySeconds)) this.saveSent(); // from now on it is a session without a link, whose end was not written
  }

  /** The link is gone: writes down what it may have been sent and did not acknowledge. */
  saveSent(): void {
    const stored = this.#stored;
    if (stored === undefined) return;
    const upTo = PRIORITIES.map(() => 0);
    let isExact = true;
    for (const priority of PRIORITIES) {
      const lane = stored.queue.lane(priority);
      const sent = this.#cursor.at(priority);
      const doubtful = this.#doubt?.upTo(priority) ?? 0;
      if (this.#isNewestFirst(priority) && this.#inflight.hasAhead) {
        upTo[priority] = lane?.last ?? 0; // somewhere among them
        isExact = false;
      } else if (isUpTo(lane?.next(sent), doubtful)) {
        upTo[priority] = doubtful;
        isExact &&= this.#doubt?.isExact === true;
      } else if (isUpTo(lane?.next(0), sent)) {
        upTo[priority] = sent;
      }
    }
    saveSent(this.#parts.store, stored, upTo.some((sequence) => sequence > 0) ? { upTo, isExact } : undefined);
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

  /** True when something goes, or is refused, for a message that comes now. */
  get isAtBound(): boolean {
    return this.#stored !== undefined && isAtBound(this.#stored, this.#treatment.limits);
  }

  /** True when a message for it must hold its publisher back. */
  get isRefusing(): boolean {
    return this.mayRefuse && this.isAtBound;
  }

  /** @returns false when there is no room for it: it is not even written. */
  takes(message: Message, qos: QoS): boolean {
    const cause = this.#refusal(message, qos);
    if (cause !== undefined) this.#parts.drops.add(cause);
    return cause === undefined;
  }

  /** Only publishers of QoS 1 and 2 can be held back. */
  #refusal(message: Message, qos: QoS): DropCause | undefined {
    const { store } = this.#parts;
    if (qos === 0 && isFull(store)) return 'disk-full';
    if (qos === 0 && (this.isRefusing || store.isCongested)) return 'queue-full';
    return this.#declines(message) ? 'queue-full-newest' : undefined;
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

  get evictableBytes(): number {
    return this.#stored === undefined || this.mayRefuse ? 0 : this.#stored.queue.bytes;
  }

  /** As `evict` of queue bounds. */
  evict(bytesMax: number): number {
    return this.#stored === undefined ? 0 : evict(this.#parts, this.#stored, this.#treatment, { waiting: this, bytesMax });
  }

  /** The entry whose turn it is, of those up to `upTo`. */
  next(upTo: Sequence | undefined): Sequence | undefined {
    if (this.#stored === undefined) return undefined;
    const { queue } = this.#stored;
    const of = this.#treatment.newestFirst.length === 0 ? undefined : this.#nextOf;
    let found = this.#cursor.next(queue, upTo, of);
    while (found !== undefined && this.#inflight.isAhead(found)) {
      this.#cursor.pass(this.priorityOf(found), found);
      found = this.#cursor.next(queue, upTo, of);
    }
    if (found === undefined && upTo === undefined) this.isCaughtUp = true;
    return found;
  }

  /** The entry is handed to the link now. @returns false when it is not queued (any more). */
  pass(sequence: Sequence): boolean {
    const priority = this.#stored?.queue.laneOf(sequence);
    if (priority === undefined) return false;
    const isAhead = this.#isNewestFirst(priority) && this.#stored?.queue.lane(priority)?.next(this.#cursor.at(priority)) !== sequence;
    if (isAhead) this.#inflight.goesAhead(sequence);
    else this.#cursor.pass(priority, sequence);
    return true;
  }

  readonly #nextOf = (priority: Priority): Sequence | undefined =>
    this.#isNewestFirst(priority) ? this.newest(priority) : this.#stored && this.#cursor.nextIn(this.#stored.queue, priority);

  #isNewestFirst(priority: Priority): boolean {
    return this.#treatment.newestFirst.includes(priority);
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
    while (found !== undefined && this.#inflight.isAhead(found)) found = lane?.next(found);
    return found;
  }

  newest(priority: Priority): Sequence | undefined {
    const lane = this.#stored?.queue.lane(priority);
    let found = lane?.last;
    while (found !== undefined && this.#inflight.isAhead(found)) found = lane?.previous(found);
    return found !== undefined && found > this.#cursor.at(priority) ? found : undefined;
  }

  isWaiting(sequence: Sequence): boolean {
    const priority = this.#stored?.queue.laneOf(sequence);
    return priority !== undefined && sequence > this.#cursor.at(priority) && !this.#inflight.isAhead(sequence);
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

function isUpTo(sequence: Sequence | undefined, upTo: Sequence): boolean {
  return sequence !== undefined && sequence <= upTo;
}
