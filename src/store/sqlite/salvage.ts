// From a damaged database to a fresh one: every group and every row that proves itself by its checksum, found page by page without SQLite.
import type { Database } from 'better-sqlite3';
import { type Cell, numberOf } from './cell.ts';
import { type GroupRange, LostGroups } from './lost-groups.ts';
import { META_KEYS, NEXT_GROUP, REFER_AGAIN, REPLAY_FROM } from './meta.ts';
import { contentsOfPage, type FoundGroup, type FoundRow, type PageContents } from './page-rows.ts';
import type { PageView } from './page-view.ts';
import { RowWriter } from './row-writer.ts';
import { type SqlValue, STATEMENTS } from './schema.ts';
import { PUT_STATEMENT, unsealed, unsealedNumber } from './sealed-row.ts';
import { gapsBelow } from './tree-gaps.ts';

/** Groups and rows per transaction: a fresh file is not synced before it is whole. */
const PER_TRANSACTION = 512;
/** Groups that no page lists and that are remembered. */
const UNLISTED_MAX = 4_096;
const QUEUE_TREES = ['queue_chunk', 'queue_chunk_copy'];
const ANYWHERE: GroupRange = { first: 0, last: Number.MAX_SAFE_INTEGER };

export interface Salvaged {
  groups: number;
  rows: number;
  /** Numbers of groups that were there and are not whole, or lay where nothing can be read: perhaps a few that were not needed any more. */
  readonly lost: LostGroups;
  /** Rows, or places of rows, that could not be read. Those with a copy elsewhere are not lost. */
  unreadable: number;
}

export interface Elsewhere {
  readonly groups: ReadonlyMap<number, FoundGroup>;
  readonly areAllTaken: boolean;
}

/**
 * Fills `fresh` with what can be proven in `view`.
 *
 * @param elsewhere - groups by number, from anywhere in the log: all are taken when the view may be of several moments, else those that are not in the
 *   tables yet or are lost in the view.
 */
export function salvage(fresh: Database, view: PageView, elsewhere: Elsewhere): Salvaged {
  const filler = new Filler(fresh);
  const roots = new Map<string, number>();
  for (const number of view.livePages()) {
    const contents = contentsOfPage(view, number);
    if (contents === undefined) filler.salvaged.unreadable += 1;
    else filler.add(contents);
    for (const [table, root] of contents?.roots ?? []) roots.set(table, root);
  }
  filler.end(view, roots, elsewhere);
  return filler.salvaged;
}

/** Of one of two trees with the same rows it must be certain that none is missing. */
function areQueuesWhole(view: PageView, roots: ReadonlyMap<string, number>, unreadable: number): boolean {
  const known = QUEUE_TREES.flatMap((table) => roots.get(table) ?? []);
  if (known.length === 0) return unreadable <= 1; // the page that names them, and no other
  return known.some((root) => gapsBelow(view, root, ANYWHERE).next().done === true);
}

class Filler {
  readonly salvaged: Salvaged = { groups: 0, rows: 0, lost: new LostGroups(), unreadable: 0 };
  readonly #database: Database;
  readonly #rows: RowWriter;
  readonly #putSegment;
  readonly #groups = new Set<number>();
  /** Of rows that prove themselves, and of those that may. */
  readonly #meta = new Map<string, number>();
  readonly #unprovenMeta = new Map<string, number>();
  readonly #damaged = new Set<number>();
  /** Where groups may have lain that nothing names any more. */
  readonly #gaps: GroupRange[] = [];
  readonly #unlisted = new Map<number, FoundGroup>();
  #open = 0;

  constructor(database: Database) {
    this.#database = database;
    this.#rows = new RowWriter(database);
    this.#putSegment = database.prepare(STATEMENTS.putSegment);
  }

  add({ groups, unlisted, rows, lostGroups, unreadable }: PageContents): void {
    this.salvaged.unreadable += unreadable;
    for (const number of lostGroups) if (!this.#groups.has(number)) this.#damaged.add(number);
    for (const group of groups) this.addGroup(group);
    for (const row of rows) this.#addRow(row);
    for (const group of unlisted) if (this.#unlisted.size < UNLISTED_MAX) this.#unlisted.set(group.header.number, group);
  }

  addGroup({ header, bytes }: FoundGroup): void {
    const { number, firstSequence, nextSequence } = header;
    this.#damaged.delete(number);
    if (this.#groups.has(number)) return;
    this.#groups.add(number);
    this.#begin();
    this.#putSegment.run(number, firstSequence, nextSequence, bytes);
    this.salvaged.groups += 1;
  }

  /** @param roots - of the trees that the schema still names. */
  end(view: PageView, roots: ReadonlyMap<string, number>, elsewhere: Elsewhere): void {
    const meta = new Map([...this.#unprovenMeta, ...this.#meta]);
    const areQueuesLost = !areQueuesWhole(view, roots, this.salvaged.unreadable);
    const root = roots.get('segment');
    const range = { first: 1, last: (meta.get(NEXT_GROUP) ?? 1) - 1 };
    if (root !== undefined) this.#gaps.push(...gapsBelow(view, root, range));
    else if (this.salvaged.unreadable > 1) this.#gaps.push(range);
    this.#addElsewhere(elsewhere, meta.get(REPLAY_FROM) ?? 0);
    // Of a dropped group nothing refers to it is dropped again; where the log itself says who is referred to, it would come back.
    this.#addElsewhere({ groups: this.#unlisted, areAllTaken: !areQueuesLost }, Number.POSITIVE_INFINITY);
    for (const gap of this.#gaps) this.#lose(gap);
    for (const number of this.#damaged) this.salvaged.lost.add(number);
    if (areQueuesLost) meta.set(REFER_AGAIN, 1);
    if (!meta.has(REPLAY_FROM) && this.#groups.size > 0) meta.set(REPLAY_FROM, least(this.#groups)); // nothing lost; what was settled before is sent again
    this.#begin();
    this.#rows.write([...meta].filter(([key]) => META_KEYS.has(key)).map(([key, value]) => ({ statement: 'putMeta', values: [key, value] })));
    this.#database.exec('COMMIT');
  }

  #addElsewhere({ groups, areAllTaken }: Elsewhere, replayFrom: number): void {
    for (const [number, group] of groups) if (areAllTaken || number >= replayFrom || this.#isMissing(number)) this.addGroup(group);
  }

  #isMissing(number: number): boolean {
    return this.#damaged.has(number) || this.#gaps.some(({ first, last }) => first <= number && number <= last);
  }

  /** What was not found of a stretch, as ranges: it may be long. */
  #lose({ first, last }: GroupRange): void {
    const found = [...this.#groups].filter((number) => first <= number && number <= last).sort((a, b) => a - b);
    let next = first;
    for (const number of [...found, last + 1]) {
      if (number > next) this.salvaged.lost.add(next, number - 1);
      next = number + 1;
    }
  }

  #addRow({ table, row, isSealed }: FoundRow): void {
    if (table === 'meta') {
      if (isSealed) this.#meta.set(String(row[0]), unsealedNumber(table, row));
      else this.#unprovenMeta.set(String(row[0]), numberOf(row[1]));
      return;
    }
    this.#begin();
    this.#rows.write([{ statement: PUT_STATEMENT[table], values: [...row.slice(0, -1).map(storedValue), unsealed(table, row)] }]);
    this.salvaged.rows += 1;
  }

  #begin(): void {
    if (this.#open % PER_TRANSACTION === 0) this.#database.exec(this.#open === 0 ? 'BEGIN' : 'COMMIT; BEGIN');
    this.#open += 1;
  }
}

function least(numbers: Iterable<number>): number {
  let least = Number.POSITIVE_INFINITY;
  for (const number of numbers) least = Math.min(least, number);
  return least;
}

/** Keys of our tables are numbers and texts. */
function storedValue(cell: Cell): SqlValue {
  return cell === null ? '' : cell;
}
