import Sqlite, { type Database, type Statement } from 'better-sqlite3';
import type { Clock } from '../../model/clock.ts';
import type { CommitFailure, CommitUnit } from './committer.ts';
import { RowWriter } from './row-writer.ts';
import { STATEMENTS } from './schema.ts';

/** What became of a unit. Plain data. */
export interface WrittenUnit {
  readonly failure: CommitFailure | undefined;
  /** Time the thread stood still for the disk while it committed: what it computed meanwhile is taken off. */
  readonly syncMs: number;
}

/** Writes units through one connection, each in a transaction of its own. */
export class UnitWriter {
  readonly #database: Database;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;
  readonly #putSegment: Statement;
  readonly #rows: RowWriter;

  constructor(database: Database, clock: Pick<Clock, 'monotonicMs'>) {
    this.#database = database;
    this.#clock = clock;
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
    this.#rollback = database.prepare('ROLLBACK');
    this.#putSegment = database.prepare(STATEMENTS.putSegment);
    this.#rows = new RowWriter(database);
  }

  write(unit: CommitUnit): WrittenUnit {
    try {
      this.#begin.run();
      if (unit.segment !== undefined) {
        const { number, firstSequence, nextSequence, bytes } = unit.segment;
        this.#putSegment.run(number, firstSequence, nextSequence, bytes);
      }
      this.#rows.write(unit.writes);
      if (unit.vacuumPages > 0) this.#database.pragma(`incremental_vacuum(${unit.vacuumPages})`);
      const syncMs = this.#sync();
      if (unit.cutsLog === true) this.#cutLog();
      return { failure: undefined, syncMs };
    } catch (error) {
      if (!(error instanceof Sqlite.SqliteError)) throw error;
      this.#undo();
      return { failure: { code: error.code, message: error.message }, syncMs: 0 };
    }
  }

  #sync(): number {
    const startedMs = this.#clock.monotonicMs();
    const before = process.threadCpuUsage();
    this.#commit.run();
    const { user, system } = process.threadCpuUsage(before);
    return Math.max(0, this.#clock.monotonicMs() - startedMs - (user + system) / 1_000);
  }

  /** The unit is on the disk: a log that cannot be cut is no failure of it, and is cut another time. */
  #cutLog(): void {
    try {
      this.#database.pragma('wal_checkpoint(TRUNCATE)');
    } catch (error) {
      if (!(error instanceof Sqlite.SqliteError)) throw error;
    }
  }

  /** SQLite has rolled back already when the disk was full or broken. */
  #undo(): void {
    if (this.#database.inTransaction) this.#rollback.run();
  }
}
