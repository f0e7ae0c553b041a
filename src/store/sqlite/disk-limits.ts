import { BALLAST_BYTES, COMPACT_BELOW_BYTES, EVICT_BELOW_BYTES, REFUSE_BELOW_BYTES, STOP_LAZY_BELOW_BYTES } from '../../model/limits.ts';

/** What a store may take, and with how much room left it does what about it. */
export interface DiskLimits {
  /** Database and its log; `Infinity`: what the partition has. */
  readonly bytesMax: number;
  readonly ballastBytes: number;
  /** Room below which the steps behind `ample` are taken, in their order: each less than the one before. */
  readonly enterBelowBytes: readonly number[];
}

export const DISK_LIMITS: DiskLimits = {
  bytesMax: Number.POSITIVE_INFINITY,
  ballastBytes: BALLAST_BYTES,
  enterBelowBytes: [STOP_LAZY_BELOW_BYTES, COMPACT_BELOW_BYTES, EVICT_BELOW_BYTES, REFUSE_BELOW_BYTES],
};

/** On a small partition the whole ladder shrinks, so that its first step leaves this much of it free of steps. */
const FREE_OF_STEPS = 0.7;
const BALLAST_SHARE = 1 / 16;
/** Of a group: it is written twice, to SQLite's log and to the file, while another one fills up. */
const GROUP_SHARE = 1 / 64;

/** What is under way when the last step is taken stays below the bound: SQLite's log is copied into the file, and grows by a group or two before. */
const BOUND_MARGIN_SHARE = 1 / 4;
const BOUND_MARGIN_BYTES = 5 * 1024 * 1024;

/** @param totalBytes - of the partition, or what the store may take of it. */
export function fitted({ bytesMax, ballastBytes, enterBelowBytes }: DiskLimits, totalBytes: number): DiskLimits {
  const [first = 0] = enterBelowBytes;
  const scale = Math.min(1, (totalBytes * (1 - FREE_OF_STEPS)) / Math.max(1, first));
  return {
    bytesMax: bytesMax - Math.min(BOUND_MARGIN_BYTES, bytesMax * BOUND_MARGIN_SHARE),
    ballastBytes: Math.floor(Math.min(ballastBytes, totalBytes * BALLAST_SHARE)),
    enterBelowBytes: enterBelowBytes.map((bytes) => Math.floor(bytes * scale)),
  };
}

export function fittedGroup(groupBytesMax: number, totalBytes: number): number {
  return Math.floor(Math.min(groupBytesMax, totalBytes * GROUP_SHARE));
}
