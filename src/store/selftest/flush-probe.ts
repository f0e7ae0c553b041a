// Whether flushes of a disk take the time they must: a flush that is over before any medium can have done it was swallowed on the way.
import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../model/clock.ts';
import type { FlushFacts } from '../../model/selftest.ts';

const SMALL_BYTES = 4 * 1024;
const SMALL_WRITES = 64;
const LARGE_BYTES = 4 * 1024 * 1024;
const LARGE_WRITES = 3;
/** The fastest solid state disks with a capacitor take about as long for one flush as a call and an interrupt. */
const FLUSH_MS_MIN = 0.015;
/** Three times what a disk on four lanes of PCI Express 4 takes; memory takes more. */
const MIB_PER_SECOND_MAX = 20_000;
const IN_MEMORY = ['tmpfs', 'ramfs', 'devtmpfs'];
const WITHOUT_BARRIERS = /(^|,)(nobarrier|barrier=0)(,|$)/;

/** @param directory - on the disk in question; takes a second on a slow card. */
export function probeFlushes(directory: string, clock: Clock): FlushFacts {
  const path = join(directory, 'flush-probe');
  const handle = openSync(path, 'w', 0o600);
  try {
    const small = timesOf(handle, { bytes: SMALL_BYTES, writes: SMALL_WRITES }, clock);
    const large = timesOf(handle, { bytes: LARGE_BYTES, writes: LARGE_WRITES }, clock);
    const smallMs = median(small);
    const mibPerSecond = LARGE_BYTES / 2 ** 20 / (median(large) / 1_000);
    const { filesystem, options } = mountOf(directory);
    return { smallMs, mibPerSecond, filesystem, cache: cacheOf(directory), doubts: doubtsOf({ smallMs, mibPerSecond, filesystem, options }) };
  } finally {
    closeSync(handle);
    rmSync(path);
  }
}

interface Measured extends Pick<FlushFacts, 'smallMs' | 'mibPerSecond' | 'filesystem'> {
  /** Of the mount. */
  readonly options: string;
}

export function doubtsOf({ smallMs, mibPerSecond, filesystem, options }: Measured): string[] {
  const doubts: string[] = [];
  if (IN_MEMORY.includes(filesystem)) doubts.push(`${filesystem} is memory: nothing there survives a power cut`);
  if (smallMs < FLUSH_MS_MIN) doubts.push(`a flush takes ${smallMs.toFixed(4)} ms, less than any disk needs: something swallows flushes`);
  if (mibPerSecond > MIB_PER_SECOND_MAX) doubts.push(`${Math.round(mibPerSecond)} MiB/s are flushed, more than any disk takes: something swallows flushes`);
  if (WITHOUT_BARRIERS.test(options)) doubts.push('the file system is mounted without barriers: it never asks the disk to flush');
  return doubts;
}

function timesOf(handle: number, { bytes, writes }: { readonly bytes: number; readonly writes: number }, clock: Clock): number[] {
  const block = Buffer.alloc(bytes, 0x5a);
  return Array.from({ length: writes }, () => {
    writeSync(handle, block, 0, bytes, 0);
    const startedMs = clock.monotonicMs();
    fdatasyncSync(handle);
    return clock.monotonicMs() - startedMs;
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

/** The mount with the longest path that `directory` is below. */
function mountOf(directory: string): { readonly filesystem: string; readonly options: string } {
  let found = { at: '', filesystem: 'unknown', options: '' };
  for (const line of readText('/proc/mounts').split('\n')) {
    const [, at = '', filesystem = '', options = ''] = line.split(' ');
    const isAbove = at === '/' || directory === at || directory.startsWith(`${at}/`);
    if (at !== '' && isAbove && at.length >= found.at.length) found = { at, filesystem, options };
  }
  return found;
}

/** A partition has no queue of its own: its disk has. */
function cacheOf(directory: string): string {
  const { dev } = statSync(directory);
  const device = `/sys/dev/block/${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`;
  return (readText(`${device}/queue/write_cache`) || readText(`${device}/../queue/write_cache`)).trim();
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // this system does not tell
  }
}
