// Syncs SQLite's log in its place. SQLite knows fsync only, which writes down the time of the file as well: a commit of the file system's own journal, two or three
// blocks and another flush for each of ours. fdatasync leaves that out, and writes a size that has changed (docs/decisions/0045-what-a-commit-writes.md).
//
// A sync that fails makes the kernel forget what it could not write, and SQLite, which was not asked, has taken the commit for good: what follows it in the log would
// end with it at the next power cut. So nothing more is written until the whole log was written once more, to where it is, was synced, and proves itself.
import { closeSync, fdatasyncSync, openSync } from 'node:fs';
import { GatewayError } from '../../model/errors.ts';
import type { CommitFailure } from './committer.ts';
import { rewriteLog } from './rewrite-log.ts';
import { StoreFiles } from './store-files.ts';
import { readWal } from './wal-file.ts';

/** As SQLite calls it. */
const SYNC_FAILED = 'SQLITE_IOERR_FSYNC';

/** The log could not be brought to the medium, or is not what was written. */
export class LogSyncError extends GatewayError {
  /** Its code is what SQLite would call it. */
  readonly failure: CommitFailure;

  constructor(code: string, message: string) {
    super('STORE_UNAVAILABLE', message);
    this.failure = { code, message };
  }
}

/** Whether behind a failure with this code the medium may lack a part of the log that SQLite goes on from. */
export function leavesLogInDoubt(code: string): boolean {
  return code === SYNC_FAILED;
}

export class LogSync {
  readonly #files: StoreFiles;
  #file: number | undefined;

  /** @param path - of the database. */
  constructor(path: string) {
    this.#files = new StoreFiles(path);
  }

  /**
   * Everything committed survives a power cut.
   *
   * @throws LogSyncError - of what was committed since the last one nobody knows.
   */
  sync(): void {
    orFails(() => {
      this.#file ??= openSync(this.#files.wal, 'r'); // SQLite holds no lock on its log that closing this would end
      fdatasyncSync(this.#file);
    });
  }

  /**
   * After a sync that failed, before anything is written: everything committed until then survives a power cut.
   *
   * @throws LogSyncError
   */
  prove(): void {
    orFails(() => rewriteLog(this.#files.wal));
    const { isBehindIndex, takenBySqlite } = readWal(this.#files.wal, this.#files.walIndex);
    if (isBehindIndex) throw new LogSyncError('SQLITE_CORRUPT', `a sync failed, and of what was committed the log has only ${takenBySqlite} pages left`);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

function orFails(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw new LogSyncError(SYNC_FAILED, error.message);
  }
}
