// What of a queue that a restart left may have reached the peer before: DUP says so (MQTT-3.3.1-1). Of a client that was not connected it is known, for the end
// of its link wrote it down; of one that was, the oldest window of each class may have.
import { ORDINARY, PRIORITIES, type Priority } from '../model/priority.ts';
import type { LiveQueue, Sequence, SessionStore, StoredSession } from '../session/session-store.ts';

/** How far the entries of each class may have been sent; by priority, 0 where none was. */
export interface Sent {
  readonly upTo: readonly Sequence[];
  /** Every live entry up to there was. Otherwise as many of the oldest as the window holds may have been. */
  readonly isExact: boolean;
}

/** Among the session's state, as long as its last link left something unacknowledged; no gateway sees it. */
const SENT_KEY = '\0sent';

/** @param lastSequence - of the boot before. @returns undefined: nothing that is queued was sent before. */
export function restoredSent({ facts, state }: StoredSession, lastSequence: Sequence): Sent | undefined {
  if (facts.detachedAtMs === undefined) return { upTo: PRIORITIES.map(() => lastSequence), isExact: false };
  const saved = state.get(SENT_KEY);
  return saved && (JSON.parse(Buffer.from(saved).toString()) as Sent);
}

/** To be written with the end of the link, which is written anyway. */
export function saveSent(store: Pick<SessionStore, 'putState'>, stored: StoredSession, sent: Sent | undefined): void {
  const text = sent && JSON.stringify(sent);
  const saved = stored.state.get(SENT_KEY);
  if (text === (saved && Buffer.from(saved).toString())) return;
  store.putState(stored, SENT_KEY, text === undefined ? undefined : Buffer.from(text));
}

export class Doubt {
  readonly #sent: Sent;
  /** By priority. */
  #left: number[];

  /** @param window - the peer may have had so many unacknowledged. */
  constructor(sent: Sent, window: number) {
    this.#sent = sent;
    this.#left = PRIORITIES.map(() => (sent.isExact ? Number.POSITIVE_INFINITY : window));
  }

  get isExact(): boolean {
    return this.#sent.isExact;
  }

  /** The peer's window is smaller than the one before. */
  limit(window: number): void {
    if (!this.isExact) this.#left = this.#left.map((left) => Math.min(left, window));
  }

  /** Whether this entry of `queue`, the next to be sent, may have been sent before. */
  takes(sequence: Sequence, queue: LiveQueue): boolean {
    const priority = queue.laneOf(sequence) ?? ORDINARY;
    const left = this.#left[priority] ?? 0;
    if (left === 0 || sequence > this.upTo(priority)) return false;
    this.#left[priority] = left - 1;
    return true;
  }

  /** What is still in doubt; 0: nothing. */
  upTo(priority: Priority): Sequence {
    return this.#left[priority] === 0 ? 0 : (this.#sent.upTo[priority] ?? 0);
  }
}
