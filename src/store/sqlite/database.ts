// The database file: made, opened, judged.
import { chmodSync, statSync } from 'node:fs';
import Sqlite, { type Database } from 'better-sqlite3';
import { GatewayError } from '../../model/errors.ts';
import { schemaInMeta } from './meta.ts';
import { APPLICATION_ID, ARCHIVE_ID, CREATE_TABLES, MIGRATIONS, SCHEMA_VERSION, type SqlValue, TABLES } from './schema.ts';
import { sealed } from './sealed-row.ts';

export const DATABASE_FILE = 'postern.db';
/** Behind the name of the database: SQLite's log. */
export const LOG_SUFFIX = '-wal';
/** Checking takes 1 to 3 ms of an x86 processor per MB; of a larger file the log is read through later, in slices (scrub.ts). */
const QUICK_CHECK_BYTES_MAX = 16 * 1024 * 1024;
/** A log that grew beyond this for once is cut back. */
const WAL_BYTES_KEPT = 8 * 1024 * 1024;

/** Who looks into the database from outside may hold up a turn this long; after that the commit is tried again later. */
const BUSY_MS = 50;

/** What SQLite says of bytes that are wrong, of sectors that cannot be read, and of a schema that is not the one we made. */
const DAMAGE = /^SQLITE_(CORRUPT|NOTADB|FORMAT|MISMATCH|SCHEMA|ERROR$|IOERR_(READ|SHORT_READ|DATA|CORRUPTFS))/;

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
    database.function('sealed', { varargs: true }, (table, ...values) => sealed(String(table), values as SqlValue[]).at(-1));
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
  return error instanceof Sqlite.SqliteError && DAMAGE.test(error.code);
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
  const id = database.pragma('application_id', { simple: true });
  if (id === ARCHIVE_ID) throw new GatewayError('STORE_UNAVAILABLE', `${path} is a backup: move it elsewhere and give it to \`postern restore\``);
  if (id !== APPLICATION_ID) throw new GatewayError('STORE_CORRUPT', `${path} is not a Postern database`);
  const tables = tablesOf(database);
  const version = database.pragma('user_version', { simple: true }) as number;
  const isOurs = tables.has('meta_copy') && schemaInMeta(database) === SCHEMA_VERSION;
  if (version < 1 || (isOurs && version !== SCHEMA_VERSION)) throw new GatewayError('STORE_CORRUPT', `${path} is not of schema ${version}`);
  if (version > SCHEMA_VERSION) {
    throw new GatewayError(
      'STORE_UNAVAILABLE',
      `${path} was written by a later version of Postern (schema ${version}, this one knows ${SCHEMA_VERSION}): install that version again`,
    );
  }
  migrate(database, version);
  const present = tablesOf(database);
  const missing = TABLES.filter((name) => !present.has(name));
  if (missing.length > 0) throw new GatewayError('STORE_CORRUPT', `${path} has no table ${missing.join(', ')}`);
  for (const what of isCheckedWhole(path) ? ['1'] : TABLES.filter((table) => table !== 'segment')) {
    const verdict = database.pragma(`quick_check(${what})`, { simple: true });
    if (verdict !== 'ok') throw new GatewayError('STORE_CORRUPT', `${path}: ${String(verdict)}`);
  }
}

/** Whether the log is checked at each start; else it is read through in the background. */
export function isCheckedWhole(path: string): boolean {
  return statSync(path).size <= QUICK_CHECK_BYTES_MAX;
}

function tablesOf(database: Database): ReadonlySet<unknown> {
  return new Set(database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all());
}

function migrate(database: Database, from: number): void {
  if (from === SCHEMA_VERSION) return;
  try {
    database.transaction(() => {
      for (const change of MIGRATIONS.slice(from - 1)) database.exec(change);
      database.pragma(`user_version = ${SCHEMA_VERSION}`);
    })();
  } catch (error) {
    if (!(error instanceof Sqlite.SqliteError) || error.code !== 'SQLITE_ERROR') throw error;
    throw new GatewayError('STORE_UNAVAILABLE', `${database.name} cannot be changed from schema ${from} to ${SCHEMA_VERSION}: ${error.message}`, {
      cause: error,
    });
  }
}
