// Cuts the power of a disk, off-line and as often as wanted: a process works with the store on a disk whose writes are logged; then the medium is rebuilt
// as it may have been at moments of that log, mounted, and what a boot finds there is compared with what had been acknowledged by then.
//
// As with kills, operations are one sequence: what is found must be the state after some operation that is not before the last acknowledged one.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../../../src/observe/system-clock.ts';
import type { StoreLimits } from '../../../src/store/sqlite/store-limits.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { contentsOf } from '../../support/store-samples.ts';
import { Draws, GATEWAYS, operate } from '../../support/store-workload.ts';
import type { Fault } from '../store/faults.ts';
import { type Found, openCopy } from '../store/found.ts';
import { type CommitterName, StoreProcess } from '../store/process.ts';
import { CrashStates } from './crash-states.ts';
import { crashMedium, LoggedDisk, type Medium } from './logged-disk.ts';
import { type LoggedRequest, readWriteLog } from './write-log.ts';

export interface PowerCutRun {
  /** Moments the power is cut at. */
  readonly cuts: number;
  readonly operations: number;
  readonly seed: number;
  readonly fault?: Fault | undefined;
  readonly committer: CommitterName;
  readonly limits?: Partial<StoreLimits> | undefined;
  readonly onCut?: ((cut: number) => void) | undefined;
}

export interface PowerCutReport {
  readonly cuts: number;
  readonly acknowledged: number;
  readonly requests: number;
  readonly flushes: number;
  /** Segments that compaction had rewritten. */
  readonly compacted: number;
  /** Cuts after which something acknowledged was missing. */
  readonly losing: number;
  /** Most acknowledged operations missing after one cut. */
  readonly lostMost: number;
  /** In words, of each cut after which the store was not as it should be. */
  readonly violations: readonly string[];
}

/** What a disk went through, and what was acknowledged meanwhile. */
interface Recording {
  readonly base: Buffer;
  readonly requests: readonly LoggedRequest[];
  readonly marks: readonly { readonly acknowledged: number; readonly logBytes: number }[];
  readonly issued: number;
  readonly compacted: number;
}

const DATA = 'data';

/** @throws Error - this machine cannot do it: not root, no loop device, no FUSE, no qemu-storage-daemon. */
export async function cutPower(run: PowerCutRun): Promise<PowerCutReport> {
  const root = mkdtempSync(join(tmpdir(), 'postern-power-'));
  try {
    const recording = await record(root, run);
    return await judge(recording, run, { root, medium: crashMedium(root) });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function record(root: string, { operations, seed, fault, committer, limits }: PowerCutRun): Promise<Recording> {
  const own = join(root, 'recorded');
  mkdirSync(own);
  const disk = new LoggedDisk(own);
  try {
    await disk.open();
    const directory = join(disk.directory, DATA);
    const child = new StoreProcess({ directory, seed, from: 0, to: Number.MAX_SAFE_INTEGER, fault, committer, limits, diskLog: disk.logFile });
    await child.until(({ acknowledged }) => acknowledged >= operations);
    await child.kill();
    const { base, log } = await disk.close();
    return { base, requests: readWriteLog(log), marks: child.heard.marks, issued: child.heard.issued, compacted: child.heard.compacted };
  } catch (error) {
    disk.abandon();
    throw error;
  }
}

async function judge(
  { base, requests, marks, issued, compacted }: Recording,
  { cuts, seed, limits, onCut }: PowerCutRun,
  { root, medium }: { readonly root: string; readonly medium: Medium },
): Promise<PowerCutReport> {
  const known = statesOf(seed, issued);
  const states = new CrashStates(base, requests);
  const violations: string[] = [];
  let losing = 0;
  let lostMost = 0;
  for (const [cut, index] of momentsOf({ requests, marks }, cuts, seed).entries()) {
    const draws = new Draws(seed + 3, index);
    const end = requests[index]?.end ?? 0;
    const acknowledged = marks.findLast(({ logBytes }) => logBytes <= end)?.acknowledged ?? -1;
    const content = states.cutBehind(index, draws);
    const found = await medium.mounted(content, (directory) => openCopy(join(directory, DATA), join(root, 'copy'), limits));
    const state = known.get(digestOf(found.contents, found.lastSequence));
    const at = `power cut behind request ${index}`;
    violations.push(...found.complaints.map((each) => `${at}: ${each}`));
    if (state === undefined) violations.push(`${at}: the store is in a state it never was in`);
    else if (state < acknowledged) {
      losing += 1;
      lostMost = Math.max(lostMost, acknowledged - state);
      violations.push(`${at}: operation ${acknowledged} was acknowledged, but the store is as it was after operation ${state} (loss)`);
    }
    onCut?.(cut + 1);
  }
  const flushes = requests.filter(({ isFlush }) => isFlush).length;
  return { cuts, acknowledged: (marks.at(-1)?.acknowledged ?? -1) + 1, requests: requests.length, flushes, compacted, losing, lostMost, violations };
}

/** Requests behind which power is cut, in order: only where there is something to lose. */
function momentsOf({ requests, marks }: Pick<Recording, 'requests' | 'marks'>, cuts: number, seed: number): number[] {
  const first = requests.findIndex(({ end }) => end >= (marks[0]?.logBytes ?? 0));
  const draws = new Draws(seed + 4, 0);
  return Array.from({ length: cuts }, () => first + draws.below(requests.length - first)).sort((a, b) => a - b);
}

/** Every state a store that lives this life is in, and the last operation after which it is. */
function statesOf(seed: number, last: number): Map<string, number> {
  const store = new MemoryStore({ clock: new SystemClock(), autoCommit: false });
  const states = new Map<string, number>();
  states.set(digest(store), -1);
  for (let number = 0; number <= last; number += 1) {
    operate(store, seed, number);
    states.set(digest(store), number);
  }
  return states;
}

function digest(store: MemoryStore): string {
  return digestOf(contentsOf(store, GATEWAYS), store.reopened({ wasClean: false }).boot.lastSequence);
}

function digestOf(contents: Found['contents'], lastSequence: Found['lastSequence']): string {
  return createHash('sha1')
    .update(`${lastSequence}\n${JSON.stringify(contents)}`)
    .digest('base64');
}
