// A copy of the database as one commit left it, while others go on committing: a read transaction holds the snapshot, SQLite's backup copies its pages in
// slices. What the reader holds SQLite's log cannot let go of, so the log grows by what is committed meanwhile; that is watched, and bounded.
import { existsSync, statSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import { GatewayError } from '../../../model/errors.ts';

/** Pages per slice: 256 KiB, about a millisecond of reading and writing. */
const SLICE_PAGES = 256;
const BUSY_MS = 1_000;

export interface CopyOrder {
  /** The database; its gateway may be running. */
  readonly source: string;
  /** Must not exist. */
  readonly target: string;
  /** Bytes SQLite's log may have before the copy is given up. */
  readonly walBytesMax: number;
}

export interface CopyProgress {
  readonly pages: number;
  readonly pagesLeft: number;
}

/** @throws GatewayError STORE_UNAVAILABLE - the log has grown beyond its bound: the disk is too slow for what comes in. */
export async function copySnapshot({ source, target, walBytesMax }: CopyOrder, onSlice: (progress: CopyProgress) => void): Promise<void> {
  const database = new Sqlite(source, { fileMustExist: true, timeout: BUSY_MS });
  try {
    database.exec('BEGIN');
    database.prepare('SELECT count(*) FROM sqlite_schema').get(); // from here on the snapshot is held
    await database.backup(target, {
      progress: ({ totalPages, remainingPages }) => {
        onSlice({ pages: totalPages, pagesLeft: remainingPages });
        requireShortLog(`${source}-wal`, walBytesMax);
        return SLICE_PAGES;
      },
    });
    database.exec('COMMIT');
  } finally {
    database.close();
  }
}

function requireShortLog(wal: string, bytesMax: number): void {
  if (!existsSync(wal) || statSync(wal).size <= bytesMax) return;
  throw new GatewayError(
    'STORE_UNAVAILABLE',
    `more came in than the disk could copy meanwhile (${Math.round(bytesMax / 2 ** 20)} MiB): make the backup when there is less to do, or onto another disk`,
  );
}
