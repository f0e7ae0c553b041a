import { statfsSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import { spaceOf } from '../store/sqlite/disk-gauge.ts';
import type { DiskLimits } from '../store/sqlite/disk-limits.ts';

/** The store's part of the configuration that is about room. */
export function diskLimits(store: Config['store']): DiskLimits {
  const { maxBytes, ballastBytes, stopLazyBelowBytes, compactBelowBytes, evictBelowBytes, refuseBelowBytes } = store;
  return { bytesMax: maxBytes, ballastBytes, enterBelowBytes: [stopLazyBelowBytes, compactBelowBytes, evictBelowBytes, refuseBelowBytes] };
}

/** All of the partition that `directory` lies on. */
export function partitionBytes(directory: string): number {
  return spaceOf(statfsSync(directory)).totalBytes;
}
