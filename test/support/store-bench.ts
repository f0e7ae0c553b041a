import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../src/model/log.ts';
import { MetricsTable } from '../../src/model/metrics.ts';
import type { SessionStore } from '../../src/session/session-store.ts';
import { openSqliteStore, type SqliteStoreOptions } from '../../src/store/sqlite/open.ts';
import { FakeClock } from './fake-clock.ts';

const DATABASE_FILES = ['postern.db', 'postern.db-wal'];

/** Stores on disk under one temporary directory: each crash goes on in a copy of the files, as a killed process leaves them. */
export class SqliteBench {
  readonly root = mkdtempSync(join(tmpdir(), 'postern-store-'));
  readonly #options: Partial<SqliteStoreOptions>;
  readonly #open = new Set<SessionStore>();
  #directories = 0;
  #directory = this.#newDirectory();

  constructor(options: Partial<SqliteStoreOptions> = {}) {
    this.#options = options;
  }

  get directory(): string {
    return this.#directory;
  }

  /** A test that cuts no power needs no sync: unless it says so, the operating system keeps what it was given. */
  open(options: Partial<SqliteStoreOptions> = {}): SessionStore {
    const basics = {
      directory: this.#directory,
      clock: new FakeClock(),
      log: silentLog,
      metrics: new MetricsTable(),
      synchronous: 'off',
      diskLimits: { ballastBytes: 0 },
    } as const;
    const store = openSqliteStore({ ...basics, ...this.#options, ...options });
    this.#open.add(store);
    return store;
  }

  async reopened(store: SessionStore): Promise<SessionStore> {
    await this.close(store);
    return this.open();
  }

  /** Without a word to the store, which goes on in the files that are left behind. */
  crashed(options: Partial<SqliteStoreOptions> = {}): SessionStore {
    const killed = this.#directory;
    this.#directory = this.#newDirectory();
    return this.#openCopyOf(killed, options);
  }

  /** What another bench would find after a kill now. */
  copied(other: SqliteBench): SessionStore {
    return other.#openCopyOf(this.#directory);
  }

  async close(store: SessionStore): Promise<void> {
    this.#open.delete(store);
    await store.close();
  }

  /** Closes the store and brings its files back to what they were: only the lock is given back. */
  async closeAsKilled(store: SessionStore): Promise<void> {
    const kept = join(this.root, 'kept');
    this.#copyFiles(this.#directory, kept);
    await this.close(store);
    for (const file of DATABASE_FILES) rmSync(join(this.#directory, file), { force: true });
    this.#copyFiles(kept, this.#directory);
  }

  async end(): Promise<void> {
    for (const store of [...this.#open]) await this.close(store);
    rmSync(this.root, { recursive: true });
  }

  #openCopyOf(directory: string, options: Partial<SqliteStoreOptions> = {}): SessionStore {
    this.#copyFiles(directory, this.#directory);
    return this.open(options);
  }

  #copyFiles(from: string, to: string): void {
    for (const file of DATABASE_FILES) if (existsSync(join(from, file))) cpSync(join(from, file), join(to, file));
  }

  #newDirectory(): string {
    this.#directories += 1;
    const directory = join(this.root, `data-${this.#directories}`);
    mkdirSync(directory, { mode: 0o700 });
    return directory;
  }
}
