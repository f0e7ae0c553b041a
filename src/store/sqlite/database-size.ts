import { statSync } from 'node:fs';
import type { Database, Statement } from 'better-sqlite3';

/** What the database takes on the disk. */
export class DatabaseSize {
  readonly #current: () => Database;
  #database: Database | undefined;
  #pageBytes = 0;
  #pages: Statement | undefined;

  /** @param current - the one that is open now: a damaged one is replaced while it runs. */
  constructor(current: () => Database) {
    this.#current = current;
  }

  /** Of the file with SQLite's log; 0 once it is closed. */
  get bytes(): number {
    const database = this.#current();
    if (!database.open) return 0;
    if (database !== this.#database) this.#look(database);
    return Number(this.#pages?.get()) * this.#pageBytes + this.logBytes;
  }

  /** Of SQLite's log. */
  get logBytes(): number {
    return statSync(`${this.#current().name}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }

  #look(database: Database): void {
    this.#database = database;
    this.#pageBytes = database.pragma('page_size', { simple: true }) as number;
    this.#pages = database.prepare('PRAGMA page_count').pluck();
  }
}
