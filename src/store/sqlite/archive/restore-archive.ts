// Restores a backup: looks at the whole of it, prepares a data directory beside the one there is, and lets the one take the place of the other.
import { accessSync, chmodSync, chownSync, constants, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import Sqlite, { type Database } from 'better-sqlite3';
import type { BackupContents, BackupFacts, Examined, RestoreReport } from '../../../model/backup.ts';
import type { Clock } from '../../../model/clock.ts';
import { GatewayError } from '../../../model/errors.ts';
import { BACKUP_FREE_BYTES_MIN } from '../../../model/limits.ts';
import { silentLog } from '../../../model/log.ts';
import { DATABASE_FILE, isDamage, openDatabase } from '../database.ts';
import { openHealing } from '../heal-at-start.ts';
import { StoreLock } from '../lock.ts';
import { countsInMeta, countWrites } from '../meta.ts';
import { RowWriter } from '../row-writer.ts';
import { SCHEMA_VERSION } from '../schema.ts';
import { type ArchivedFile, readArchive, unsealArchive } from './archive-format.ts';
import { requireRoom, synced } from './durable-files.ts';
import { examine } from './examination.ts';
import { explained } from './explained.ts';
import { type Counts, countsBeyond, forgetReceived } from './moved-on.ts';
import { completeRestore, decideRestore, PARTIAL } from './pending-restore.ts';

const OWNER_ONLY = 0o600;
/** Files of the data directory that go back there; never one that the store or a restore has a use for. */
const PLACE = /^(?!postern\.|restore\.|before-restore-|control\.)[\w.-]{1,100}$/;

export interface RestoreOrder {
  readonly archive: string;
  /** The data directory. */
  readonly directory: string;
  readonly clock: Clock;
  /** Sets a store aside that is there, and takes what is whole of a damaged one. */
  readonly isForced: boolean;
  /** Does everything but the last step. */
  readonly isTrial: boolean;
  /** A directory all files of the backup are written into as well. */
  readonly filesTo?: string | undefined;
}

/** A backup with everything in it. */
interface Archive extends BackupFacts {
  readonly bytes: number;
  readonly files: readonly ArchivedFile[];
}

/**
 * Reads a backup and touches nothing.
 *
 * @throws GatewayError STORE_CORRUPT - no backup or a damaged one; STORE_UNAVAILABLE - of a later version, or not to be read.
 */
export function lookIntoArchive(path: string): Promise<BackupContents> {
  return explained(`read ${path}`, () => contentsOf(readWhole(path)));
}

function contentsOf(archive: Archive): BackupContents {
  return { ...archive, files: archive.files.map(({ content, ...file }) => ({ ...file, isKept: content !== undefined })) };
}

function readWhole(path: string): Archive {
  accessSync(path, constants.R_OK); // says better than SQLite what is wrong
  const database = new Sqlite(path, { readonly: true, fileMustExist: true });
  try {
    const archive = readArchive(database, path);
    const schema = database.pragma('user_version', { simple: true }) as number;
    if (schema > SCHEMA_VERSION) {
      const versions = `schema ${schema}, this one knows ${SCHEMA_VERSION}`;
      throw new GatewayError('STORE_UNAVAILABLE', `${path} is of a later version of Postern (${archive.madeBy}; ${versions}): restore it with that version`);
    }
    return { ...archive, bytes: statSync(path).size };
  } finally {
    database.close();
  }
}

/** @throws GatewayError - and the data directory is as it was. */
export function restoreArchive(order: RestoreOrder): Promise<RestoreReport> {
  return explained(`restore ${order.archive} into ${order.directory}`, () => restore(order));
}

/** A trial needs no lock: it touches nothing that is anybody's. */
async function restore(order: RestoreOrder): Promise<RestoreReport> {
  const { archive, directory, isTrial } = order;
  const whole = readWhole(archive);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lock = isTrial ? undefined : StoreLock.acquire(directory);
  const partial = join(directory, isTrial ? `${PARTIAL}-${process.pid}` : PARTIAL);
  try {
    if (!isTrial) makeWay(order);
    requireRoom(directory, 2 * whole.bytes, BACKUP_FREE_BYTES_MIN);
    mkdirSync(partial, { mode: 0o700 });
    const prepared = await prepare(partial, order);
    const filesPlaced = placeFiles(partial, whole.files);
    return { ...contentsOf(whole), ...prepared, filesPlaced, setAside: isTrial ? null : become(partial, order, whole.files) };
  } finally {
    rmSync(partial, { recursive: true, force: true });
    lock?.release();
  }
}

/** @throws GatewayError STORE_UNAVAILABLE - a store is there, and nobody said that it may be set aside. */
function makeWay({ directory, isForced }: RestoreOrder): void {
  completeRestore(directory); // of an earlier one that was stopped behind its decision
  if (existsSync(join(directory, DATABASE_FILE)) && !isForced)
    throw new GatewayError('STORE_UNAVAILABLE', `${directory} has a database already: --force sets it aside and restores the backup`);
  for (const name of readdirSync(directory)) if (name.startsWith(PARTIAL)) rmSync(join(directory, name), { recursive: true });
}

async function prepare(partial: string, { archive, directory, clock, isForced }: RestoreOrder) {
  const path = join(partial, DATABASE_FILE);
  copyFileSync(archive, path);
  chmodSync(path, OWNER_ONLY);
  unsealed(path);
  const database = isForced ? openHealing({ path, synchronous: 'off', log: silentLog }).database : openDatabase(path, 'off'); // the whole file is synced before it counts
  const { lastMoment, ...examined } = examinedOf(database, archive);
  requireWhole(archive, examined, isForced);
  const counts = countsBeyond([...countsOf(path), ...countsOf(join(directory, DATABASE_FILE))], clock.nowMs());
  const rows = new RowWriter(database);
  rows.write(countWrites(counts));
  database.close();
  const exchangesForgotten = await forgetReceived(partial, lastMoment);
  for (const name of readdirSync(partial)) if (name !== DATABASE_FILE) rmSync(join(partial, name)); // its lock, and what SQLite left
  return { ...examined, exchangesForgotten, nextSequence: counts.nextSequence };
}

/** @throws GatewayError STORE_CORRUPT - rows are damaged that their copies would have to replace. */
function examinedOf(database: Database, archive: string): ReturnType<typeof examine> {
  try {
    return examine(database);
  } catch (error) {
    if (!isDamage(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new GatewayError('STORE_CORRUPT', `${archive} is damaged (${reason}): take another backup, or --force to restore the rest`);
  }
}

function unsealed(path: string): void {
  const database = new Sqlite(path);
  try {
    unsealArchive(database);
  } finally {
    database.close();
  }
}

function requireWhole(archive: string, { damagedGroups, damagedRows }: Pick<Examined, 'damagedGroups' | 'damagedRows'>, isForced: boolean): void {
  if (isForced || damagedGroups.length + damagedRows === 0) return;
  const damage = `${damagedGroups.length} groups and ${damagedRows} rows`;
  throw new GatewayError('STORE_CORRUPT', `${archive} is damaged (${damage} cannot be read): take another backup, or --force to restore the rest`);
}

/** How far the store in `path` has counted; nothing when there is none, or it cannot be read. */
function countsOf(path: string): Counts[] {
  if (!existsSync(path)) return [];
  let database: Database | undefined;
  try {
    database = new Sqlite(path, { readonly: true });
    const { boot, nextSequence } = countsInMeta(database);
    const logged = Number(database.prepare('SELECT coalesce(max(next_sequence), 0) FROM segment').pluck().get());
    return [{ boot, nextSequence: Math.max(nextSequence, logged) }];
  } catch (error) {
    if (error instanceof Sqlite.SqliteError || error instanceof GatewayError) return []; // what is damaged is set aside all the same
    throw error;
  } finally {
    database?.close();
  }
}

function placeFiles(partial: string, files: readonly ArchivedFile[]): string[] {
  return files.flatMap(({ place, content }) => {
    if (content === undefined || !PLACE.test(place)) return [];
    writeFileSync(join(partial, place), content, { mode: OWNER_ONLY });
    return [place];
  });
}

/** What root restores belongs to whom the data directory belongs to: the gateway must be able to use it. */
function settleDirectory(partial: string, directory: string): void {
  const { uid, gid } = statSync(directory);
  for (const path of [...readdirSync(partial).map((name) => join(partial, name)), partial]) {
    if (process.getuid?.() === 0) chownSync(path, uid, gid);
    synced(path);
  }
}

/** @throws GatewayError CONFIG_INVALID - one is there already: nothing is written over. */
function handOut(directory: string, files: readonly ArchivedFile[]): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const kept = files.filter(({ content }) => content !== undefined);
  const taken = kept.find(({ name }) => existsSync(join(directory, basename(name))));
  if (taken !== undefined) throw new GatewayError('CONFIG_INVALID', `${join(directory, taken.name)} exists: choose an empty directory for --files`);
  for (const { name, content = '' } of kept) writeFileSync(join(directory, basename(name)), content, { mode: OWNER_ONLY, flag: 'wx' });
}

function become(partial: string, { directory, filesTo }: RestoreOrder, files: readonly ArchivedFile[]): string | null {
  settleDirectory(partial, directory);
  if (filesTo !== undefined) handOut(filesTo, files);
  decideRestore(directory);
  return completeRestore(directory) ?? null;
}
