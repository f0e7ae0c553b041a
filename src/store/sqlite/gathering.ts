// Peers that were told of one commit together send their next messages within a moment of each other. A group that is closed as soon as the first
// of them arrives makes the rest wait for the next commit; a group that waits a little takes them all along.

/** Most time a group waits, as a share of what a commit takes and in milliseconds. */
const WAIT_SHARE = 0.5;
const WAIT_MS_MAX = 2;
/** Share of the peers expected back that is worth closing for. */
const ENOUGH = 0.75;
/** Peers that did not come back are not waited for again for so many groups, doubled each time, up to 2^this. */
const MISSES_MAX = 6;

/** Decides whether the open group waits for more company. A lone peer never waits. */
export class Gathering {
  #expected = 0;
  #untilMs: number | undefined;
  #misses = 0;
  #groupsToSkip = 0;

  /** A commit is done: `told` waiters have their answers and may come back, `waiting` ones are in the open group already. */
  landed(told: number, waiting: number): void {
    this.#expected = told + waiting;
  }

  /**
   * @param asked - waiters of the open group.
   * @param commitMs - what a commit takes these days.
   */
  isWorthWaiting(asked: number, nowMs: number, commitMs: number): boolean {
    if (asked >= this.#expected * ENOUGH) {
      this.#misses = 0;
      return false;
    }
    if (this.#groupsToSkip > 0) return false;
    this.#untilMs ??= nowMs + Math.min(WAIT_MS_MAX, commitMs * WAIT_SHARE);
    if (nowMs < this.#untilMs) return true;
    this.#misses = Math.min(this.#misses + 1, MISSES_MAX);
    this.#groupsToSkip = 2 ** this.#misses;
    return false;
  }

  /** The open group was closed. */
  launched(): void {
    this.#untilMs = undefined;
    if (this.#groupsToSkip > 0) this.#groupsToSkip -= 1;
  }
}
