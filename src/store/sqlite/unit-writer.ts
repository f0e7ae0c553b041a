import Sqlite, { type Database } from 'better-sqlite3';
import type { Clock } from '../../model/clock.ts';
import type { CommitFailure, CommitUnit } from './committer.ts';
import type { Synchronous } from './database.ts';
import { LogSync, LogSyncError } from './log-sync.ts';
import { WriteConnection } from './write-connection.ts';

/** What became of a unit. Plain data. */
export interface WrittenUnit {
  readonly failure: CommitFailure | undefined;
  /** The unit is safe in SQLite's log, which could not be copied into the file when that was last tried: it grows. */
  readonly copyFailure?: CommitFailure | undefined;
  /** Time the thread stood still for the disk while it committed: what it computed meanwhile is taken off. */
  readonly syncMs: number;
}

export interface UnitWriterOptions {
  /** Another connection to the same database; without it the first one is all there is. */
  readonly reopen?: () => Database;
  /** Syncs what is committed; without it SQLite does, or nobody, as the connection was told. */
  readonly log?: Pick<LogSync, 'sync' | 'prove' | 'close'> | undefined;
}

/** For a store that promises what it acknowledges; a harness that wants to see it lose lets SQLite do as it is told. */
export function logSyncOf({ path, synchronous }: { readonly path: string; readonly synchronous: Synchronous }): LogSync | undefined {
  return synchronous === 'full' ? new LogSync(path) : undefined;
}

/** Failures behind which a connection is as good as before: nothing was wrong with the disk, or it was full. */
const HARMLESS = /^SQLITE_(FULL|BUSY|LOCKED)/;

/**
 * Writes units through one connection, each in a transaction of its own.
 *
 * After an error of the disk a fresh connection is opened: one that was opened while the disk was read-only, or whose file was unreachable, would stay as it is.
 * Whoever opened the first one keeps it open. So SQLite's index of its log stays, in which what could not be written is not: the same unit is written again to the
 * same place, every byte of it. A sync that is only repeated says nothing, because the kernel may have forgotten what it could not write: behind one that failed the
 * unit must be given with `provesLog`.
 */
export class UnitWriter {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #reopen: (() => Database) | undefined;
  readonly #log: UnitWriterOptions['log'];
  #connection: WriteConnection;
  /** Of a connection that was opened here. */
  #isOwn = false;
  #isStale = false;
  #copyFailure: CommitFailure | undefined;

  constructor(database: Database, clock: Pick<Clock, 'monotonicMs'>, { reopen, log }: UnitWriterOptions = {}) {
    this.#connection = new WriteConnection(database, { isSyncedOutside: log !== undefined });
    this.#clock = clock;
    this.#reopen = reopen;
    this.#log = log;
  }

  write(unit: CommitUnit): WrittenUnit {
    let syncMs = 0;
    const failure = this.#attempt(() => {
      this.#renew();
      if (unit.provesLog === true) this.#log?.prove();
      this.#connection.begin(unit);
      syncMs = this.#waiting(() => {
        this.#connection.commit();
        this.#log?.sync();
      });
    });
    if (failure !== undefined) return { failure, syncMs: 0 };
    if (unit.cutsLog === true || this.#connection.isLogLong) {
      this.#copyFailure = this.#attempt(() => {
        syncMs += this.#waiting(() => (unit.cutsLog === true ? this.#connection.cutLog() : this.#connection.copyLog()));
      });
    }
    return { failure, copyFailure: this.#copyFailure, syncMs };
  }

  /** What was opened here. */
  close(): void {
    this.#log?.close();
    if (this.#isOwn) this.#connection.close();
  }

  #attempt(run: () => void): CommitFailure | undefined {
    try {
      run();
      return undefined;
    } catch (error) {
      const failure = failureOf(error);
      if (failure === undefined) throw error;
      this.#connection.undo();
      this.#isStale = !HARMLESS.test(failure.code);
      return failure;
    }
  }

  #renew(): void {
    if (!this.#isStale || this.#reopen === undefined) return;
    const fresh = new WriteConnection(this.#reopen(), { isSyncedOutside: this.#log !== undefined, logPages: this.#connection.logPages });
    this.close();
    this.#connection = fresh;
    this.#isOwn = true;
    this.#isStale = false;
  }

  /** How long the thread stood still for the disk in `run`, ms. */
  #waiting(run: () => void): number {
    const startedMs = this.#clock.monotonicMs();
    const before = process.threadCpuUsage();
    run();
    const { user, system } = process.threadCpuUsage(before);
    return Math.max(0, this.#clock.monotonicMs() - startedMs - (user + system) / 1_000);
  }
}

function failureOf(error: unknown): CommitFailure | undefined {
  if (error instanceof LogSyncError) return error.failure;
  return error instanceof Sqlite.SqliteError ? { code: error.code, message: error.message } : undefined;
}
