// The database file: made, opened, judged, and set aside when it is damaged.
import { chmodSync, existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Sqlite, { type Database } from 'better-sqlite3';
import { GatewayError } from '../../model/errors.ts';
import { APPLICATION_ID, CREATE_TABLES, MIGRATIONS, SCHEMA_VERSION, TABLES } from './schema.ts';

export const DATABASE_FILE = 'postern.db';
/** Behind the name of the database: SQLite's log. */
export const LOG_SUFFIX = '-wal';
/** Damaged files kept for salvage; an older one goes when another is set aside. */
const DAMAGED_FILES_MAX = 3;
const COMPANIONS = ['', LOG_SUFFIX, '-shm'];
/** Checking takes 1 to 3 ms of an x86 processor per MB; of a larger file the log is checked where it is read, by the checksums of its groups. */
const QUICK_CHECK_BYTES_MAX = 16 * 1024 * 1024;
/** A log that grew beyond this for once is cut back. */
const WAL_BYTES_KEPT = 4 * 1024 * 1024;

/** Who looks into the database from outside may hold up a turn this long; after that the commit is tried again later. */
const BUSY_MS = 50;

/** How SQLite syncs. Anything but `full` loses what was acknowledged; a harness shows that it can see so. */
export type Synchronous = 'full' | 'normal' | 'off';

/**
 * Opens the database, making it when there is none.
 *
 * @throws GatewayError STORE_CORRUPT - damaged, or not ours; STORE_UNAVAILABLE - written by a later version.
 */
export function openDatabase(path: string, synchronous: Synchronous): Database {
  const database = new Sqlite(path, { timeout: BUSY_MS });
  try {
    configureFile(database);
    configure(database, synchronous);
    if (isBlank(database)) create(database, path);
    else judge(database, path);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Another connection to a database that is open already. */
export function openConnection(path: string, synchronous: Synchronous): Database {
  const database = new Sqlite(path, { timeout: BUSY_MS, fileMustExist: true });
  configure(database, synchronous);
  return database;
}

/** Whether `error` says that the bytes of the file are wrong, not that it cannot be reached. */
export function isDamage(error: unknown): boolean {
  if (error instanceof GatewayError) return error.code === 'STORE_CORRUPT';
  return error instanceof Sqlite.SqliteError && /^SQLITE_(CORRUPT|NOTADB)/.test(error.code);
}

/** Moves a damaged database out of the way, with its log. @returns the new name and how many bytes lie there. */
export function quarantine(path: string): { readonly name: string; readonly bytes: number } {
  const directory = dirname(path);
  const prefix = `${basename(path)}.damaged-`;
  const taken = damagedNumbers(directory, prefix);
  const number = (taken.at(-1) ?? 0) + 1;
  const name = `${prefix}${number}`;
  let bytes = 0;
  for (const companion of COMPANIONS) {
    if (!existsSync(path + companion)) continue;
    bytes += statSync(path + companion).size;
    renameSync(path + companion, join(directory, name + companion));
  }
  for (const old of [...taken, number].slice(0, -DAMAGED_FILES_MAX)) {
    for (const companion of COMPANIONS) rmSync(join(directory, `${prefix}${old}${companion}`), { force: true });
  }
  return { name, bytes };
}

function damagedNumbers(directory: string, prefix: string): number[] {
  const numbers = readdirSync(directory)
    .filter((name) => name.startsWith(prefix))
    .map((name) => Number(name.slice(prefix.length)))
    .filter((number) => Number.isInteger(number));
  return numbers.sort((a, b) => a - b);
}

/** What lies in the file. */
function configureFile(database: Database): void {
  database.pragma('page_size = 1024'); // half the bytes per commit of 4096 on flash; takes effect in a new file only
  database.pragma('auto_vacuum = INCREMENTAL'); // before the first table, or the file never shrinks
  database.pragma('journal_mode = WAL');
}

/** What each connection is told. */
function configure(database: Database, synchronous: Synchronous): void {
  database.pragma(`synchronous = ${synchronous}`);
  database.pragma('wal_autocheckpoint = 0'); // whoever writes does it, and hears what becomes of it
  database.pragma(`journal_size_limit = ${WAL_BYTES_KEPT}`);
  database.pragma('cache_size = -2048');
  database.pragma('temp_store = MEMORY');
}

/** New, or left by a process that was stopped while it made it. */
function isBlank(database: Database): boolean {
  return database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0 && database.pragma('application_id', { simple: true }) === 0;
}

function create(database: Database, path: string): void {
  chmodSync(path, 0o600);
  database.transaction(() => {
    database.exec(CREATE_TABLES);
    database.pragma(`application_id = ${APPLICATION_ID}`);
    database.pragma(`user_version = ${SCHEMA_VERSION}`);
  })();
}

function judge(database: Database, path: string): void {
  if (database.pragma('application_id', { simple: true }) !== APPLICATION_ID) throw new GatewayError('STORE_CORRUPT', `${path} is not a Postern database`);
  const version = database.pragma('user_version', { simple: true }) as number;
  if (version > SCHEMA_VERSION) {
    throw new GatewayError(
      'STORE_UNAVAILABLE',
      `${path} was written by a later version of Postern (schema ${version}, this one knows ${SCHEMA_VERSION}): install that version again`,
    );
  }
  migrate(database, version);
  const tables = new Set(database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all());
  const missing = TABLES.filter((name) => !tables.has(name));
  if (missing.length > 0) throw new GatewayError('STORE_CORRUPT', `${path} has no table ${missing.join(', ')}`);
  if (statSync(path).size > QUICK_CHECK_BYTES_MAX) return;
  const verdict = database.pragma('quick_check(1)', { simple: true });
  if (verdict !== 'ok') throw new GatewayError('STORE_CORRUPT', `${path}: ${String(verdict)}`);
}

function migrate(database: Database, from: number): void {
  if (from === SCHEMA_VERSION) return;
  database.transaction(() => {
    for (const change of MIGRATIONS.slice(from - 1)) database.exec(change);
    database.pragma(`user_version = ${SCHEMA_VERSION}`);
  })();
}
