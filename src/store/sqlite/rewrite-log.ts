// A commit that failed at its sync leaves frames in SQLite's log that the kernel shows and the medium does not have: the kernel forgets what it could not
// write. The process that knew is gone, SQLite takes the frames for good, and what is committed behind them would end with them at the next power cut. So what a
// boot finds is written once more, to where it is, and synced, before anybody believes it.
import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';

const CHUNK_BYTES = 64 * 1024;

/** What says that there is nothing to be read: none, not a file, a sector that is gone. Whoever opens the database makes the best of that. */
const UNREADABLE = new Set(['ENOENT', 'EISDIR', 'EIO']);

/** @param path - of SQLite's log; none is fine. */
export function rewriteLog(path: string): void {
  const file = unlessUnreadable(() => openSync(path, 'r+'));
  if (file === undefined) return;
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    let at = 0;
    const read = (): number => unlessUnreadable(() => readSync(file, chunk, 0, CHUNK_BYTES, at)) ?? 0;
    for (let length = read(); length > 0; length = read()) {
      for (let done = 0; done < length; ) done += writeSync(file, chunk, done, length - done, at + done);
      at += length;
    }
    if (at > 0) fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function unlessUnreadable<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && UNREADABLE.has(String(error.code))) return undefined;
    throw error;
  }
}
