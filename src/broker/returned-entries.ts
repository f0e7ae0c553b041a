import type { Priority } from '../model/priority.ts';
import type { LiveEntries, Sequence } from '../session/session-store.ts';

interface Returned {
  readonly priority: Priority;
  readonly sequence: Sequence;
}

/**
 * What members of a group gave back: greater classes first, each in order. A member's link may end with a thousand entries: each finds its place without a
 * look at the others. What has left the queue meanwhile is let go of when it is met.
 */
export class ReturnedEntries {
  readonly #entries: Returned[] = [];

  add(priority: Priority, sequence: Sequence): void {
    this.#entries.splice(this.#placeOf(priority, sequence), 0, { priority, sequence });
  }

  /** The one whose turn it is. */
  first(queue: Pick<LiveEntries, 'has'>): Returned | undefined {
    this.#dropGone(queue, 0, undefined);
    return this.#entries[0];
  }

  /** @returns false: `sequence` is not the first. */
  takeFirst(sequence: Sequence): boolean {
    if (this.#entries[0]?.sequence !== sequence) return false;
    this.#entries.shift();
    return true;
  }

  oldest(queue: Pick<LiveEntries, 'has'>, priority: Priority): Sequence | undefined {
    const place = this.#placeOf(priority, 0);
    this.#dropGone(queue, place, priority);
    return this.#at(place, priority);
  }

  newest(queue: Pick<LiveEntries, 'has'>, priority: Priority): Sequence | undefined {
    let place = this.#placeOf(priority, Number.POSITIVE_INFINITY) - 1;
    for (let found = this.#at(place, priority); found !== undefined && !queue.has(found); found = this.#at(place, priority)) {
      this.#entries.splice(place, 1);
      place -= 1;
    }
    return this.#at(place, priority);
  }

  /** @param priority - of those that are looked at; undefined: of any. */
  #dropGone(queue: Pick<LiveEntries, 'has'>, place: number, priority: Priority | undefined): void {
    for (let found = this.#at(place, priority); found !== undefined && !queue.has(found); found = this.#at(place, priority)) this.#entries.splice(place, 1);
  }

  #at(place: number, priority: Priority | undefined): Sequence | undefined {
    const entry = this.#entries[place];
    return priority === undefined || entry?.priority === priority ? entry?.sequence : undefined;
  }

  /** Where it is, or would be. */
  #placeOf(priority: Priority, sequence: Sequence): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entries[middle] as Returned;
      const isBefore = entry.priority === priority ? entry.sequence < sequence : entry.priority > priority;
      if (isBefore) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
