// One process per data directory. The lock is one the operating system takes back when its holder dies, however it dies: SQLite's, on a file of its
// own. Who holds it is written beside it, for the message only.
import { chownSync, existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite, { type Database } from 'better-sqlite3';
import { GatewayError } from '../../model/errors.ts';

const LOCK_FILE = 'postern.lock';
const PID_FILE = 'postern.pid';

export class StoreLock {
  readonly #database: Database;
  readonly #pidPath: string;

  private constructor(database: Database, pidPath: string) {
    this.#database = database;
    this.#pidPath = pidPath;
  }

  /** @throws GatewayError STORE_UNAVAILABLE - when another process, or another store of this one, works in `directory`. */
  static acquire(directory: string): StoreLock {
    const pidPath = join(directory, PID_FILE);
    const path = join(directory, LOCK_FILE);
    if (isUnreadable(path)) truncateSync(path); // nobody holds it: who does is met before its bytes are looked at
    const database = new Sqlite(path, { timeout: 0 });
    try {
      database.exec('BEGIN EXCLUSIVE');
      noteHolder(pidPath);
      shareWithOwner(directory);
    } catch (error) {
      database.close();
      if (!(error instanceof Sqlite.SqliteError) || !error.code.startsWith('SQLITE_BUSY')) throw error;
      const holder = readHolder(pidPath);
      throw new GatewayError('STORE_UNAVAILABLE', `the data directory ${directory} is in use by process ${holder}: stop it, or give this gateway its own`, {
        cause: error,
      });
    }
    return new StoreLock(database, pidPath);
  }

  release(): void {
    rmSync(this.#pidPath, { force: true });
    this.#database.close();
  }
}

/** What root locks, for a backup say, the gateway must be able to lock after it. */
function shareWithOwner(directory: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(directory);
  chownSync(join(directory, LOCK_FILE), uid, gid);
}

/** An empty file in sound condition; a disk may have made something else of it. */
function isUnreadable(path: string): boolean {
  if (!existsSync(path)) return false;
  const database = new Sqlite(path, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE; ROLLBACK');
    return false;
  } catch (error) {
    return error instanceof Sqlite.SqliteError && /^SQLITE_(NOTADB|CORRUPT)/.test(error.code);
  } finally {
    database.close();
  }
}

/** On a full disk nobody is told who holds the lock. */
function noteHolder(pidPath: string): void {
  try {
    writeFileSync(pidPath, `${process.pid}\n`);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  }
}

function readHolder(pidPath: string): string {
  try {
    return readFileSync(pidPath, 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
