import type { Clock } from '../model/clock.ts';
import { WITHHELD_MAX } from '../model/limits.ts';
import type { DurableWaiter, SendingExchange, Sequence, SessionStore, SettleCause, StoredDelivery, StoredSession } from '../session/session-store.ts';
import { AcknowledgementTime } from './acknowledgement-time.ts';
import type { Claim } from './claim.ts';

/** One QoS 1 or 2 delivery the peer has not settled. Deliveries of sessions without a store carry no sequence: nothing is re-sent for them. */
export interface Inflight {
  readonly sequence: Sequence | undefined;
  readonly qos: 1 | 2;
  /** `recording` and `releasing` wait for their commit before PUBLISH or PUBREL may leave. */
  phase: 'recording' | 'sent' | 'releasing' | 'released';
  wasSent: boolean;
  /** The message is one of a shared subscription; no queue of the session's own holds it. */
  readonly claim: Claim | undefined;
}

/** What is to be sent again, from wherever it lies; undefined: nothing can be, or the disk lost it. */
export function readFlight(store: SessionStore, stored: StoredSession | undefined, { claim, sequence }: Inflight): StoredDelivery | undefined {
  if (sequence !== undefined) return stored && store.read(stored, sequence);
  const message = claim?.read();
  return claim && message && { ...claim.terms, message };
}

/** What a delivery that is over is told to. */
interface Settling {
  readonly store: SessionStore;
  readonly queue: { readonly stored: StoredSession | undefined; leaves(sequence: Sequence, cause: SettleCause): void };
  readonly rejections: { settled(stored: StoredSession, sequence: Sequence): void };
}

interface Releasing {
  readonly packetId: number;
  readonly flight: Inflight;
  readonly waiter: DurableWaiter;
}

/** It is over, wherever it lies. */
export function settleFlight({ store, queue, rejections }: Settling, packetId: number, flight: Inflight, cause: SettleCause): void {
  flight.claim?.settle(cause);
  const { stored } = queue;
  if (stored === undefined || flight.sequence === undefined) return;
  queue.leaves(flight.sequence, cause);
  rejections.settled(stored, flight.sequence);
  if (flight.qos === 2) store.endSending(stored, packetId, cause);
  else store.settle(stored, flight.sequence, cause);
}

/** The peer has it (PUBREC): PUBREL may leave when that is on disk, which `waiter` is told. */
export function beginRelease(store: SessionStore, stored: StoredSession, { packetId, flight, waiter }: Releasing): void {
  flight.phase = 'releasing';
  store.releaseSending(stored, packetId);
  store.whenDurable(waiter, packetId);
}

const PACKET_ID_MAX = 65_535;

/** What is in flight to one peer, by packet id, in the order it was first sent; and which of it waits to be sent, for the first time or again. */
export class InflightTable {
  /** Each of the three is made when it is needed: most sessions of a gateway only publish, and an empty one takes 180 bytes. */
  #flights: Map<number, Inflight> | undefined;
  /** In flight although the queue's cursor has not passed them: restored exchanges, and what went before older messages. */
  #ahead: Set<Sequence> | undefined;
  /** In the order of `#flights`. */
  #waiting: Set<number> | undefined;
  /** Neither under way nor waiting to be. */
  #withheld: Set<number> | undefined;
  #lastPacketId = 0;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** Made for the first delivery a stored queue waits for. */
  #times: AcknowledgementTime | undefined;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** How long the peer takes to acknowledge; `Infinity`: nobody knows. */
  get expectedAckMs(): number {
    return this.#times?.expectedMs ?? Number.POSITIVE_INFINITY;
  }

  get size(): number {
    return this.#flights?.size ?? 0;
  }

  /** Deliveries that take room in the peer's window. */
  get underWay(): number {
    return this.size - (this.#waiting?.size ?? 0) - Math.min(this.#withheld?.size ?? 0, WITHHELD_MAX);
  }

  get hasWaiting(): boolean {
    return this.#waiting !== undefined && this.#waiting.size > 0;
  }

  /** The packet id whose turn it is. */
  get firstWaiting(): number | undefined {
    return this.#waiting?.values().next().value;
  }

  /** The packet ids that wait to be sent, in the order of their turns. */
  get waiting(): Iterable<number> {
    return this.#waiting ?? [];
  }

  get(packetId: number): Inflight | undefined {
    return this.#flights?.get(packetId);
  }

  /** Puts what the peer received but did not complete back to where it was never sent: its packet ids and sequences. */
  takeReceived(): (readonly [packetId: number, sequence: Sequence])[] {
    const received: (readonly [number, Sequence])[] = [];
    for (const [packetId, flight] of this.#flights ?? []) {
      const isReceived = flight.phase === 'releasing' || flight.phase === 'released';
      if (!isReceived || flight.sequence === undefined) continue;
      flight.phase = 'recording';
      flight.wasSent = false;
      received.push([packetId, flight.sequence]);
    }
    return received;
  }

  /** @returns the packet id the delivery got. */
  add(flight: Inflight): number {
    const packetId = this.unusedPacketId();
    this.#flights ??= new Map();
    this.#flights.set(packetId, flight);
    if (flight.phase === 'sent' && (flight.sequence ?? flight.claim) !== undefined) {
      this.#times ??= new AcknowledgementTime(this.#clock);
      this.#times.sent(packetId);
    }
    return packetId;
  }

  /** What a restart left: the peer may know of it. */
  restore(exchanges: ReadonlyMap<number, SendingExchange>): void {
    if (exchanges.size === 0) return;
    this.#flights ??= new Map();
    this.#ahead ??= new Set();
    for (const [packetId, { sequence, state }] of exchanges) {
      this.#flights.set(packetId, { sequence, qos: 2, phase: state, wasSent: true, claim: undefined });
      this.#ahead.add(sequence);
    }
  }

  isAhead(sequence: Sequence): boolean {
    return this.#ahead?.has(sequence) === true;
  }

  get hasAhead(): boolean {
    return this.#ahead !== undefined && this.#ahead.size > 0;
  }

  /** The entry goes before older ones. */
  goesAhead(sequence: Sequence): void {
    this.#ahead ??= new Set();
    this.#ahead.add(sequence);
  }

  /** What went ahead left its queue. */
  left(sequence: Sequence): void {
    this.#ahead?.delete(sequence);
  }

  delete(packetId: number, { sequence }: Inflight): void {
    this.#flights?.delete(packetId);
    this.#waiting?.delete(packetId);
    this.#withheld?.delete(packetId);
    this.#times?.settled(packetId);
    if (sequence !== undefined) this.#ahead?.delete(sequence);
  }

  /** The link ended: takes out what shared subscriptions get back, in the order it was sent. */
  takeClaims(): readonly Claim[] {
    const claims: Claim[] = [];
    this.#withheld = undefined;
    this.#times?.forget();
    for (const [packetId, flight] of this.#flights ?? []) {
      if (flight.claim === undefined) continue;
      this.delete(packetId, flight);
      if (flight.qos === 1 || flight.phase === 'recording') claims.push(flight.claim); // MQTT-4.8.2-5: QoS 2 that was sent ends with its session
    }
    return claims;
  }

  clear(): void {
    this.#flights = undefined;
    this.#ahead = undefined;
    this.#waiting = undefined;
    this.#withheld = undefined;
  }

  /**
   * Ids go on from elsewhere: the peer may still answer to those it knows, by datagrams that are late or because it remembers our last boot.
   *
   * @param random - uniform in [0, 1).
   */
  leap(random: number): void {
    this.#lastPacketId = Math.floor(random * PACKET_ID_MAX);
  }

  /** The next id that is not in flight. */
  unusedPacketId(): number {
    do this.#lastPacketId = (this.#lastPacketId % PACKET_ID_MAX) + 1;
    while (this.#flights?.has(this.#lastPacketId) === true);
    return this.#lastPacketId;
  }

  /** A new link: everything is to be sent again, oldest first (MQTT-4.4.0-1). */
  sendAllLater(): void {
    this.#times?.forget();
    this.#waiting = this.size === 0 ? undefined : new Set(this.#flights?.keys());
    for (const packetId of this.#withheld ?? []) this.#waiting?.delete(packetId);
  }

  /** As of `DeliveryFlow`. */
  withhold(packetId: number, why: 'refused' | 'unanswered'): boolean {
    const flight = this.get(packetId);
    if (flight?.phase !== 'sent') return false;
    if (why === 'refused') flight.wasSent = false;
    this.#times?.forget();
    this.#waiting?.delete(packetId);
    this.#withheld ??= new Set();
    this.#withheld.add(packetId);
    return true;
  }

  /** As `sendLater`, for what is withheld. */
  offer(packetId: number): boolean {
    return this.#withheld?.delete(packetId) === true && this.sendLater(packetId);
  }

  /** The delivery waits its turn: before everything that was first sent after it. False when it does already, or is not in flight. */
  sendLater(packetId: number): boolean {
    const flights = this.#flights;
    if (flights === undefined || !flights.has(packetId) || this.#waiting?.has(packetId) === true) return false;
    this.#times?.forget();
    const waiting = this.#waiting ?? new Set();
    waiting.add(packetId);
    this.#waiting = waiting.size > 1 ? new Set([...flights.keys()].filter((id) => waiting.has(id))) : waiting;
    return true;
  }

  /** The peer could not use it: another member may have it where the queue is shared, or it waits its turn again. */
  turnBack(packetId: number, flight: Inflight): void {
    if (flight.claim?.isShared !== true) {
      this.sendLater(packetId);
      return;
    }
    this.delete(packetId, flight);
    flight.claim.giveBack();
  }

  /** It is being sent. */
  waitsNoLonger(packetId: number): void {
    this.#withheld?.delete(packetId);
    this.#waiting?.delete(packetId);
  }
}
