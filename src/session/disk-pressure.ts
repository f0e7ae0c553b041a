// How short of room the disk is. Each step does what it is called by, and everything the steps before it do.

export const DISK_STEPS = ['ample', 'stop-lazy', 'compact', 'evict', 'refuse'] as const;

/**
 * `stop-lazy`: nothing is acknowledged before its commit any more. `compact`: what is no longer needed is given back to the file system. `evict`: queues
 * that may drop messages do. `refuse`: nothing new is stored.
 */
export type DiskStep = (typeof DISK_STEPS)[number];

/** What a step was taken on. */
export interface DiskState {
  readonly step: DiskStep;
  /** True for a step back. */
  readonly isEasing: boolean;
  /** What the store may still take. */
  readonly roomBytes: number;
  /** What it takes. */
  readonly storeBytes: number;
}

export interface DiskWatcher {
  /** One step on or back; every step between two is told, in order. */
  stepped(state: DiskState): void;
  /** What queues that may drop messages hold. */
  readonly evictableBytes: number;
  /** Lets go of up to `bytesMax` of what queues may drop (a little more is fine). @returns how many bytes went. */
  evict(bytesMax: number): number;
}

/** `none`: nothing may be added. `stuck`: neither that nor anything else, more waits for a disk that refuses than may. */
export type StoreRoom = 'ample' | 'none' | 'stuck';

/** Whether something may be stored that is not there yet. */
export function isFull({ room }: { readonly room: StoreRoom }): boolean {
  return room !== 'ample';
}
