// How often the peers of one queue gave a message back as unusable. Kept with the queue, so that a message nobody can use is set aside after as many attempts
// however often the gateway starts in between.
import type { Sequence, SessionStore, StoredSession } from '../session/session-store.ts';
import type { Inflight } from './inflight.ts';

/** Among the session's state; no gateway sees it. */
const PREFIX = '\0rejected\0';

export class Rejections {
  readonly #store: Pick<SessionStore, 'putState'>;
  /** Made for the first: most queues never see one. */
  #counts: Map<Sequence, number> | undefined;

  constructor(store: Pick<SessionStore, 'putState'>) {
    this.#store = store;
  }

  /** What a restart left; of what has left the queue nothing is kept. */
  restore(stored: StoredSession): void {
    const kept = [...stored.state.keys()].filter((key) => key.startsWith(PREFIX)); // putState below changes what is gone through
    for (const key of kept) {
      const sequence = Number(key.slice(PREFIX.length));
      if (stored.queue.has(sequence)) this.#remember(sequence, Number(Buffer.from(stored.state.get(key) ?? '').toString()));
      else this.#store.putState(stored, key, undefined);
    }
  }

  /** As `add`, of what is in flight, wherever it lies. */
  admits({ claim, sequence }: Pick<Inflight, 'claim' | 'sequence'>, stored: StoredSession | undefined, rejectionsMax: number): boolean {
    if (claim !== undefined) return claim.reject(rejectionsMax);
    return stored !== undefined && sequence !== undefined && this.add(stored, sequence, rejectionsMax);
  }

  /** One more. @returns false: there were `rejectionsMax` already. */
  add(stored: StoredSession, sequence: Sequence, rejectionsMax: number): boolean {
    const count = (this.#counts?.get(sequence) ?? 0) + 1;
    if (count > rejectionsMax) return false;
    this.#remember(sequence, count);
    this.#store.putState(stored, PREFIX + String(sequence), Buffer.from(String(count)));
    return true;
  }

  /** The message has left the queue. */
  settled(stored: StoredSession, sequence: Sequence): void {
    if (this.#counts?.delete(sequence) === true) this.#store.putState(stored, PREFIX + String(sequence), undefined);
  }

  #remember(sequence: Sequence, count: number): void {
    this.#counts ??= new Map();
    this.#counts.set(sequence, count);
  }
}
