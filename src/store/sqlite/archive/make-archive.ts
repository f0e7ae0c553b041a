// Makes a backup: copies, looks at the copy as a whole, puts the files in, and gives it its name last. Runs where it may take its time: in a process
// of its own beside a running gateway, or in the command when none runs.
import { chmodSync, existsSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database } from 'better-sqlite3';
import type { BackupFacts, BackupReport, FileToKeep } from '../../../model/backup.ts';
import { GatewayError } from '../../../model/errors.ts';
import { BACKUP_FILE_BYTES_MAX, BACKUP_FREE_BYTES_MIN } from '../../../model/limits.ts';
import { isDamage, openDatabase } from '../database.ts';
import { type ArchivedFile, sealArchive } from './archive-format.ts';
import { removeDatabase, requireRoom, synced } from './durable-files.ts';
import { examine } from './examination.ts';
import { explained } from './explained.ts';
import { type CopyProgress, copySnapshot } from './snapshot-copy.ts';

const OWNER_ONLY = 0o600;
/** A certificate may lie in one file with its key (RFC 7468 §10, §13). */
const PRIVATE_KEY = 'PRIVATE KEY-----';

/** What to make. Plain data, so that it can cross to another process. */
export interface ArchiveOrder extends BackupFacts {
  /** The database of a store. */
  readonly source: string;
  /** What the backup is called once it is whole. */
  readonly target: string;
  readonly files: readonly FileToKeep[];
  readonly withSecrets: boolean;
  readonly walBytesMax: number;
}

/** @throws GatewayError - nothing is left of it then. */
export function makeArchive(order: ArchiveOrder, onSlice: (progress: CopyProgress) => void): Promise<BackupReport> {
  return explained(`back up ${order.source} as ${order.target}`, () => make(order, onSlice));
}

async function make(order: ArchiveOrder, onSlice: (progress: CopyProgress) => void): Promise<BackupReport> {
  const { source, target, walBytesMax } = order;
  const draft = `${target}.partial`;
  const writtenBefore = writtenBytes();
  removeDatabase(draft); // of one that was stopped in the middle
  requireRoom(dirname(target), statSync(source).size + order.files.length * 4_096, BACKUP_FREE_BYTES_MIN);
  try {
    await copySnapshot({ source, target: draft, walBytesMax }, onSlice);
    chmodSync(draft, OWNER_ONLY);
    const report = finish(draft, order);
    synced(draft);
    renameSync(draft, target);
    synced(dirname(target));
    const writtenAfter = writtenBytes();
    const written = writtenBefore === undefined || writtenAfter === undefined ? null : writtenAfter - writtenBefore;
    return { ...report, bytes: statSync(target).size, writtenBytes: written };
  } catch (error) {
    removeDatabase(draft);
    throw error;
  }
}

/** The copy is a database of its own: of an older schema it becomes one of this, and the original stays as it is. */
function finish(draft: string, order: ArchiveOrder): Omit<BackupReport, 'bytes' | 'writtenBytes'> {
  const database = openDatabase(draft, 'off'); // the whole file is synced before it gets its name
  try {
    const { lastMoment: _, ...examined } = examinedOf(database);
    const files = order.files.flatMap((file) => taken(file, order.withSecrets));
    database.pragma('journal_mode = DELETE'); // no log of SQLite beside it any more
    sealArchive(database, order, files);
    const named = (isKept: boolean): string[] => files.filter(({ content }) => (content !== undefined) === isKept).map(({ key, path }) => `${key} ${path}`);
    return { ...examined, filesKept: named(true), filesLeftOut: named(false) };
  } finally {
    database.close();
  }
}

function examinedOf(database: Database): ReturnType<typeof examine> {
  try {
    return examine(database);
  } catch (error) {
    if (!isDamage(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new GatewayError('STORE_CORRUPT', `the store is damaged (${reason}): restart the gateway, which heals it, and take the backup then`);
  }
}

/** A file that is not there is none: the users file is made with the first user. */
function taken({ text, ...file }: FileToKeep, withSecrets: boolean): ArchivedFile[] {
  if (text === undefined && !existsSync(file.path)) return [];
  const content = text === undefined ? read(file) : Buffer.from(text);
  const isSecret = file.isSecret || content.includes(PRIVATE_KEY);
  return [{ ...file, isSecret, content: isSecret && !withSecrets ? undefined : content }];
}

function read({ path, key }: FileToKeep): Buffer {
  const { size } = statSync(path);
  if (size <= BACKUP_FILE_BYTES_MAX) return readFileSync(path);
  throw new GatewayError('CONFIG_INVALID', `${path} (${key}) has ${size} bytes, and a backup takes files of ${BACKUP_FILE_BYTES_MAX} at most`);
}

/** What this thread has given to disks so far. */
function writtenBytes(): number | undefined {
  const account = '/proc/thread-self/io';
  if (!existsSync(account)) return undefined;
  const [, bytes] = /^write_bytes: (\d+)$/m.exec(readFileSync(account, 'utf8')) ?? [];
  return bytes === undefined ? undefined : Number(bytes);
}
