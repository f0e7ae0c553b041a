import { PRIORITIES, type Priority } from '../../model/priority.ts';
import type { SessionImage } from '../../session/session-image.ts';
import type { Sequence, SettleCause } from '../../session/session-store.ts';
import { Gathered } from './gathered.ts';
import type { OpenGroup, SettledRun } from './open-group.ts';

/** A run that may grow. */
interface Run {
  readonly session: number;
  readonly cause: SettleCause;
  readonly priority: Priority;
  first: Sequence;
  last: Sequence;
}

/**
 * Settled entries that wait for the next group. Entries of one lane settled in a row, in either direction, become one run: what lies between two of
 * them is settled too, or was never in that lane.
 */
export class SettledRuns {
  /** What waits with them. */
  readonly gathered = new Gathered();
  /** The run that still grows, by session and lane. */
  readonly #growing = new Map<number, Run>();
  #finished: SettledRun[] = [];

  get isEmpty(): boolean {
    return this.#growing.size === 0 && this.#finished.length === 0 && this.gathered.isEmpty;
  }

  /** `sequence` has just left the lane of `priority` in the queue of `session`. */
  add(session: SessionImage, sequence: Sequence, priority: Priority, cause: SettleCause): void {
    const key = keyOf(session.id, priority);
    const run = this.#growing.get(key);
    if (run !== undefined && run.cause === cause && joins(session, run, sequence)) {
      if (sequence > run.last) run.last = sequence;
      else if (sequence < run.first) run.first = sequence;
      return;
    }
    if (run !== undefined) this.#finished.push(run);
    this.#growing.set(key, { session: session.id, cause, priority, first: sequence, last: sequence });
  }

  /** The session and its queue are gone. */
  forget(session: number): void {
    for (const priority of PRIORITIES) this.#growing.delete(keyOf(session, priority));
  }

  moveTo(group: OpenGroup): void {
    this.gathered.write();
    for (const run of this.#finished) group.done(run);
    for (const run of this.#growing.values()) group.done(run);
    this.#finished = [];
    this.#growing.clear();
  }
}

function keyOf(session: number, priority: Priority): number {
  return session * PRIORITIES.length + priority;
}

function joins({ queue }: SessionImage, run: Run, sequence: Sequence): boolean {
  const from = Math.min(run.last, sequence);
  const to = Math.max(run.first, sequence);
  const between = queue.lane(run.priority)?.next(from);
  return between === undefined || between > to;
}
