// What a client sends, on its way to being handled: when it is decoded, and what has to wait. A client that sends much is handled in pieces, with a
// turn for the others in between; what it is held for otherwise is told by who holds it.
import type { Counter } from '../model/metrics.ts';
import type { Turns } from '../model/turns.ts';
import { PACKET_WORK, workOfRead } from '../model/work.ts';
import type { Link } from './transport.ts';

/** Bytes of one link in, packets out to a visitor, until it is paused. */
export interface StreamDecoder<Visitor> {
  /** A first packet showed that the peer speaks the protocol. */
  readonly isGreeted: boolean;
  /** Bytes of what is not complete yet, or came while paused. */
  readonly bufferedBytes: number;
  /** @param bytes - borrowed. */
  push(bytes: Buffer, visitor: Visitor): void;
  /** Also from within a visit: what follows is kept. */
  pause(): void;
  resume(visitor: Visitor): void;
  close(): void;
}

/** What was done for all clients is counted against the turn of the one it was done for. */
export interface IntakeParts<Visitor> {
  readonly decoder: StreamDecoder<Visitor>;
  readonly turns: Turns;
  /** Times a client had to wait for its next turn. */
  readonly yields: Counter;
}

/**
 * `judging`: the core decides who the client is. `throttled`: it used up its rate. `turn`: the others come first. `withheld`: its message waits for room.
 * Bits of a set.
 */
export const HOLD = { judging: 1, throttled: 2, turn: 4, withheld: 8 } as const;

/** A read that fills the buffer of a socket is followed by another in the same turn. */
const FULL_READ_BYTES = 65_536;
/** So much of a packet is on its way only over a slow link: its client is not silent although the packet takes long. */
const LARGE_PACKET_BYTES = 64 * 1024;

export interface FaultTaker {
  /**
   * A packet was refused, or its handling failed; nothing more is decoded.
   *
   * @param bytes - what was read last, if that was the cause and begins with a packet: it is logged, and the middle of a greeting may be a password.
   */
  onFault(error: unknown, bytes: Buffer | undefined): void;
}

export class Intake<Visitor> {
  readonly #link: Link;
  readonly #owner: Visitor & FaultTaker;
  readonly #turns: Turns;
  readonly #yields: Counter;
  readonly #decoder: StreamDecoder<Visitor>;
  #holds = 0;
  /** Work done when this client's turn began. */
  #startedAt = 0;
  #isTurnOpen = false;
  /** Has to ask whether there is room for it: nobody knows it yet, or it did not get to its end in its last turn. */
  #mustAsk = true;

  constructor(link: Link, owner: Visitor & FaultTaker, { decoder, turns, yields }: IntakeParts<Visitor>) {
    this.#link = link;
    this.#owner = owner;
    this.#turns = turns;
    this.#yields = yields;
    this.#decoder = decoder;
  }

  /** Not read just now: its silence says nothing. */
  get isHeld(): boolean {
    return this.#holds !== 0;
  }

  /** Whether a packet is coming in so large that it may take longer than a keep-alive. */
  get isMidLargePacket(): boolean {
    return this.#decoder.bufferedBytes > LARGE_PACKET_BYTES;
  }

  /** @param bytes - borrowed. */
  push(bytes: Buffer): void {
    const { work } = this.#turns;
    this.#askForTurn();
    if (!this.#isTurnOpen) this.#startedAt = work.done;
    this.#isTurnOpen = bytes.length >= FULL_READ_BYTES;
    work.done += workOfRead(bytes.length);
    const isWithinPacket = this.#decoder.bufferedBytes > 0;
    try {
      this.#decoder.push(bytes, this.#owner);
    } catch (error) {
      this.#owner.onFault(error, isWithinPacket ? undefined : bytes);
    }
    this.#endTurn();
  }

  /** Counts a packet; to be called from within its visit. */
  count(): void {
    const { work, workMax } = this.#turns;
    work.done += PACKET_WORK;
    if (work.done - this.#startedAt < workMax) return;
    this.#mustAsk = true;
    this.#waitForTurn();
  }

  /** Nothing is read and decoded until every hold is released. */
  hold(reason: number): void {
    this.#holds |= reason;
    this.#decoder.pause();
    this.#link.pauseReading();
  }

  /** Goes on when nothing else holds: from here, not from within a visit. */
  release(reason: number): void {
    if ((this.#holds & reason) === 0) return;
    this.#holds &= ~reason;
    if (this.#holds !== 0) return;
    try {
      this.#decoder.resume(this.#owner);
    } catch (error) {
      this.#owner.onFault(error, undefined);
    }
    if (this.#holds !== 0) return;
    this.#link.resumeReading();
    if (reason === HOLD.judging) this.#endTurn(); // it is known now
  }

  close(): void {
    this.#decoder.close();
  }

  /** Where there is no room, what was read is kept until there is. */
  #askForTurn(): void {
    if (this.#holds !== 0) return;
    if (!this.#mustAsk) this.#turns.heard();
    else if (!this.#isTurnOpen && !this.#turns.hasRoom()) this.#waitForTurn();
  }

  #waitForTurn(): void {
    this.#yields.value += 1;
    this.hold(HOLD.turn);
    this.#turns.later(() => {
      this.#startedAt = this.#turns.work.done;
      this.#isTurnOpen = false;
      this.release(HOLD.turn);
    });
  }

  /** Who got to its end in one read need not ask next time. */
  #endTurn(): void {
    if (this.#holds === 0 && !this.#isTurnOpen && this.#decoder.isGreeted) this.#mustAsk = false;
  }
}
