// Which classes may flow to a peer whose link is slow, metered or open at times, and how much of the in-flight window ordinary ones may take.
import type { Clock } from '../model/clock.ts';
import { ORDINARY, PRIORITY_MAX, type Priority } from '../model/priority.ts';
import type { Inflight, InflightTable } from './inflight.ts';
import type { StoredQueue } from './stored-queue.ts';

/** Places of a window that are filled at once: a peer that acknowledges message by message is then sent several with each write. */
const LOT_SHARE_BITS = 3;
const LOT_MAX = 32;
/** Fewer are filled all the same after this long, ms: the rest of the window may not be acknowledged soon, or ever. */
const LOT_MS_MAX = 10;

export class OutboundGate {
  #least = 0;
  #ordinaryMax = Number.POSITIVE_INFINITY;
  #isLotDue = false;

  /** Every class may flow. */
  get isOpen(): boolean {
    return this.#least === 0;
  }

  /** @param least - as of `DeliveryFlow.allow`. @returns whether more may flow than before. */
  allow(least: number): boolean {
    const isWider = least < this.#least;
    this.#least = least;
    return isWider;
  }

  /** @param ordinaryMax - as of `DeliveryFlow.limitInflight`. */
  keepRoom(inflightMax: number, ordinaryMax: number): void {
    this.#ordinaryMax = ordinaryMax < inflightMax ? ordinaryMax : Number.POSITIVE_INFINITY;
  }

  /** A new link. */
  restart(): void {
    this.#least = 0;
    this.#ordinaryMax = Number.POSITIVE_INFINITY;
  }

  admits(priority: Priority): boolean {
    return priority >= this.#least;
  }

  /** Deliveries under way at which one of that class waits. */
  windowOf(priority: Priority, inflightMax: number): number {
    return priority > ORDINARY ? inflightMax : Math.min(inflightMax, this.#ordinaryMax);
  }

  /** Whether enough places are free to fill them; those of a small window are filled one by one. */
  isWorthwhile(underWay: number, inflightMax: number): boolean {
    return underWay <= inflightMax - Math.min(LOT_MAX, inflightMax >> LOT_SHARE_BITS);
  }

  /** Fills the places that are free, if nothing does before. */
  later(clock: Pick<Clock, 'after'>, outbound: { pump(): void }): void {
    if (this.#isLotDue) return;
    this.#isLotDue = true;
    clock.after(LOT_MS_MAX, () => {
      this.#isLotDue = false;
      outbound.pump();
    });
  }

  /** Whether a class is treated otherwise than another. */
  get isSelective(): boolean {
    return this.#least > 0 || this.#ordinaryMax < Number.POSITIVE_INFINITY;
  }

  /** The packet id whose turn it is, of those that wait to be sent. */
  firstOf(inflight: InflightTable, queue: StoredQueue): number | undefined {
    if (!this.isSelective) return inflight.firstWaiting;
    let first: number | undefined;
    let greatest = -1;
    for (const packetId of inflight.waiting) {
      const flight = inflight.get(packetId);
      if (flight?.phase === 'released') return packetId; // however narrow: it costs next to nothing
      const priority = classOf(flight, queue);
      if (priority <= greatest || !this.admits(priority)) continue;
      greatest = priority;
      first = packetId;
    }
    return first;
  }

  /** Whether an entry of that class may leave before what waits to be sent again, all of which is of lower ones. */
  passesWaiting(priority: Priority, inflight: InflightTable, queue: StoredQueue): boolean {
    if (!this.isSelective) return false;
    for (const packetId of inflight.waiting) if (classOf(inflight.get(packetId), queue) >= priority) return false;
    return true;
  }
}

/** Of what is in flight. PUBREL goes before everything: the peer has the message. */
export function classOf(flight: Pick<Inflight, 'sequence' | 'phase'> | undefined, queue: StoredQueue): Priority {
  if (flight?.phase === 'released') return PRIORITY_MAX;
  return flight?.sequence === undefined ? ORDINARY : queue.priorityOf(flight.sequence);
}
