import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync } from 'node:fs';
import { GatewayError } from '../../../model/errors.ts';

/** What SQLite keeps beside a database. */
export const COMPANIONS = ['-wal', '-shm', '-journal'] as const;

/** What was written to a file, or which names a directory has, survives a power cut from here on. */
export function synced(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** A database that is not whole, with everything beside it. */
export function removeDatabase(path: string): void {
  for (const companion of ['', ...COMPANIONS]) if (existsSync(path + companion)) rmSync(path + companion);
}

/** @throws GatewayError STORE_UNAVAILABLE - the disk of `directory` would be left with less than `keptBytes`. */
export function requireRoom(directory: string, bytes: number, keptBytes: number): void {
  const { bavail, bsize } = statfsSync(directory);
  if (bavail * bsize >= bytes + keptBytes) return;
  const [needed, free] = [bytes + keptBytes, bavail * bsize].map((each) => `${Math.ceil(each / 2 ** 20)} MiB`);
  throw new GatewayError('STORE_UNAVAILABLE', `the disk of ${directory} has ${free} free, and ${needed} are needed: free space there`);
}
