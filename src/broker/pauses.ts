import type { PauseReason } from '../gateway/gateway.ts';
import type { Sequence } from '../session/session-store.ts';

const BIT: Record<PauseReason, number> = { link: 1, asleep: 2, upstream: 4, subscribing: 8, window: 16 };

/** The reasons why nothing may flow to a peer now, and how far the queue of a sleeper that woke up is open nevertheless. */
export class Pauses {
  #bits = 0;
  /** While an asleep session is awake: the last sequence this wake brings. */
  wakeUpTo: Sequence | undefined;

  get isNone(): boolean {
    return this.#bits === 0;
  }

  /** An awake sleeper is not blocked. */
  get isBlocking(): boolean {
    if (this.#bits === 0) return false;
    return this.#bits !== BIT.asleep || this.wakeUpTo === undefined;
  }

  /** A new link: it was not answered yet, whatever held the one before. */
  restart(): void {
    this.#bits = BIT.link;
    this.wakeUpTo = undefined;
  }

  /** Falling asleep ends a wake that is under way. */
  add(reason: PauseReason): void {
    if (reason === 'asleep') this.wakeUpTo = undefined;
    this.#bits |= BIT[reason];
  }

  remove(reason: PauseReason): void {
    if (reason === 'asleep') this.wakeUpTo = undefined;
    this.#bits &= ~BIT[reason];
  }

  /** Whether this wake leaves the entry for the next one. */
  isForLater(sequence: Sequence): boolean {
    return this.wakeUpTo !== undefined && sequence > this.wakeUpTo;
  }
}
