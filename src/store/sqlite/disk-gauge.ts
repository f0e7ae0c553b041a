import { type StatsFs, statfsSync, statSync } from 'node:fs';
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
    const space = spaceOf(statfsSync(directory));
    const storeBytes = FILES.reduce((sum, file) => sum + (statSync(join(directory, file), { throwIfNoEntry: false })?.size ?? 0), 0);
    return { ...space, storeBytes };
  };
}

/** A file system that has no blocks does not tell: it is taken for one without end. */
export function spaceOf({ bsize, blocks, bavail }: Pick<StatsFs, 'bsize' | 'blocks' | 'bavail'>): Omit<DiskReading, 'storeBytes'> {
  if (blocks === 0) return { totalBytes: Number.POSITIVE_INFINITY, freeBytes: Number.POSITIVE_INFINITY };
  return { totalBytes: bsize * blocks, freeBytes: bsize * bavail };
}
