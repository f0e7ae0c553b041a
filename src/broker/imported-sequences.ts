// Which exported messages a queue has taken already, by era and sequence number. Kept among the state of that queue, in rows of runs, and written in the group
// of the messages: it is gone with the queue, and never says more or less than what was taken.
import type { Era } from '../model/carried-message.ts';
import { IMPORTED_BYTES_MAX, IMPORTED_ERAS_MAX, IMPORTED_RUNS_PER_ROW } from '../model/limits.ts';
import type { Counter } from '../model/metrics.ts';
import { SequenceRuns } from '../session/sequence-runs.ts';
import type { Sequence, SessionStore, StoredSession } from '../session/session-store.ts';

export interface ImportedPlace {
  readonly owner: StoredSession | { readonly gateway: string };
  state(): ReadonlyMap<string, Uint8Array>;
}

/** Sequence numbers from `first` up to the next row of the era. */
interface Row {
  readonly first: Sequence;
  /** Read when it is asked. */
  runs: SequenceRuns | undefined;
  isDirty: boolean;
}

/** Eras, the one imported from last at the end. */
const INDEX_KEY = '\0imported';
const ROW_KEY = '\0imported/';

/** For the messages of one request. */
export class ImportedSequences {
  readonly #store: Pick<SessionStore, 'putState'>;
  readonly #place: ImportedPlace;
  /** Counts what was forgotten. */
  readonly #forgotten: Counter;
  readonly #rows = new Map<Era, Row[]>();
  readonly #used = new Set<Era>();

  constructor(store: Pick<SessionStore, 'putState'>, place: ImportedPlace, forgotten: Counter) {
    this.#store = store;
    this.#place = place;
    this.#forgotten = forgotten;
    for (const key of place.state().keys()) {
      if (!key.startsWith(ROW_KEY)) continue;
      const [era = '', first = ''] = key.slice(ROW_KEY.length).split('/');
      this.#rowsOf(era).push({ first: Number(first), runs: undefined, isDirty: false });
    }
    for (const rows of this.#rows.values()) rows.sort((a, b) => a.first - b.first);
  }

  has(era: Era, sequence: Sequence): boolean {
    const row = this.#rows.get(era)?.findLast(({ first }) => first <= sequence);
    return row !== undefined && this.#runsOf(era, row).has(sequence);
  }

  add(era: Era, sequence: Sequence): void {
    this.#used.add(era);
    const rows = this.#rowsOf(era);
    const index = rows.findLastIndex(({ first }) => first <= sequence);
    const row = rows[index] ?? { first: 0, runs: SequenceRuns.none(), isDirty: true };
    if (index === -1) rows.unshift(row);
    const runs = this.#runsOf(era, row);
    runs.add(sequence);
    row.isDirty = true;
    if (runs.runCount <= IMPORTED_RUNS_PER_ROW) return;
    const { upper, first } = runs.split();
    rows.splice(rows.indexOf(row) + 1, 0, { first, runs: upper, isDirty: true });
  }

  /** Writes what was added, in the open group, and forgets what is too much. */
  save(): void {
    for (const era of this.#used) {
      for (const row of this.#rowsOf(era)) {
        if (row.isDirty) this.#store.putState(this.#place.owner, rowKey(era, row.first), this.#runsOf(era, row).encode());
        row.isDirty = false;
      }
    }
    this.#forget(this.#saveOrder());
  }

  /** @returns the eras, the one used longest ago first. */
  #saveOrder(): Era[] {
    const before = eras(this.#place.state().get(INDEX_KEY));
    const order = [...before.filter((era) => !this.#used.has(era)), ...this.#used];
    if (order.join() !== before.join()) this.#saveEras(order);
    return order;
  }

  #saveEras(order: readonly Era[]): void {
    this.#store.putState(this.#place.owner, INDEX_KEY, Buffer.from(JSON.stringify(order)));
  }

  #forget(order: Era[]): void {
    let bytes = 0;
    for (const [key, value] of this.#place.state()) if (key.startsWith(ROW_KEY)) bytes += key.length + value.length;
    const count = order.length;
    while (order.length > IMPORTED_ERAS_MAX || bytes > IMPORTED_BYTES_MAX) {
      const [oldest] = order;
      const [row] = oldest === undefined ? [] : this.#rowsOf(oldest);
      if (oldest === undefined || row === undefined) break;
      bytes -= this.#drop(oldest, row);
      if (this.#rowsOf(oldest).length === 0) order.shift();
    }
    if (order.length < count) this.#saveEras(order);
  }

  #drop(era: Era, row: Row): number {
    const key = rowKey(era, row.first);
    const bytes = key.length + (this.#place.state().get(key)?.length ?? 0);
    this.#store.putState(this.#place.owner, key, undefined);
    this.#rowsOf(era).shift();
    this.#forgotten.value += 1;
    return bytes;
  }

  #rowsOf(era: Era): Row[] {
    const known = this.#rows.get(era) ?? [];
    this.#rows.set(era, known);
    return known;
  }

  #runsOf(era: Era, row: Row): SequenceRuns {
    row.runs ??= SequenceRuns.decode(this.#place.state().get(rowKey(era, row.first)) ?? new Uint8Array());
    return row.runs;
  }
}

function rowKey(era: Era, first: Sequence): string {
  return `${ROW_KEY}${era}/${first}`;
}

function eras(row: Uint8Array | undefined): Era[] {
  return row === undefined ? [] : (JSON.parse(Buffer.from(row).toString()) as Era[]);
}
