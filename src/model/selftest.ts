// What is said of a test whether a disk keeps what it promises when its power goes. All of it is plain data.
import type { EpochMs } from './clock.ts';

/** How a disk takes flushes. */
export interface FlushFacts {
  /** Median of one small write with its flush. */
  readonly smallMs: number;
  /** What a large write with its flush comes to. */
  readonly mibPerSecond: number;
  readonly filesystem: string;
  /** Whether the disk says that it has a cache to flush: `write back`, or `write through` when it has none; empty where the system does not tell. */
  readonly cache: string;
  /** Why a flush here cannot be what it should be, a sentence each. */
  readonly doubts: readonly string[];
}

/** Where numbers are told that were acknowledged. */
export interface NumberReport {
  readonly run: string;
  readonly number: number;
}

/** Times the disk took to sync commits, ms. */
export interface SyncFacts {
  readonly syncMsMedian: number;
  readonly syncMsMax: number;
}

/** What lies on the disk after the power came back. */
export interface NumbersFound {
  readonly run: string;
  readonly startedAtMs: EpochMs;
  /** Greatest number found; 0: none. */
  readonly last: number;
  /** Numbers below it that must be there and are not. */
  readonly holes: number;
  /** What the store says is damaged, in words. */
  readonly damage: readonly string[];
  readonly flush: FlushFacts;
  /** As last noted by the run. */
  readonly sync: SyncFacts;
}
