// A log that is too large to be checked at the start is read through afterwards, a slice at a time: every group proves itself, and with it the chain of
// pages it lies in. A chain that is wrong must not wait until its group is dropped: SQLite would free pages that belong to others.
import type { CancelTimer, Clock } from '../../model/clock.ts';
import type { Counter, Metrics } from '../../model/metrics.ts';
import type { GroupReader } from './group-reader.ts';

/** A slice is a few milliseconds of a Pi-class processor; a gigabyte takes a quarter of an hour. */
const SLICE_BYTES = 256 * 1024;
const SLICE_INTERVAL_MS = 200;
const GROUPS_PER_SLICE_MAX = 256;

export interface ScrubParts {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly reader: GroupReader;
  /** Numbers of the groups above `after` that something refers to now, in order. */
  groups(after: number): Iterable<number>;
}

export class Scrub {
  readonly #parts: ScrubParts;
  readonly #checked: Counter;
  #after = 0;
  #cancel: CancelTimer | undefined;

  constructor(parts: ScrubParts) {
    this.#parts = parts;
    this.#checked = parts.metrics.counter('store.groups.checked');
  }

  start(): void {
    this.#cancel = this.#parts.clock.after(SLICE_INTERVAL_MS, () => this.#slice());
  }

  stop(): void {
    this.#cancel?.();
  }

  #slice(): void {
    let bytes = 0;
    let groups = 0;
    for (const number of this.#parts.groups(this.#after)) {
      bytes += this.#parts.reader.check(number);
      this.#checked.value += 1;
      this.#after = number;
      groups += 1;
      if (bytes < SLICE_BYTES && groups < GROUPS_PER_SLICE_MAX) continue;
      this.start();
      return;
    }
  }
}
