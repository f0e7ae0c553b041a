import { statSync } from 'node:fs';
import type { Database, Statement } from 'better-sqlite3';

/** What the database takes on the disk. */
export class DatabaseSize {
  readonly #database: Database;
  readonly #logPath: string;
  readonly #pageBytes: number;
  readonly #pages: Statement;

  constructor(database: Database) {
    this.#database = database;
    this.#logPath = `${database.name}-wal`;
    this.#pageBytes = database.pragma('page_size', { simple: true }) as number;
    this.#pages = database.prepare('PRAGMA page_count').pluck();
  }

  /** Of the file with SQLite's log; 0 once it is closed. */
  get bytes(): number {
    if (!this.#database.open) return 0;
    return (this.#pages.get() as number) * this.#pageBytes + this.logBytes;
  }

  /** Of SQLite's log. */
  get logBytes(): number {
    return statSync(this.#logPath, { throwIfNoEntry: false })?.size ?? 0;
  }
}
