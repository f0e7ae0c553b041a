// A commit that failed at its sync leaves frames in SQLite's log that the kernel shows and the medium does not have: the kernel forgets what it could not
// write. The process that knew is gone, SQLite takes the frames for good, and what is committed behind them would end with them at the next power cut. So what a
// boot finds is written once more, to where it is, and synced, before anybody believes it.
import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';

const CHUNK_BYTES = 64 * 1024;

/** @param path - of SQLite's log; none is fine. */
export function rewriteLog(path: string): void {
  const file = openIfThere(path);
  if (file === undefined) return;
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    let at = 0;
    for (let length = readSync(file, chunk, 0, CHUNK_BYTES, at); length > 0; length = readSync(file, chunk, 0, CHUNK_BYTES, at)) {
      for (let done = 0; done < length; ) done += writeSync(file, chunk, done, length - done, at + done);
      at += length;
    }
    if (at > 0) fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r+');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
