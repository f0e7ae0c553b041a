// The form of a backup: the database of a store, page by page, and in it two tables more. One file, that SQLite vouches for page by page and any copy of
// SQLite can look into; its application id is another one, so that nobody takes it for the database of a gateway (docs/decisions/0042-backup.md).
import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import type { BackupFacts, BackupFile } from '../../../model/backup.ts';
import { GatewayError } from '../../../model/errors.ts';
import { bytesOf, type Cell, numberOf } from '../cell.ts';
import { APPLICATION_ID, ARCHIVE_ID } from '../schema.ts';

/** Of the two tables; the store in it has its own, `user_version`. */
const ARCHIVE_VERSION = 1;

const CREATE_TABLES = `
  CREATE TABLE backup(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
  CREATE TABLE backup_file(name TEXT PRIMARY KEY, key TEXT NOT NULL, path TEXT NOT NULL, place TEXT NOT NULL, is_secret INTEGER NOT NULL, sha256 BLOB, content BLOB) WITHOUT ROWID;
`;
const DROP_TABLES = 'DROP TABLE backup; DROP TABLE backup_file;';

/** A file as it lies in the backup. */
export interface ArchivedFile extends BackupFile {
  /** Undefined: it was left out, being a secret. */
  readonly content: Buffer | undefined;
}

/** Makes a backup of an open database that no longer has a log of SQLite beside it. */
export function sealArchive(database: Database, { madeBy, madeAtMs }: BackupFacts, files: readonly ArchivedFile[]): void {
  database.transaction(() => {
    database.exec(CREATE_TABLES);
    const put = database.prepare('INSERT INTO backup(key, value) VALUES (?, ?)');
    for (const [key, value] of Object.entries({ version: ARCHIVE_VERSION, made_by: madeBy, made_ms: madeAtMs })) put.run(key, value);
    const putFile = database.prepare('INSERT INTO backup_file(name, key, path, place, is_secret, sha256, content) VALUES (?, ?, ?, ?, ?, ?, ?)');
    for (const { name, key, path, place, isSecret, content } of files) {
      putFile.run(name, key, path, place, isSecret ? 1 : 0, content === undefined ? null : digestOf(content), content ?? null);
    }
    database.pragma(`application_id = ${ARCHIVE_ID}`);
  })();
}

/** @throws GatewayError STORE_CORRUPT - no backup, or a file in it is not what it was; STORE_UNAVAILABLE - of a later version. */
export function readArchive(database: Database, path: string): BackupFacts & { readonly files: readonly ArchivedFile[] } {
  if (database.pragma('application_id', { simple: true }) !== ARCHIVE_ID) throw new GatewayError('STORE_CORRUPT', `${path} is not a backup of Postern`);
  const rows = database.prepare('SELECT key, value FROM backup').raw().all() as [string, Cell][];
  const values = new Map(rows);
  const version = numberOf(values.get('version'));
  if (version > ARCHIVE_VERSION) {
    throw new GatewayError(
      'STORE_UNAVAILABLE',
      `${path} was made by a later version of Postern (${String(values.get('made_by'))}): restore it with that version`,
    );
  }
  return { madeBy: String(values.get('made_by')), madeAtMs: numberOf(values.get('made_ms')), files: readFiles(database, path) };
}

/** Turns a copy of a backup back into the database of a store. */
export function unsealArchive(database: Database): void {
  database.transaction(() => {
    database.exec(DROP_TABLES);
    database.pragma(`application_id = ${APPLICATION_ID}`);
  })();
}

function readFiles(database: Database, path: string): ArchivedFile[] {
  const rows = database.prepare('SELECT name, key, path, place, is_secret, sha256, content FROM backup_file ORDER BY name').raw().all() as Cell[][];
  return rows.map(([name, key, from, place, isSecret, sha256, content]) => {
    const bytes = content === null ? undefined : Buffer.from(bytesOf(content));
    if (bytes !== undefined && !digestOf(bytes).equals(bytesOf(sha256))) {
      throw new GatewayError('STORE_CORRUPT', `${path} is damaged: its copy of ${String(from)} is not what it was`);
    }
    return { name: String(name), key: String(key), path: String(from), place: String(place), isSecret: isSecret === 1, content: bytes };
  });
}

function digestOf(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
