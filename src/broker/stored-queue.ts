// The stored queue of one session as its deliveries see it: which entry is next, which of them may go, and what becomes of a new one.

import { gatewayOf } from '../model/client.ts';
import type { Message, QoS } from '../model/message.ts';
import { LOWEST_FIRST, ORDINARY, PRIORITIES, type Priority } from '../model/priority.ts';
import type { Topic } from '../model/topic.ts';
import { isFull } from '../session/disk-pressure.ts';
import { messageSize } from '../session/message-size.ts';
import type { LiveQueue, Sequence, SettleCause, StoredDelivery, StoredSession } from '../session/session-store.ts';
import type { Declined } from './declined.ts';
import { Doubt, restoredSent, saveSent } from './doubt.ts';
import type { DropCause } from './drops.ts';
import type { InflightTable } from './inflight.ts';
import { LatestPerTopic, type LatestQueue } from './latest-per-topic.ts';
import { LossLedger } from './loss-ledger.ts';
import { type MessageNumber, numberOf } from './message-number.ts';
import { type Evictable, evict, isAtBound, type LossCause, makeRoom, type Waiting } from './queue-bounds.ts';
import { QueueCursor } from './queue-cursor.ts';
import { hasParts, QueuePolicies } from './queue-policies.ts';
import { endOf, type QueueReadingParts } from './queue-reading.ts';
import type { QueueFacts } from './queue-report.ts';
import type { QueueTreatment } from './queue-rules.ts';
import type { OutboundSettings } from './queue-terms.ts';
import type { Withheld } from './withheld.ts';

export interface StoredQueueParts extends QueueReadingParts {
  readonly declined: Declined;
  readonly withheld: Pick<Withheld, 'roomMayBe'>;
}

export class StoredQueue implements Waiting, LatestQueue, Evictable {
  /** Nothing waits: a message that comes now is the next. */
  isCaughtUp = false;
  readonly #parts: StoredQueueParts;
  readonly #inflight: InflightTable;
  readonly #cursor = new QueueCursor();
  #treatment: QueueTreatment;
  #stored: StoredSession | undefined;
  /** Of one that a restart left. */
  #doubt: Doubt | undefined;
  /** Made by the first message that has to wait and is of a topic whose newest is kept. */
  #latest: LatestPerTopic | undefined;
  /** Of a queue that treats topics in different ways. */
  #policies: QueuePolicies | undefined;
  /** Of one that keeps account of what it loses. */
  #ledger: LossLedger | undefined;

  constructor(parts: StoredQueueParts, inflight: InflightTable, { treatment, inOrderUpTo }: OutboundSettings) {
    this.#parts = parts;
    this.#inflight = inflight;
    this.#treatment = treatment;
    this.#cursor.readInOrder(inOrderUpTo);
  }

  get stored(): StoredSession | undefined {
    return this.#stored;
  }

  /** Undefined: it keeps none. */
  get ledger(): LossLedger | undefined {
    return this.#ledger;
  }

  /** What a person is told of its policies. */
  get account(): Pick<QueueFacts, 'lost' | 'policies'> {
    return { lost: this.#ledger?.counts, policies: this.#policies?.usage };
  }

  use(stored: StoredSession | undefined): void {
    if (stored === this.#stored) return;
    this.#stored = stored;
    this.#keepAccount();
  }

  /** Takes up what a restart left. @param lastSequence - of the boot before. */
  restore(stored: StoredSession, lastSequence: Sequence, { inflightMax }: OutboundSettings): void {
    this.use(stored);
    const sent = restoredSent(stored, lastSequence);
    this.#doubt = sent && new Doubt(sent, inflightMax);
    if (Number.isFinite(stored.facts.expirySeconds)) this.saveSent(); // from now on it is a session without a link, whose end was not written
  }

  /** The link is gone: writes down what it may have been sent and did not acknowledge. */
  saveSent(): void {
    const stored = this.#stored;
    if (stored === undefined) return;
    this.#policies?.rest();
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
    this.#keepAccount();
  }

  /** True when there will be publishers to hold back once the queue is full. */
  get mayRefuse(): boolean {
    return this.#treatment.whenFull === 'refuse' && this.#stored !== undefined;
  }

  /** True when something goes, or is refused, for a message that comes now. */
  get isAtBound(): boolean {
    return this.#stored !== undefined && isAtBound(this.#stored, this.#treatment.limits);
  }

  /** True when a message of that topic must hold its publisher back. */
  refuses(topic: Topic): boolean {
    return this.mayRefuse && (this.#policies === undefined ? this.isAtBound : this.#policies.refuses(topic));
  }

  /** @returns false when there is no room for it: it is not even written. */
  takes(message: Message, qos: QoS): boolean {
    const cause = this.#refusal(message, qos);
    if (cause !== undefined) this.#decline(message, cause);
    return cause === undefined;
  }

  /** Once for each message that comes. True: it is none of those that are taken. */
  samplesOut(message: Message): boolean {
    if (this.#policies?.isSampledOut(message) !== true) return false;
    this.#decline(message, 'sampled');
    return true;
  }

  /** Only publishers of QoS 1 and 2 can be held back. */
  #refusal(message: Message, qos: QoS): DropCause | undefined {
    const { store } = this.#parts;
    if (qos === 0 && isFull(store)) return 'disk-full';
    if (qos === 0 && (this.refuses(message.topic) || store.isCongested)) return 'queue-full';
    if (this.#policies !== undefined) return this.#policies.declines(message);
    return this.#declines(message) ? 'queue-full-newest' : undefined;
  }

  #decline(message: Message, cause: DropCause): void {
    this.#parts.drops.add(cause);
    if (this.#ledger === undefined) return;
    this.#account(cause, undefined, () => this.#numberOf(message));
    this.#parts.declined.count += 1;
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
    if (this.#stored === undefined || !this.#keepsLatest(message.topic)) return;
    this.#latest ??= new LatestPerTopic(this.#stored.queue.previous(sequence) ?? 0);
    this.#latest.put(message, sequence, this);
  }

  /** A message was written: what the queue has no room for goes. */
  makeRoom(message: Message): void {
    if (this.#policies !== undefined) this.#policies.makeRoom(message);
    else if (this.#stored !== undefined) makeRoom(this.#stored, this.#treatment, this);
  }

  /** Where a message of that topic is referred to as well. */
  beside(topic: Topic): StoredSession | undefined {
    return this.#policies?.beside(topic);
  }

  /** Ends an entry before its time, and counts it. */
  lose(sequence: Sequence, cause: LossCause): void {
    if (this.#stored === undefined) return;
    if (this.#stored.queue.has(sequence)) this.#parts.drops.add(cause);
    this.end(sequence, cause);
  }

  /** Settles an entry, and what is kept of it beside the queue, in one group. */
  end(sequence: Sequence, cause: SettleCause): void {
    if (this.#stored === undefined) return;
    this.leaves(sequence, cause);
    this.#parts.store.settle(this.#stored, sequence, cause);
  }

  /** The entry is about to be settled: what is kept of it beside the queue changes in the same group. */
  leaves(sequence: Sequence, cause: SettleCause): void {
    if (isLoss(cause) && this.#stored?.queue.has(sequence) === true) this.#account(cause, sequence, () => this.#numberAt(sequence));
    this.#policies?.leaves(sequence, cause);
  }

  /** A link serves the queue. */
  serve(): void {
    this.#policies?.serve();
  }

  get evictableBytes(): number {
    if (this.#policies !== undefined) return this.#policies.evictableBytes;
    return this.#stored === undefined || this.mayRefuse ? 0 : this.#stored.queue.bytes;
  }

  /** As `evict` of queue bounds. */
  evict(bytesMax: number): number {
    if (this.#policies !== undefined) return this.#policies.evict(bytesMax);
    return this.#stored === undefined ? 0 : evict(this.#stored, this.#treatment, this, bytesMax);
  }

  /** The entry whose turn it is, of those up to `upTo`. */
  next(upTo: Sequence | undefined): Sequence | undefined {
    if (this.#stored === undefined) return undefined;
    const { queue } = this.#stored;
    const of = this.#treatment.newestFirst.length === 0 ? undefined : (priority: Priority) => this.#nextOf(priority); // a field would cost every session a closure
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

  #nextOf(priority: Priority): Sequence | undefined {
    return this.#isNewestFirst(priority) ? this.newest(priority) : this.#stored && this.#cursor.nextIn(this.#stored.queue, priority);
  }

  #isNewestFirst(priority: Priority): boolean {
    return this.#treatment.newestFirst.includes(priority);
  }

  priorityOf(sequence: Sequence): Priority {
    return this.#stored?.queue.laneOf(sequence) ?? ORDINARY;
  }

  /** The entry, or undefined after it was settled because it is past its time or gone. */
  readLive(sequence: Sequence): StoredDelivery | undefined {
    const { store, clock } = this.#parts;
    const entry = this.#stored && store.read(this.#stored, sequence);
    const cause = endOf(entry, clock.gatewayMs()) ?? (entry && this.#policies?.isTooOld(entry.message) === true ? 'age' : undefined);
    if (cause === undefined) return entry;
    this.lose(sequence, cause);
    return undefined;
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

  /** @param queue - this one, or a part of it. */
  oldest(priority: Priority, queue: LiveQueue | undefined = this.#stored?.queue): Sequence | undefined {
    const lane = queue?.lane(priority);
    let found = lane?.next(this.#cursor.at(priority));
    while (found !== undefined && this.#inflight.isAhead(found)) found = lane?.next(found);
    return found;
  }

  newest(priority: Priority, queue: LiveQueue | undefined = this.#stored?.queue): Sequence | undefined {
    const lane = queue?.lane(priority);
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
    return message !== undefined && this.#keepsLatest(message.topic) ? message : undefined;
  }

  supersede(sequence: Sequence): void {
    this.lose(sequence, 'superseded');
  }

  #keepsLatest(topic: Topic): boolean {
    return this.#policies?.keepsLatest(topic) ?? this.#treatment.topics.keepsLatest(topic);
  }

  /** As its treatment asks, once there is a queue. */
  #keepAccount(): void {
    const { store, clock, withheld } = this.#parts;
    const { keepsAccount, tellsLosses, policies } = this.#treatment;
    const stored = keepsAccount ? this.#stored : undefined;
    if (stored === undefined) {
      this.#policies?.rest();
      this.#policies = undefined;
      this.#ledger = undefined;
      return;
    }
    this.#ledger ??= new LossLedger(store, stored);
    this.#ledger.isTelling = tellsLosses;
    if (this.#policies !== undefined) this.#policies.treat(this.#treatment);
    else if (!policies.isEmpty || hasParts(store, stored))
      this.#policies = new QueuePolicies({ store, clock, withheld, owner: stored, waiting: this }, this.#treatment);
  }

  #account(cause: DropCause, sequence: Sequence | undefined, number: () => MessageNumber | undefined): void {
    const ledger = this.#ledger;
    ledger?.add({ cause, number: ledger.isTelling ? number() : undefined, sequence, atMs: this.#parts.clock.gatewayMs() });
  }

  #numberAt(sequence: Sequence): MessageNumber | undefined {
    const message = this.#stored && this.#parts.store.read(this.#stored, sequence)?.message;
    return message && this.#numberOf(message);
  }

  #numberOf(message: Message): MessageNumber | undefined {
    return this.#stored && numberOf(message, gatewayOf(this.#stored.realm));
  }
}

/** Whether an entry that ends so neither reached its peer nor is kept somewhere else. */
function isLoss(cause: SettleCause): cause is LossCause {
  return cause !== 'delivered' && cause !== 'moved' && cause !== 'session-ended';
}

function isUpTo(sequence: Sequence | undefined, upTo: Sequence): boolean {
  return sequence !== undefined && sequence <= upTo;
}
