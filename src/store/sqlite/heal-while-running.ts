// A database that turns out to be damaged while the gateway runs. Memory has everything but the messages: it goes into a fresh file, with the groups that
// are still referred to and can be read, and the fresh file takes the place of the old one. Whoever waits for the commit waits for that.
import type { Database } from 'better-sqlite3';
import type { Log } from '../../model/log.ts';
import type { Counter, Metrics } from '../../model/metrics.ts';
import type { CommitTimes } from './commit-times.ts';
import type { CommitFailure, Committer, CommitUnit, OnCommitted } from './committer.ts';
import { openDatabase, type Synchronous } from './database.ts';
import type { Group } from './group.ts';
import type { GroupReader } from './group-reader.ts';
import type { LostGroups } from './lost-groups.ts';
import { contentsOfPage } from './page-rows.ts';
import { PageView } from './page-view.ts';
import type { PlacedCommitter } from './placed-committer.ts';
import { RowWriter } from './row-writer.ts';
import { STATEMENTS, type TableWrite } from './schema.ts';
import { StoreFiles } from './store-files.ts';
import { readWal } from './wal-file.ts';

const DAMAGE = /^SQLITE_(CORRUPT|NOTADB)/;
/** Rows per transaction of a file that is not synced before it is whole. */
const PER_TRANSACTION = 512;

/** What the store says when it is asked to write everything anew. */
export interface WholeStore {
  /** All rows, those of `meta` last. They hold what the open group says as well. */
  rows(unit: CommitUnit): Iterable<TableWrite>;
  /** Numbers of groups something refers to. */
  liveGroups(): Iterable<number>;
  /** What the open group says so far; undefined: nothing. It will be committed under the same number, and say that and more. */
  openGroup(): Group | undefined;
  /** All of that is in the file. */
  moved(): void;
}

export interface HealerParts {
  readonly path: string;
  readonly synchronous: Synchronous;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly reader: GroupReader;
  readonly lost: LostGroups;
  /** A committer that writes into `database`. */
  committer(database: Database): PlacedCommitter;
}

export class HealingCommitter implements Committer {
  readonly #parts: HealerParts;
  readonly #healed: Counter;
  #database: Database;
  #committer: PlacedCommitter;
  readonly #setAside: string[] = [];
  #store: WholeStore | undefined;
  /** The file is damaged, though the last commit succeeded. */
  #isDue = false;

  constructor(parts: HealerParts, database: Database) {
    this.#parts = parts;
    this.#database = database;
    this.#committer = parts.committer(database);
    this.#healed = parts.metrics.counter('store.healed');
    parts.reader.onDamage(() => {
      this.#isDue = true;
    });
  }

  /** The one that is written now. */
  get database(): Database {
    return this.#database;
  }

  get place(): PlacedCommitter['place'] {
    return this.#committer.place;
  }

  get syncTimes(): CommitTimes {
    return this.#committer.syncTimes;
  }

  /** Names of files set aside while the gateway ran. */
  get setAside(): readonly string[] {
    return this.#setAside;
  }

  get healed(): number {
    return this.#healed.value;
  }

  /** After `close`. */
  closeDatabase(): void {
    this.#database.close();
  }

  /** Without a store there is nothing to heal from. */
  serve(store: WholeStore): void {
    this.#store = store;
  }

  commit(unit: CommitUnit, done: OnCommitted): void {
    if (this.#isDue) {
      this.#isDue = false;
      void this.#heal(unit, { code: 'SQLITE_CORRUPT', message: 'a group could not be read' }, done);
      return;
    }
    this.#committer.commit(unit, (failure, copyFailure) => {
      if (copyFailure !== undefined && DAMAGE.test(copyFailure.code)) this.#isDue = true; // else the log would grow for ever
      if (failure === undefined || !DAMAGE.test(failure.code)) done(failure, copyFailure);
      else void this.#heal(unit, failure, done);
    });
  }

  close(): Promise<void> {
    return this.#committer.close();
  }

  async #heal(unit: CommitUnit, failure: CommitFailure, done: OnCommitted): Promise<void> {
    const store = this.#store;
    if (store === undefined) {
      done(failure);
      return;
    }
    await this.#committer.close(); // a thread's connection would delete the log of the fresh file when it closes
    let outcome: CommitFailure | undefined;
    try {
      this.#replace(unit, store, failure.message);
    } catch (error) {
      new StoreFiles(this.#parts.path).abandon(); // the commits that follow want the room
      outcome = {
        code: failure.code,
        message: `${failure.message}; and no fresh file could be written: ${error instanceof Error ? error.message : String(error)}`,
      };
    }
    this.#committer = this.#parts.committer(this.#database);
    if (outcome !== undefined) this.#committer.doubtLog(); // of the old file, whose committer may have known more
    done(outcome);
  }

  #replace(unit: CommitUnit, store: WholeStore, reason: string): void {
    const { path, synchronous, log, reader, lost } = this.#parts;
    const files = new StoreFiles(path);
    const damaged: number[] = [];
    const fresh = openDatabase(files.begin(), 'off');
    try {
      fill(fresh, store.rows(unit), this.#groups(unit, store, files, damaged));
    } finally {
      fresh.close();
    }
    files.complete();
    this.#database.close();
    const aside = files.replace();
    this.#database = openDatabase(path, synchronous);
    reader.use(this.#database, damaged);
    store.moved();
    for (const number of damaged) lost.add(number);
    this.#healed.value += 1;
    const advice = 'nothing else is lost; the old file is kept; check the disk';
    log.error('store was damaged: moved to a fresh file while running', {
      file: aside?.name,
      reason,
      groupsLost: damaged.length,
      groups: damaged.slice(0, 20).join(' '),
      advice,
    });
    if (aside !== undefined) this.#setAside.push(aside.name);
  }

  *#groups(unit: CommitUnit, store: WholeStore, files: StoreFiles, damaged: number[]): Generator<SegmentValues> {
    let salvaged: ReadonlyMap<number, SegmentValues> | undefined;
    for (const number of store.liveGroups()) {
      if (number === unit.segment?.number) continue;
      const group = this.#parts.reader.peek(number);
      if (group !== undefined) {
        yield [number, group.header.firstSequence, group.header.nextSequence, group.bytes];
        continue;
      }
      salvaged ??= groupsInPages(files);
      const found = salvaged.get(number);
      if (found === undefined) damaged.push(number);
      else yield found;
    }
    if (unit.segment !== undefined) yield [unit.segment.number, unit.segment.firstSequence, unit.segment.nextSequence, unit.segment.bytes];
    const open = store.openGroup();
    if (open !== undefined) yield [open.header.number, open.header.firstSequence, open.header.nextSequence, open.bytes];
  }
}

type SegmentValues = readonly [number: number, firstSequence: number, nextSequence: number, bytes: Uint8Array];

function fill(fresh: Database, rows: Iterable<TableWrite>, groups: Iterable<SegmentValues>): void {
  const writer = new RowWriter(fresh);
  const putSegment = fresh.prepare(STATEMENTS.putSegment);
  let count = 0;
  fresh.exec('BEGIN');
  const next = (): void => {
    count += 1;
    if (count % PER_TRANSACTION === 0) fresh.exec('COMMIT; BEGIN');
  };
  for (const group of groups) {
    putSegment.run(...group);
    next();
  }
  for (const row of rows) {
    writer.write([row]);
    next();
  }
  fresh.exec('COMMIT');
}

/** What SQLite cannot read any more may still be there. */
function groupsInPages(files: StoreFiles): ReadonlyMap<number, SegmentValues> {
  const groups = new Map<number, SegmentValues>();
  const { frames } = readWal(files.wal, files.walIndex);
  const view = new PageView(files.database, frames);
  try {
    for (const page of view.livePages()) {
      for (const { header, bytes } of contentsOfPage(view, page)?.groups ?? []) {
        groups.set(header.number, [header.number, header.firstSequence, header.nextSequence, bytes]);
      }
    }
  } finally {
    view.close();
  }
  return groups;
}
