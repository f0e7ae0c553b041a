// One connection as units are written through it, with its statements and SQLite's log.
import type { Database, Statement } from 'better-sqlite3';
import type { CommitUnit } from './committer.ts';
import { RowWriter } from './row-writer.ts';
import { STATEMENTS } from './schema.ts';

/**
 * Pages of SQLite's log before they are copied into the file: 4 MiB, rewritten in place from then on. A page that was used several times meanwhile is copied once: what a
 * longer log saves is bytes on the flash (docs/decisions/0041-wear.md).
 */
const LOG_PAGES = 4096;
/** Until the next attempt, when it failed. */
const LOG_PAGES_AGAIN = 256;
/** What a page of the log holds of a segment, about. */
const PAGE_BYTES = 1_000;
/** What a row is reckoned with, measured: 256 small ones 35 pages, of 600 bytes 313. A unit adds those of the trees above. */
const PAGES_PER_ROW = 1;
const PAGES_PER_UNIT = 2;

export class WriteConnection {
  readonly #database: Database;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;
  readonly #putSegment: Statement;
  readonly #rows: RowWriter;
  /** Reckoned, since the log was last copied. */
  #logPages: number;

  /** @param isSyncedOutside - a commit is on the disk only when somebody has synced SQLite's log; checkpoints are synced by SQLite as ever. */
  constructor(database: Database, { isSyncedOutside, logPages = 0 }: { readonly isSyncedOutside: boolean; readonly logPages?: number }) {
    if (isSyncedOutside) database.pragma('synchronous = NORMAL');
    this.#database = database;
    this.#logPages = logPages;
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
    this.#rollback = database.prepare('ROLLBACK');
    this.#putSegment = database.prepare(STATEMENTS.putSegment);
    this.#rows = new RowWriter(database);
  }

  get logPages(): number {
    return this.#logPages;
  }

  begin({ segment, writes, vacuumPages }: CommitUnit): void {
    this.#begin.run();
    if (segment !== undefined) {
      const { number, firstSequence, nextSequence, bytes } = segment;
      this.#putSegment.run(number, firstSequence, nextSequence, bytes);
    }
    this.#rows.write(writes);
    if (vacuumPages > 0) this.#database.pragma(`incremental_vacuum(${vacuumPages})`);
    this.#logPages += pagesOf({ segment, writes, vacuumPages });
  }

  commit(): void {
    this.#commit.run();
  }

  /** SQLite has rolled back already when the disk was full or broken. */
  undo(): void {
    if (this.#database.inTransaction) this.#rollback.run();
  }

  /** SQLite's log has grown enough to be copied. */
  get isLogLong(): boolean {
    return this.#logPages >= LOG_PAGES;
  }

  /**
   * Copies SQLite's log into the file. SQLite would do it by itself, but keep to itself that it could not, and where somebody reads it would copy a part that no
   * sync covers: FULL waits for readers, and what is copied is synced or copied again.
   *
   * @throws SqliteError
   */
  copyLog(): void {
    this.#logPages = LOG_PAGES - LOG_PAGES_AGAIN;
    this.#database.pragma('wal_checkpoint(FULL)');
    this.#logPages = 0; // of what a reader held back too: it is not waited for at every commit
  }

  /** The same, and gives its room back: for a store at rest. @throws SqliteError */
  cutLog(): void {
    this.#logPages = LOG_PAGES - LOG_PAGES_AGAIN;
    this.#database.pragma('wal_checkpoint(TRUNCATE)');
    this.#logPages = 0;
  }

  close(): void {
    this.#database.close();
  }
}

function pagesOf({ segment, writes, vacuumPages }: CommitUnit): number {
  const bytes = segment?.bytes.length ?? 0;
  return PAGES_PER_UNIT + Math.ceil(bytes / PAGE_BYTES) + PAGES_PER_ROW * writes.length + vacuumPages;
}
