import { ORDINARY, PRIORITIES } from '../model/priority.ts';
import type { LiveQueue, Sequence } from '../session/session-store.ts';

/** After an unclean start the oldest window of entries of each class may have reached the peer before: DUP says so (MQTT-3.3.1-1). */
export class Doubt {
  readonly #upTo: Sequence;
  /** By priority. */
  #left: number[];

  /** @param upTo - the last sequence of the boot before. */
  constructor(upTo: Sequence, window: number) {
    this.#upTo = upTo;
    this.#left = PRIORITIES.map(() => window);
  }

  /** The peer's window is smaller than the one before. */
  limit(window: number): void {
    this.#left = this.#left.map((left) => Math.min(left, window));
  }

  /** Whether this entry of `queue`, the next to be sent, may have been sent before. */
  takes(sequence: Sequence, queue: LiveQueue): boolean {
    if (sequence > this.#upTo) return false;
    const priority = queue.laneOf(sequence) ?? ORDINARY;
    const left = this.#left[priority] ?? 0;
    if (left === 0) return false;
    this.#left[priority] = left - 1;
    return true;
  }
}
