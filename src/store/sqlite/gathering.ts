// Peers that were told of one commit together send their next messages within a moment of each other. A group that is closed as soon as the first
// of them arrives makes the rest wait for the next commit; a group that waits a little takes them all along.
import type { DurableWaiter } from '../../session/session-store.ts';

/** How long after a commit its peers are waited for, as a share of what it took and in milliseconds at most. */
const WAIT_SHARE = 1;
const WAIT_MS_MAX = 2;
/** Share of them that may be missing all the same. */
const MISSING_SHARE = 0.25;
/** Peers that did not come back are not waited for again for so many groups, doubled each time, up to 2^this. */
const MISSES_MAX = 6;

/** Decides whether the open group waits for the peers of the last one. A peer never waits for itself. */
export class Gathering {
  readonly #missing = new Set<DurableWaiter>();
  #told = 0;
  #untilMs = 0;
  #misses = 0;
  #groupsToSkip = 0;

  /** A commit is done: `waiters` have their answers and may come back. */
  landed(waiters: readonly DurableWaiter[], nowMs: number, commitMs: number): void {
    this.#missing.clear();
    for (const waiter of waiters) this.#missing.add(waiter);
    this.#told = this.#missing.size;
    this.#untilMs = nowMs + Math.min(WAIT_MS_MAX, commitMs * WAIT_SHARE);
  }

  /** `waiter` asks to be told of the open group. */
  asked(waiter: DurableWaiter): void {
    if (this.#missing.size > 0) this.#missing.delete(waiter);
  }

  isWorthWaiting(nowMs: number): boolean {
    if (this.#missing.size <= this.#told * MISSING_SHARE) {
      this.#misses = 0;
      return false;
    }
    if (this.#groupsToSkip > 0) return false;
    if (nowMs < this.#untilMs) return true;
    this.#misses = Math.min(this.#misses + 1, MISSES_MAX);
    this.#groupsToSkip = 2 ** this.#misses;
    return false;
  }

  /** The open group was closed. */
  launched(): void {
    if (this.#groupsToSkip > 0) this.#groupsToSkip -= 1;
  }
}
