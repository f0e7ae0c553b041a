// What goes to one peer: a stored queue (or none), a queue in memory, the in-flight window, and the reasons why nothing may flow now.
// Three lanes, asked in this order whenever there is room: what is in flight and waits to be sent, the stored queue, the memory queue.
import type { Delivery, DeliveryFlow, Outlet, PauseReason } from '../gateway/gateway.ts';
import { RETAINED_MESSAGES_MAX } from '../model/limits.ts';
import type { Message, QoS } from '../model/message.ts';
import { ORDINARY, type Priority } from '../model/priority.ts';
import type { QueueLimits } from '../model/queue-policy.ts';
import type { Topic } from '../model/topic.ts';
import type { DurableWaiter, Sequence, SettleCause, StoredDelivery, StoredSession } from '../session/session-store.ts';
import type { Claim } from './claim.ts';
import type { BrokerCounters } from './counters.ts';
import { type DeliveryParts, type DeliveryTerms, DeliveryView } from './delivery-view.ts';
import type { QueueDrops } from './drops.ts';
import { beginRelease, type Inflight, InflightTable, readFlight, settleFlight } from './inflight.ts';
import { MemoryQueue, type MemoryQueueParts } from './memory-queue.ts';
import { publishAgain, releaseOrphans } from './orphaned-exchanges.ts';
import { OutboundFlow } from './outbound-flow.ts';
import { classOf, OutboundGate } from './outbound-gate.ts';
import { OwnClaim } from './own-claim.ts';
import { Pauses } from './pauses.ts';
import type { OutboundSettings } from './queue-terms.ts';
import type { Recipient } from './recipient.ts';
import { Rejections } from './rejections.ts';
import { SharedLane } from './shared-lane.ts';
import { StoredQueue, type StoredQueueParts } from './stored-queue.ts';

export interface OutboundParts extends Omit<StoredQueueParts, 'drops'>, DeliveryParts, Pick<MemoryQueueParts, 'turns'> {
  readonly memoryQueueLimits: QueueLimits;
  readonly counters: BrokerCounters;
}

export class Outbound implements DurableWaiter, Recipient {
  /** What the session takes from queues it shares with others, when nothing of its own is before it. */
  readonly shared = new SharedLane();
  readonly drops: QueueDrops;
  readonly #parts: OutboundParts;
  readonly #delivery: DeliveryView;
  readonly #inflight: InflightTable;
  readonly #memory: MemoryQueue;
  /** What waits on disk; one that is refusing holds its publishers back. */
  readonly queue: StoredQueue;
  #settings: OutboundSettings;
  #outlet: Outlet | undefined;
  readonly #pauses = new Pauses();
  readonly #gate = new OutboundGate();
  readonly #rejections: Rejections;
  #isPumping = false;

  constructor(parts: OutboundParts, drops: QueueDrops, settings: OutboundSettings) {
    this.#parts = parts;
    this.drops = drops;
    this.#delivery = new DeliveryView(parts);
    this.#settings = settings;
    const { memoryQueueLimits: limits, store, clock, turns, declined, withheld } = parts;
    this.#inflight = new InflightTable(clock);
    this.#rejections = new Rejections(store);
    this.#memory = new MemoryQueue({ limits, retainedMax: RETAINED_MESSAGES_MAX, drops, turns }, settings.treatment);
    this.queue = new StoredQueue({ store, clock, drops, declined, withheld }, this.#inflight, settings);
  }

  /** Takes up the queue and QoS 2 exchanges a restart left. */
  restore(stored: StoredSession, lastSequence: Sequence): void {
    this.queue.restore(stored, lastSequence, this.#settings);
    this.#rejections.restore(stored);
    if (stored.queue.count > 0) this.#inflight.leap(this.#parts.clock.random());
    releaseOrphans(this.#parts.store, stored);
    this.#inflight.restore(stored.sending);
  }

  get stored(): StoredSession | undefined {
    return this.queue.stored;
  }

  priorityOf(topic: Topic): Priority {
    return this.#settings.treatment.topics.priorityOf(topic);
  }

  beside(topic: Topic): StoredSession | undefined {
    return this.queue.beside(topic);
  }

  expectedAckMs({ qos }: Message): number {
    return this.canTakeNow(qos) ? this.#inflight.expectedAckMs : Number.POSITIVE_INFINITY;
  }

  get waitingInMemory(): number {
    return this.#memory.length;
  }

  get inflightCount(): number {
    return this.#inflight.size;
  }

  /** Whether messages of QoS 0 wait on disk while nothing may flow. */
  get keepsQos0(): boolean {
    return this.stored !== undefined && this.#settings.queueQos0;
  }

  get isAttached(): boolean {
    return this.#outlet !== undefined;
  }

  /** A link serves the session from now on; it starts paused by `link`. What was in flight is sent again on it (MQTT-4.4.0-1). */
  attach(outlet: Outlet, settings: OutboundSettings): void {
    this.#outlet = outlet;
    this.treat(settings);
    this.queue.serve();
    this.#pauses.restart();
    this.#gate.restart();
    if (!settings.isReliableLink) this.#inflight.leap(this.#parts.clock.random());
    this.#inflight.sendAllLater();
  }

  /** While nothing waits in memory: without a link, or on a new one. */
  treat(settings: OutboundSettings): void {
    this.#settings = settings;
    this.queue.treat(settings);
    this.#memory.treat(settings.treatment);
  }

  detach(): void {
    this.#outlet = undefined;
    this.#pauses.wakeUpTo = undefined;
    this.queue.saveSent();
    const claims = this.#inflight.takeClaims();
    const waiting = this.#memory.length;
    const unsent = this.#memory.clear();
    this.drops.add('detached', waiting - unsent.length);
    if (this.stored === undefined) this.#inflight.clear();
    for (const claim of claims.concat(unsent)) claim.giveBack();
  }

  /** True when a message given now leaves now. */
  canTakeNow(qos: QoS): boolean {
    if (this.#outlet === undefined || !this.#pauses.isNone || !this.#gate.isOpen || this.#inflight.hasWaiting || this.#memory.length > 0) return false;
    return (this.stored === undefined || this.queue.isCaughtUp) && (qos === 0 || this.#hasWindow(ORDINARY));
  }

  /** Takes a message of QoS 1 or 2 from a shared subscription; it waits in memory when it cannot leave now. */
  hold(message: Message, claim: Claim): void {
    const { store } = this.#parts;
    if (this.#outlet === undefined) this.drops.add('detached');
    else if (!this.canTakeNow(claim.terms.qos)) this.#memory.push({ message: message.keep(), ...claim.terms, claim });
    else if (claim.terms.qos === 1) this.#send(message, claim.terms, undefined, claim);
    // The group's queue must have let go of it for good: a restart would give it to another member as well.
    else store.whenDurable(this, this.#inflight.add({ sequence: undefined, qos: 2, phase: 'recording', wasSent: false, claim }));
  }

  /**
   * Takes a message the bus matched.
   * @returns true when it belongs into the stored queue: the caller appends it and calls `appended`.
   */
  take(message: Message, terms: DeliveryTerms): boolean {
    if (this.queue.samplesOut(message)) return false;
    if (this.#isForStore(message, terms)) return this.queue.takes(message, terms.qos);
    if (this.#outlet === undefined) {
      this.drops.add('detached');
      return false;
    }
    if (terms.qos > 0 && this.#settings.keepsUnsettled) this.hold(message, new OwnClaim(message, terms, this.drops));
    else if (this.#pauses.isNone && this.#memory.length === 0 && this.#mayGo(this.priorityOf(message.topic), terms.qos)) this.#send(message, terms, undefined);
    else this.#memory.push({ message: message.keep(), ...terms });
    return false;
  }

  /** Takes a retained message a new subscription brings; see `take`. */
  takeRetained(message: Message, terms: DeliveryTerms): boolean {
    if (this.#isForStore(message, terms)) return true;
    this.#memory.pushRetained({ message, ...terms });
    this.pump();
    return false;
  }

  /** A message was written into the stored queue: it goes out now when nothing is before it. */
  appended(message: Message, sequence: Sequence, terms: DeliveryTerms): void {
    const isOutOfTurn = !this.queue.isCaughtUp || this.#pauses.isForLater(sequence) || this.#inflight.hasWaiting;
    const mustWait = isOutOfTurn || this.#isBlocked() || !this.#mayGo(this.priorityOf(message.topic), terms.qos);
    if (mustWait) this.queue.wait(message, sequence);
    this.queue.makeRoom(message); // at its own cost, if nothing else waits
    if (!mustWait && this.queue.pass(sequence)) this.#sendStoredMessage(message, sequence, terms);
    else if (this.#gate.isSelective) this.pump(); // what is before it may wait for what it does not
  }

  /** PUBACK or PUBCOMP. A PUBACK ends a QoS 2 delivery too: the bridge's remote that grants QoS 1 only says so. */
  settle(packetId: number): boolean {
    const flight = this.#inflight.get(packetId);
    if (flight === undefined || flight.phase === 'recording' || flight.phase === 'releasing') return false;
    this.#finish(packetId, flight, 'delivered');
    return true;
  }

  /** PUBREC. */
  received(packetId: number): boolean {
    const flight = this.#inflight.get(packetId);
    if (flight === undefined || flight.qos !== 2 || flight.phase === 'recording') return false;
    if (flight.phase === 'sent' && this.stored !== undefined) beginRelease(this.#parts.store, this.stored, { packetId, flight, waiter: this });
    else if (flight.phase !== 'releasing') {
      flight.phase = 'released'; // or it was already, and PUBREL was lost (datagrams)
      this.#outlet?.release(packetId);
    }
    return true;
  }

  /** @param aside - takes the message, into the group in which it leaves the queue; undefined: nobody does. */
  refused(packetId: number, aside?: (delivery: StoredDelivery) => void): boolean {
    const flight = this.#inflight.get(packetId);
    if (flight === undefined || flight.phase === 'recording' || (aside !== undefined && flight.phase !== 'sent')) return false;
    const kept = aside && readFlight(this.#parts.store, this.stored, flight);
    if (kept === undefined) this.drops.add('refused-by-peer');
    else aside?.(kept);
    this.#finish(packetId, flight, kept === undefined ? 'refused-by-peer' : 'moved');
    return true;
  }

  reject(packetId: number, rejectionsMax: number): boolean {
    const flight = this.#inflight.get(packetId);
    if (flight?.phase !== 'sent' || !this.#rejections.admits(flight, this.stored, rejectionsMax)) return false;
    this.#inflight.turnBack(packetId, flight);
    this.pump();
    return true;
  }

  giveBack(packetId: number): boolean {
    return this.#inflight.sendLater(packetId);
  }

  resendNow(packetId: number): boolean {
    const flight = this.#inflight.get(packetId);
    if (flight === undefined || this.#outlet === undefined) return false;
    this.#inflight.waitsNoLonger(packetId);
    if (flight.phase === 'released') this.#outlet.release(packetId);
    else if (flight.phase === 'sent') this.#sendAgain(packetId, flight);
    return true;
  }

  pause(reason: PauseReason): void {
    this.#pauses.add(reason);
  }

  resume(reason: PauseReason): void {
    if (reason === 'upstream') this.#inflight.sendAllLater();
    this.#pauses.remove(reason);
    this.pump();
  }

  limit(inflightMax: number): void {
    this.#settings = { ...this.#settings, inflightMax };
  }

  /** For those who turn it, now and then. */
  get flow(): DeliveryFlow {
    return new OutboundFlow(this.#gate, this.#inflight, this);
  }

  unusedPacketId(): number {
    return this.#inflight.unusedPacketId();
  }

  wake(): void {
    this.#pauses.wakeUpTo = this.stored?.queue.last ?? 0;
    this.#inflight.sendAllLater();
    this.pump();
  }

  /** The peer knows no packet id of ours (MQTT-3.2.2-5). What it received but did not complete may be gone: it is published again. */
  peerForgot(): void {
    if (this.stored !== undefined) publishAgain(this.#parts.store, this.stored, this.#inflight.takeReceived(), this);
  }

  /** The commit that held the PUBLISH or PUBREL of a QoS 2 delivery back is done: it leaves as soon as it may. */
  durable(packetId: number): void {
    const flight = this.#inflight.get(packetId);
    if (flight?.phase === 'recording') flight.phase = 'sent';
    else if (flight?.phase === 'releasing') flight.phase = 'released';
    else return;
    if (flight.claim === undefined) this.#inflight.sendLater(packetId);
    else this.resendNow(packetId); // no queue has it any more: it waits for no pause
    this.pump();
  }

  /** Sends what may be sent now. */
  pump(): void {
    if (this.#isPumping || this.#outlet === undefined) return;
    this.#isPumping = true;
    try {
      while (!this.#isBlocked() && (this.#pumpWaiting() || this.#pumpStored() || this.#pumpMemory() || this.shared.feed(this)));
    } finally {
      this.#isPumping = false;
    }
    this.#tellDrained();
  }

  #isForStore({ topic }: Message, { qos }: DeliveryTerms): boolean {
    if (this.stored === undefined || qos > 0 || !this.#settings.queueQos0) return this.stored !== undefined && qos > 0;
    return this.#outlet === undefined || !this.#pauses.isNone || !this.queue.isCaughtUp || !this.#gate.admits(this.priorityOf(topic));
  }

  #isBlocked(): boolean {
    return this.#outlet === undefined || this.#pauses.isBlocking;
  }

  #hasWindow(priority: Priority): boolean {
    return this.#inflight.underWay < this.#gate.windowOf(priority, this.#settings.inflightMax);
  }

  #mayGo(priority: Priority, qos: QoS): boolean {
    return this.#gate.admits(priority) && (qos === 0 || this.#hasWindow(priority));
  }

  #pumpWaiting(): boolean {
    const packetId = this.#gate.firstOf(this.#inflight, this.queue);
    const flight = packetId === undefined ? undefined : this.#inflight.get(packetId);
    if (packetId === undefined || flight === undefined || flight.phase === 'recording') return false; // its commit comes, and what was sent after it waits for it
    return this.#hasWindow(classOf(flight, this.queue)) && this.resendNow(packetId);
  }

  #pumpStored(): boolean {
    if (this.#inflight.hasWaiting && !this.#gate.isSelective) return false;
    const sequence = this.queue.next(this.#pauses.wakeUpTo);
    if (sequence === undefined) return false;
    const priority = this.queue.priorityOf(sequence);
    if (!this.#gate.admits(priority) || (this.#inflight.hasWaiting && !this.#gate.passesWaiting(priority, this.#inflight, this.queue))) return false;
    if (this.#memory.isBefore(priority) && this.#pumpMemory()) return true;
    const entry = this.queue.readLive(sequence);
    if (entry === undefined) return true;
    if (entry.qos > 0 && !this.#hasWindow(priority)) return false;
    this.queue.pass(sequence);
    this.#sendStoredMessage(entry.message, sequence, entry);
    return true;
  }

  #pumpMemory(): boolean {
    const entry = this.#memory.peek();
    if (entry === undefined || !this.#mayGo(this.priorityOf(entry.message.topic), entry.qos)) return false;
    this.#memory.shift();
    if (entry.message.expiresAtMs <= this.#parts.clock.gatewayMs()) this.drops.add('expired');
    else this.#send(entry.message, entry, undefined, entry.claim);
    return true;
  }

  #sendStoredMessage(message: Message, sequence: Sequence, terms: DeliveryTerms): void {
    const { stored } = this;
    if (stored === undefined) return;
    if (terms.qos === 0) {
      this.queue.end(sequence, 'delivered'); // nobody will acknowledge it
      this.#inflight.left(sequence);
      this.#send(message, terms, undefined);
    } else if (terms.qos === 1) {
      this.#send(message, terms, sequence);
    } else {
      const packetId = this.#inflight.add({ sequence, qos: 2, phase: 'recording', wasSent: false, claim: undefined });
      this.#parts.store.beginSending(stored, packetId, sequence);
      this.#parts.store.whenDurable(this, packetId);
    }
  }

  /** First transmission of anything but a stored QoS 2 message. */
  #send(message: Message, terms: DeliveryTerms, sequence: Sequence | undefined, claim?: Claim): void {
    let packetId = 0;
    let isDuplicate = false;
    if (terms.qos > 0) {
      packetId = this.#inflight.add({ sequence, qos: terms.qos === 1 ? 1 : 2, phase: 'sent', wasSent: true, claim });
      isDuplicate = sequence !== undefined && this.queue.isDoubtful(sequence);
    }
    this.#deliver(message, terms, { packetId, isDuplicate });
  }

  #sendAgain(packetId: number, flight: Inflight): void {
    if (flight.sequence === undefined && flight.claim === undefined) return;
    const entry = readFlight(this.#parts.store, this.stored, flight);
    if (entry === undefined) {
      this.drops.add('unreadable');
      this.#finish(packetId, flight, 'unreadable');
      return;
    }
    this.#deliver(entry.message, entry, { packetId, isDuplicate: flight.wasSent });
    flight.wasSent = true;
  }

  #deliver(message: Message, terms: DeliveryTerms, mark: Pick<Delivery, 'packetId' | 'isDuplicate'>): void {
    this.#parts.counters.delivered.value += 1;
    this.#outlet?.deliver(this.#delivery.show(message, terms, mark));
  }

  #finish(packetId: number, flight: Inflight, cause: SettleCause): void {
    this.#inflight.delete(packetId, flight);
    settleFlight({ store: this.#parts.store, queue: this.queue, rejections: this.#rejections }, packetId, flight, cause);
    if (this.#gate.isWorthwhile(this.#inflight.underWay, this.#settings.inflightMax)) this.pump();
    else this.#gate.later(this.#parts.clock, this);
  }

  #tellDrained(): void {
    const limit = this.#pauses.wakeUpTo;
    if (limit === undefined || this.#inflight.size > 0 || this.#memory.length > 0) return;
    if ((this.queue.after(0) ?? Number.POSITIVE_INFINITY) <= limit) return;
    this.#pauses.wakeUpTo = undefined;
    this.#outlet?.drained();
  }
}
