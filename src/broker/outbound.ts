// What goes to one peer: a stored queue (or none), a queue in memory, the in-flight window, and the reasons why nothing may flow now.
// Three lanes, asked in this order whenever there is room: what is in flight and waits to be sent, the stored queue, the memory queue.
import type { Delivery, Outlet, PauseReason, QueueLimits } from '../gateway/gateway.ts';
import { RETAINED_MESSAGES_MAX } from '../model/limits.ts';
import type { Message, QoS } from '../model/message.ts';
import type { DurableWaiter, Sequence, SettleCause, StoredDelivery, StoredSession } from '../session/session-store.ts';
import type { Claim } from './claim.ts';
import { type DeliveryTerms, DeliveryView } from './delivery-view.ts';
import { Doubt } from './doubt.ts';
import { type Inflight, InflightTable } from './inflight.ts';
import { MemoryQueue } from './memory-queue.ts';
import { Pauses } from './pauses.ts';
import { dropOldest, isAtBound } from './queue-bounds.ts';
import { type QueueReadingParts, readLive } from './queue-reading.ts';
import type { OutboundSettings } from './queue-terms.ts';
import type { Recipient } from './recipient.ts';
import { SharedLane } from './shared-lane.ts';

export interface OutboundParts extends QueueReadingParts {
  readonly memoryQueueLimits: QueueLimits;
}

export class Outbound implements DurableWaiter, Recipient {
  /** What the session takes from queues it shares with others, when nothing of its own is before it. */
  readonly shared = new SharedLane();
  readonly #parts: OutboundParts;
  readonly #delivery = new DeliveryView();
  readonly #inflight: InflightTable;
  readonly #memory: MemoryQueue;
  #settings: OutboundSettings;
  #stored: StoredSession | undefined;
  #outlet: Outlet | undefined;
  /** Greatest stored sequence handed to a link so far. */
  #cursor: Sequence = 0;
  readonly #doubt = new Doubt();
  #isCaughtUp = false;
  readonly #pauses = new Pauses();
  #isPumping = false;

  constructor(parts: OutboundParts, settings: OutboundSettings) {
    this.#parts = parts;
    this.#settings = settings;
    this.#memory = new MemoryQueue({ ...parts.memoryQueueLimits, retainedMax: RETAINED_MESSAGES_MAX });
    this.#inflight = new InflightTable(parts.clock.random());
  }

  /** Takes up the queue and QoS 2 exchanges a restart left. */
  restore(stored: StoredSession, doubtfulUpTo: Sequence): void {
    this.#stored = stored;
    this.#doubt.begin(doubtfulUpTo, this.#settings.inflightMax);
    for (const [packetId, { sequence, state }] of stored.sending) {
      this.#inflight.restore(packetId, { sequence, qos: 2, phase: state, wasSent: true, claim: undefined });
    }
  }

  useStore(stored: StoredSession | undefined): void {
    this.#stored = stored;
  }

  get stored(): StoredSession | undefined {
    return this.#stored;
  }

  /** Deliveries the peer has not settled. */
  get inflightCount(): number {
    return this.#inflight.size;
  }

  /** Whether messages of QoS 0 wait on disk while nothing may flow. */
  get keepsQos0(): boolean {
    return this.#stored !== undefined && this.#settings.queueQos0;
  }

  get isAttached(): boolean {
    return this.#outlet !== undefined;
  }

  /** True when there will be publishers to hold back once the queue is full. */
  get mayRefuse(): boolean {
    return this.#settings.whenQueueIsFull === 'refuse' && this.#stored !== undefined;
  }

  /** True when a message for this queue must hold its publisher back. */
  get isRefusing(): boolean {
    return this.mayRefuse && this.#stored !== undefined && isAtBound(this.#stored, this.#settings.queueLimits);
  }

  /** A link serves the session from now on; it starts paused by `link`. What was in flight is sent again on it (MQTT-4.4.0-1). */
  attach(outlet: Outlet, settings: OutboundSettings): void {
    this.#outlet = outlet;
    this.#settings = settings;
    this.#doubt.limit(settings.inflightMax);
    this.#pauses.restart();
    this.#isCaughtUp = false;
    this.#inflight.sendAllLater();
  }

  detach(): void {
    this.#outlet = undefined;
    this.#pauses.wakeUpTo = undefined;
    const claims = [...this.#inflight.takeClaims()];
    const waiting = this.#memory.length;
    const unsent = this.#memory.clear();
    this.#parts.counters.droppedDetached.value += waiting - unsent.length;
    if (this.#stored === undefined) this.#inflight.clear();
    for (const claim of claims.concat(unsent)) claim.giveBack();
  }

  /** True when a message given now leaves now. */
  canTakeNow(qos: QoS): boolean {
    if (this.#outlet === undefined || !this.#pauses.isNone || this.#inflight.hasWaiting || this.#memory.length > 0) return false;
    return (this.#stored === undefined || this.#isCaughtUp) && (qos === 0 || this.#hasWindow());
  }

  /** Takes a message of QoS 1 or 2 from a shared subscription; it waits in memory when it cannot leave now. */
  hold(message: Message, claim: Claim): void {
    const { store, counters } = this.#parts;
    if (this.#outlet === undefined) counters.droppedDetached.value += 1;
    else if (!this.canTakeNow(claim.terms.qos)) counters.droppedQueueFull.value += this.#memory.push({ message: message.keep(), ...claim.terms, claim });
    else if (claim.terms.qos === 1) this.#send(message, claim.terms, undefined, claim);
    // The group's queue must have let go of it for good: a restart would give it to another member as well.
    else store.whenDurable(this, this.#inflight.add({ sequence: undefined, qos: 2, phase: 'recording', wasSent: false, claim }));
  }

  /**
   * Takes a message the bus matched.
   * @returns true when it belongs into the stored queue: the caller appends it and calls `appended`.
   */
  take(message: Message, terms: DeliveryTerms): boolean {
    if (this.#isForStore(terms)) {
      if (terms.qos > 0 || !(this.isRefusing || this.#parts.store.isCongested)) return true; // no publisher of QoS 0 can be held back
      this.#parts.counters.droppedQueueFull.value += 1;
      return false;
    }
    if (this.#outlet === undefined) {
      this.#parts.counters.droppedDetached.value += 1;
      return false;
    }
    if (this.#pauses.isNone && this.#memory.length === 0 && (terms.qos === 0 || this.#hasWindow())) this.#send(message, terms, undefined);
    else this.#parts.counters.droppedQueueFull.value += this.#memory.push({ message: message.keep(), ...terms });
    return false;
  }

  /** Takes a retained message a new subscription brings; see `take`. */
  takeRetained(message: Message, terms: DeliveryTerms): boolean {
    if (this.#isForStore(terms)) return true;
    this.#parts.counters.droppedQueueFull.value += this.#memory.pushRetained({ message, ...terms });
    this.pump();
    return false;
  }

  /** A message was written into the stored queue: it goes out now when nothing is before it. */
  appended(message: Message, sequence: Sequence, terms: DeliveryTerms): void {
    const { whenQueueIsFull, queueLimits } = this.#settings;
    const unsent = { cursor: this.#cursor, inflight: this.#inflight };
    if (this.#stored !== undefined && whenQueueIsFull !== 'refuse') dropOldest(this.#parts, this.#stored, queueLimits, unsent);
    const isOutOfTurn = !this.#isCaughtUp || this.#pauses.isForLater(sequence) || this.#inflight.hasWaiting;
    if (isOutOfTurn || this.#isBlocked() || (terms.qos > 0 && !this.#hasWindow())) {
      this.#isCaughtUp = false;
      return;
    }
    if (this.#stored?.queue.has(sequence) !== true) return; // its own queue had no room for it
    this.#cursor = sequence;
    this.#sendStoredMessage(message, sequence, terms);
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
    if (flight.phase === 'released') this.#outlet?.release(packetId); // PUBREL was lost (datagrams)
    if (flight.phase !== 'sent') return true;
    if (this.#stored === undefined) {
      flight.phase = 'released';
      this.#outlet?.release(packetId);
      return true;
    }
    flight.phase = 'releasing';
    this.#parts.store.releaseSending(this.#stored, packetId);
    this.#parts.store.whenDurable(this, packetId);
    return true;
  }

  refused(packetId: number): boolean {
    const flight = this.#inflight.get(packetId);
    if (flight === undefined || flight.phase === 'recording') return false;
    this.#parts.counters.droppedRefused.value += 1;
    this.#finish(packetId, flight, 'refused-by-peer');
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

  limitInflight(inflightMax: number): void {
    this.#settings = { ...this.#settings, inflightMax };
  }

  unusedPacketId(): number {
    return this.#inflight.unusedPacketId();
  }

  wake(): void {
    this.#pauses.wakeUpTo = this.#stored?.queue.last ?? 0;
    this.#inflight.sendAllLater();
    this.pump();
  }

  /**
   * The peer began a new session and knows no packet id of ours (MQTT-3.2.2-5). What it received but did not complete may be gone with the old one:
   * it is published again.
   */
  peerForgot(): void {
    const { store } = this.#parts;
    if (this.#stored === undefined) return;
    for (const [packetId, sequence] of this.#inflight.takeReceived()) {
      store.beginSending(this.#stored, packetId, sequence);
      store.whenDurable(this, packetId);
    }
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
      while (!this.#isBlocked() && (this.#pumpWaiting() || this.#pumpStored() || this.#pumpMemory() || this.#pumpShared()));
    } finally {
      this.#isPumping = false;
    }
    this.#tellDrained();
  }

  #isForStore({ qos }: DeliveryTerms): boolean {
    if (this.#stored === undefined) return false;
    if (qos > 0) return true;
    if (!this.#settings.queueQos0) return false;
    return this.#outlet === undefined || !this.#pauses.isNone || !this.#isCaughtUp;
  }

  #isBlocked(): boolean {
    return this.#outlet === undefined || this.#pauses.isBlocking;
  }

  #hasWindow(): boolean {
    return this.#inflight.underWay < this.#settings.inflightMax;
  }

  #pumpWaiting(): boolean {
    const packetId = this.#inflight.firstWaiting;
    if (packetId === undefined || !this.#hasWindow()) return false;
    if (this.#inflight.get(packetId)?.phase === 'recording') return false; // its commit comes, and what was sent after it waits for it
    return this.resendNow(packetId);
  }

  #pumpStored(): boolean {
    const stored = this.#stored;
    if (stored === undefined || this.#inflight.hasWaiting) return false;
    const sequence = stored.queue.next(this.#cursor);
    if (sequence === undefined) {
      this.#isCaughtUp = true;
      return false;
    }
    if (this.#pauses.isForLater(sequence)) return false;
    if (this.#inflight.isRestored(sequence)) {
      this.#cursor = sequence;
      return true;
    }
    const entry = readLive(this.#parts, stored, sequence);
    if (entry === undefined) return true;
    if (entry.qos > 0 && !this.#hasWindow()) return false;
    this.#cursor = sequence;
    this.#sendStoredMessage(entry.message, sequence, entry);
    return true;
  }

  #pumpMemory(): boolean {
    const entry = this.#memory.peek();
    if (entry === undefined || (entry.qos > 0 && !this.#hasWindow())) return false;
    this.#memory.shift();
    if (entry.message.expiresAtMs <= this.#parts.clock.gatewayMs()) this.#parts.counters.droppedExpired.value += 1;
    else this.#send(entry.message, entry, undefined, entry.claim);
    return true;
  }

  #pumpShared(): boolean {
    return !this.shared.isEmpty && this.canTakeNow(1) && this.shared.feed(this);
  }

  #sendStoredMessage(message: Message, sequence: Sequence, terms: DeliveryTerms): void {
    const { store } = this.#parts;
    const stored = this.#stored;
    if (stored === undefined) return;
    if (terms.qos === 0) {
      store.settle(stored, sequence, 'delivered'); // nobody will acknowledge it
      this.#send(message, terms, undefined);
    } else if (terms.qos === 1) {
      this.#send(message, terms, sequence);
    } else {
      const packetId = this.#inflight.add({ sequence, qos: 2, phase: 'recording', wasSent: false, claim: undefined });
      store.beginSending(stored, packetId, sequence);
      store.whenDurable(this, packetId);
    }
  }

  /** First transmission of anything but a stored QoS 2 message. */
  #send(message: Message, terms: DeliveryTerms, sequence: Sequence | undefined, claim?: Claim): void {
    let packetId = 0;
    let isDuplicate = false;
    if (terms.qos > 0) {
      packetId = this.#inflight.add({ sequence, qos: terms.qos === 1 ? 1 : 2, phase: 'sent', wasSent: true, claim });
      isDuplicate = sequence !== undefined && this.#doubt.takes(sequence);
    }
    this.#deliver(message, terms, { packetId, isDuplicate });
  }

  #sendAgain(packetId: number, flight: Inflight): void {
    if (flight.sequence === undefined && flight.claim === undefined) return;
    const entry = this.#readAgain(flight);
    if (entry === undefined) {
      this.#parts.counters.droppedUnreadable.value += 1;
      this.#finish(packetId, flight, 'unreadable');
      return;
    }
    const isDuplicate = flight.wasSent;
    flight.wasSent = true;
    this.#deliver(entry.message, entry, { packetId, isDuplicate });
  }

  #readAgain({ claim, sequence }: Inflight): StoredDelivery | undefined {
    if (sequence !== undefined) return this.#stored && this.#parts.store.read(this.#stored, sequence);
    const message = claim?.read();
    return claim && message && { ...claim.terms, message };
  }

  #deliver(message: Message, terms: DeliveryTerms, mark: Pick<Delivery, 'packetId' | 'isDuplicate'>): void {
    this.#parts.counters.delivered.value += 1;
    const remainingMs = message.expiresAtMs === Number.POSITIVE_INFINITY ? undefined : message.expiresAtMs - this.#parts.clock.gatewayMs();
    this.#outlet?.deliver(this.#delivery.show(message, terms, mark, remainingMs));
  }

  #finish(packetId: number, flight: Inflight, cause: SettleCause): void {
    const { store } = this.#parts;
    this.#inflight.delete(packetId, flight);
    flight.claim?.settle(cause);
    if (this.#stored !== undefined && flight.sequence !== undefined) {
      if (flight.qos === 2) store.endSending(this.#stored, packetId, cause);
      else store.settle(this.#stored, flight.sequence, cause);
    }
    this.pump();
  }

  #tellDrained(): void {
    const limit = this.#pauses.wakeUpTo;
    if (limit === undefined || this.#inflight.size > 0 || this.#memory.length > 0) return;
    const next = this.#stored?.queue.next(0);
    if (next !== undefined && next <= limit) return;
    this.#pauses.wakeUpTo = undefined;
    this.#outlet?.drained();
  }
}
