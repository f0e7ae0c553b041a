import { ORDINARY, PRIORITIES, type Priority } from '../model/priority.ts';
import type { LiveQueue, Sequence } from '../session/session-store.ts';

/** How far a stored queue was read: per lane the greatest sequence handed out. Greater classes are read first, each in order. */
export class QueueCursor {
  #ordinary: Sequence = 0;
  /** Of every lane, by priority; undefined while only the ordinary one was read. */
  #lanes: Sequence[] | undefined;
  #inOrderUpTo: Sequence = 0;

  /**
   * Reads everything up to `sequence` in its order, whatever its class, and all that came later behind it. What was queued under other rules of priority
   * may be of topics that have another class by now: overtaken, a topic would be split (MQTT-4.6.0-5).
   */
  readInOrder(sequence: Sequence): void {
    this.#inOrderUpTo = sequence;
  }

  at(priority: Priority): Sequence {
    return priority === ORDINARY ? this.#ordinary : (this.#lanes?.[priority] ?? 0);
  }

  pass(priority: Priority, sequence: Sequence): void {
    if (priority === ORDINARY) {
      this.#ordinary = sequence;
      return;
    }
    this.#lanes ??= PRIORITIES.map(() => 0);
    this.#lanes[priority] = sequence;
  }

  /**
   * The entry to be read next, of those up to `upTo`.
   *
   * @param of - which one of a class it is, where it is not the oldest.
   */
  next(queue: LiveQueue, upTo: Sequence = Number.POSITIVE_INFINITY, of?: (priority: Priority) => Sequence | undefined): Sequence | undefined {
    if (queue.isOneLane) return notBeyond(of === undefined ? queue.next(this.#ordinary) : of(ORDINARY), upTo);
    if (this.#inOrderUpTo > 0) {
      const oldest = this.#oldest(queue);
      if (oldest !== undefined && oldest <= this.#inOrderUpTo) return notBeyond(oldest, upTo);
      this.#inOrderUpTo = 0;
    }
    for (const priority of PRIORITIES) {
      const found = notBeyond(of === undefined ? this.nextIn(queue, priority) : of(priority), upTo);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  nextIn(queue: LiveQueue, priority: Priority): Sequence | undefined {
    return queue.lane(priority)?.next(this.at(priority));
  }

  #oldest(queue: LiveQueue): Sequence | undefined {
    let oldest: Sequence | undefined;
    for (const priority of PRIORITIES) {
      const found = this.nextIn(queue, priority);
      if (found !== undefined && found < (oldest ?? Number.POSITIVE_INFINITY)) oldest = found;
    }
    return oldest;
  }
}

function notBeyond(sequence: Sequence | undefined, upTo: Sequence): Sequence | undefined {
  return sequence !== undefined && sequence <= upTo ? sequence : undefined;
}
