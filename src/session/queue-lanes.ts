// A stored queue: one set of live entries per priority class that was ever used in it. Most queues have the ordinary one only, and cost what that costs.
import { ORDINARY, PRIORITIES, type Priority } from '../model/priority.ts';
import { LiveSet } from './live-set.ts';
import type { LiveEntries, LiveQueue, Sequence } from './session-store.ts';

/** Writes or, without `live`, deletes a row: its lane, its key within the lane, its bytes. */
export type LaneRow = (priority: Priority, key: Sequence, live: Uint8Array | undefined) => void;

interface Lane {
  readonly priority: Priority;
  readonly entries: LiveSet;
}

export class QueueLanes implements LiveQueue {
  readonly #ordinary = new LiveSet();
  /** Every lane there is, greatest class first; undefined while there is the ordinary one only. */
  #lanes: readonly Lane[] | undefined;

  get count(): number {
    if (this.#lanes === undefined) return this.#ordinary.count;
    return this.#lanes.reduce((sum, { entries }) => sum + entries.count, 0);
  }

  get bytes(): number {
    if (this.#lanes === undefined) return this.#ordinary.bytes;
    return this.#lanes.reduce((sum, { entries }) => sum + entries.bytes, 0);
  }

  get last(): Sequence | undefined {
    if (this.#lanes === undefined) return this.#ordinary.last;
    return pick(this.#lanes, ({ entries }) => entries.last, Math.max);
  }

  has(sequence: Sequence): boolean {
    return this.laneOf(sequence) !== undefined;
  }

  next(sequence: Sequence): Sequence | undefined {
    if (this.#lanes === undefined) return this.#ordinary.next(sequence);
    return pick(this.#lanes, ({ entries }) => entries.next(sequence), Math.min);
  }

  previous(sequence: Sequence): Sequence | undefined {
    if (this.#lanes === undefined) return this.#ordinary.previous(sequence);
    return pick(this.#lanes, ({ entries }) => entries.previous(sequence), Math.max);
  }

  get isOneLane(): boolean {
    return this.#lanes === undefined;
  }

  lane(priority: Priority): LiveEntries | undefined {
    return this.#setOf(priority);
  }

  laneOf(sequence: Sequence): Priority | undefined {
    if (this.#ordinary.has(sequence)) return ORDINARY;
    return this.#lanes?.find(({ entries }) => entries.has(sequence))?.priority;
  }

  visit(see: (sequence: Sequence, size: number) => void): void {
    if (this.#lanes === undefined) this.#ordinary.visit(see);
    else for (const { entries } of this.#lanes) entries.visit(see);
  }

  /** False when the entry is there already. */
  add(priority: Priority, sequence: Sequence, size: number): boolean {
    return this.#make(priority).add(sequence, size);
  }

  /** The class of the entry that left; undefined when there was none. */
  remove(sequence: Sequence): Priority | undefined {
    if (this.#ordinary.remove(sequence)) return ORDINARY;
    for (const { priority, entries } of this.#lanes ?? []) if (entries.remove(sequence)) return priority;
    return undefined;
  }

  get isDirty(): boolean {
    return this.#lanes === undefined ? this.#ordinary.isDirty : this.#lanes.some(({ entries }) => entries.isDirty);
  }

  /** As `LiveSet.takeDirty`, over all lanes. */
  takeDirty(rowsMax: number, row: LaneRow, isLeftOut?: (sequence: Sequence) => boolean): void {
    if (this.#lanes === undefined) {
      this.#ordinary.takeDirty(rowsMax, (key, live) => row(ORDINARY, key, live), isLeftOut);
      return;
    }
    let left = rowsMax;
    for (const { priority, entries } of this.#lanes) left -= entries.takeDirty(left, (key, live) => row(priority, key, live), isLeftOut);
  }

  /** As `LiveSet.storeRows`, over all lanes. */
  storeRows(row: (priority: Priority, key: Sequence, live: Uint8Array) => void, isLeftOut?: (sequence: Sequence) => boolean): void {
    for (const { priority, entries } of this.#lanes ?? [{ priority: ORDINARY, entries: this.#ordinary }]) {
      entries.storeRows((key, live) => row(priority, key, live), isLeftOut);
    }
  }

  /** One stored row; those of one lane in order of keys. */
  restore(priority: Priority, key: Sequence, live: Uint8Array): void {
    this.#make(priority).restore(key, live);
  }

  #setOf(priority: Priority): LiveSet | undefined {
    if (priority === ORDINARY) return this.#ordinary;
    return this.#lanes?.find((lane) => lane.priority === priority)?.entries;
  }

  #make(priority: Priority): LiveSet {
    const found = this.#setOf(priority);
    if (found !== undefined) return found;
    const entries = new LiveSet();
    const lanes = [...(this.#lanes ?? [{ priority: ORDINARY, entries: this.#ordinary }]), { priority, entries }];
    this.#lanes = PRIORITIES.flatMap((each) => lanes.find((lane) => lane.priority === each) ?? []);
    return entries;
  }
}

function pick(lanes: readonly Lane[], of: (lane: Lane) => Sequence | undefined, better: (a: number, b: number) => number): Sequence | undefined {
  let best: Sequence | undefined;
  for (const lane of lanes) {
    const found = of(lane);
    if (found !== undefined) best = best === undefined ? found : better(best, found);
  }
  return best;
}
