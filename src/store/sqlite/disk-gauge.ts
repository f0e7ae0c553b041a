import { statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DATABASE_FILE, LOG_SUFFIX } from './database.ts';

export interface DiskReading {
  /** Of the partition. */
  readonly totalBytes: number;
  /** Left on it for users without privileges. */
  readonly freeBytes: number;
  /** Database and its log. */
  readonly storeBytes: number;
}

export type ReadDisk = () => DiskReading;

const FILES = [DATABASE_FILE, DATABASE_FILE + LOG_SUFFIX];

/** Asks the file system `directory` lies on; a few microseconds. */
export function diskGauge(directory: string): ReadDisk {
  return () => {
    const { bsize, blocks, bavail } = statfsSync(directory);
    const storeBytes = FILES.reduce((sum, file) => sum + (statSync(join(directory, file), { throwIfNoEntry: false })?.size ?? 0), 0);
    return { totalBytes: bsize * blocks, freeBytes: bsize * bavail, storeBytes };
  };
}
