// Kills a process that works with the store, again and again, and compares what the next boot finds with what the process had been told is durable.
//
// Operations are one sequence and groups are committed whole and in order. So a store that keeps its promises is, after a kill, in the state that a
// store in memory has after some operation K, with K not below the last acknowledged one: nothing lost, nothing doubled, nothing half done.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { SystemClock } from '../../../src/observe/system-clock.ts';
import type { Sequence } from '../../../src/session/session-store.ts';
import type { StoreLimits } from '../../../src/store/sqlite/store-limits.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { contentsOf } from '../../support/store-samples.ts';
import { Draws, GATEWAYS, operate } from '../../support/store-workload.ts';
import { differences } from './differences.ts';
import type { Fault } from './faults.ts';
import { type Found, openCopy } from './found.ts';
import { type CommitterName, StoreProcess } from './process.ts';

export interface KillRun {
  readonly kills: number;
  readonly seed: number;
  readonly fault?: Fault | undefined;
  readonly committer: CommitterName;
  readonly limits?: Partial<StoreLimits> | undefined;
  /** The child performs up to this many operations before it is killed. */
  readonly operationsPerKillMax?: number | undefined;
  /** Told after each kill. */
  readonly onKill?: ((kill: number, report: KillReport) => void) | undefined;
}

export interface KillReport {
  kills: number;
  /** Kills that fell between an operation and its acknowledgement. */
  killsBetween: number;
  /** Operations that were acknowledged before a kill. */
  acknowledged: number;
  /** Unacknowledged operations that survived all the same. */
  survivedUnasked: number;
  /** Acknowledgements that overtook others. */
  outOfOrder: number;
  /** What was broken, in words; the run ends with the first kill that broke something. */
  readonly violations: string[];
}

/** Of every ten kills, this many come as soon as something was begun; the others after a while. */
const EAGER_KILLS_OF_TEN = 6;
const OPERATIONS_PER_KILL_MAX = 400;
/** Differences told of one kill. */
const COMPLAINTS_MAX = 8;

export async function killStore(run: KillRun): Promise<KillReport> {
  const root = mkdtempSync(join(tmpdir(), 'postern-kill-'));
  const report: KillReport = { kills: 0, killsBetween: 0, acknowledged: 0, survivedUnasked: 0, outOfOrder: 0, violations: [] };
  const model = new Model(run.seed);
  try {
    for (let kill = 1; kill <= run.kills && report.violations.length === 0; kill += 1) {
      await killOnce(root, run, { kill, model, report });
      run.onKill?.(kill, report);
    }
  } finally {
    rmSync(root, { recursive: true });
  }
  return report;
}

export interface SlowSyncRun {
  /** The library that makes every sync take longer. */
  readonly library: string;
  readonly syncMs: number;
  readonly operations: number;
  readonly seed: number;
  readonly committer: CommitterName;
  readonly fault?: Fault | undefined;
}

export interface SlowSyncReport {
  readonly acknowledged: number;
  /** From the begin of an operation that wrote something to its acknowledgement, at least. */
  readonly soonestMs: number;
  readonly violations: readonly string[];
}

/**
 * A kill cannot show that a sync is missing: the kernel keeps what it was given. Time can: no acknowledgement of something written comes sooner than
 * a sync takes.
 */
export async function slowSync({ library, syncMs, operations, seed, committer, fault }: SlowSyncRun): Promise<SlowSyncReport> {
  const root = mkdtempSync(join(tmpdir(), 'postern-sync-'));
  const environment = { LD_PRELOAD: library, SLOWSYNC_MS: String(syncMs) };
  const child = new StoreProcess({ directory: join(root, 'data'), seed, from: 0, to: operations, committer, fault }, environment);
  try {
    await child.until((heard) => heard.acknowledged >= operations - 1);
    const { acknowledged, soonestMs } = child.heard;
    const violations = soonestMs < syncMs ? [`something was acknowledged after ${soonestMs.toFixed(1)} ms: a sync takes ${syncMs} ms`] : [];
    return { acknowledged: acknowledged + 1, soonestMs, violations };
  } finally {
    await child.kill();
    rmSync(root, { recursive: true });
  }
}

interface Round {
  readonly kill: number;
  readonly model: Model;
  readonly report: KillReport;
}

async function killOnce(root: string, run: KillRun, { kill, model, report }: Round): Promise<void> {
  const directory = join(root, 'data');
  const draws = new Draws(run.seed + 2, kill);
  const from = model.performed;
  const { seed, fault, committer, limits } = run;
  const child = new StoreProcess({ directory, seed, from, to: Number.MAX_SAFE_INTEGER, fault, committer, limits });
  const enough = from + draws.below(run.operationsPerKillMax ?? OPERATIONS_PER_KILL_MAX);
  await child.until((heard) => heard.acknowledged >= enough);
  const isEager = draws.below(10) < EAGER_KILLS_OF_TEN;
  await child.until((heard) => heard.issued > heard.acknowledged || !isEager);
  await child.kill();
  const { issued, acknowledged, acknowledgements, late } = child.heard;
  report.kills += 1;
  report.acknowledged += acknowledgements;
  if (issued > acknowledged) report.killsBetween += 1;
  report.outOfOrder += late;
  const found = await openCopy(directory, join(root, `copy-${kill}`), run.limits);
  if (found.boot !== kill + 1) report.violations.push(`boot ${found.boot} after ${kill} kills`);
  report.violations.push(...found.complaints);
  const survived = model.advanceTo(found, { least: acknowledged + 1, most: issued + 1 });
  if (survived === undefined)
    report.violations.push(...model.complaints.slice(0, COMPLAINTS_MAX).map((each) => `operation ${acknowledged} was acknowledged, but ${each}`));
  else report.survivedUnasked += survived;
}

/** The store in memory that lives the same life and is never killed. */
export class Model {
  /** Operations performed so far: the number of the next one. */
  performed = 0;
  /** How the contents last asked for differ from the state that is nearest to them. */
  complaints: readonly string[] = [];
  readonly #seed: number;
  readonly #store = new MemoryStore({ clock: new SystemClock(), autoCommit: false });

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Lives on until its state is `contents`, within the bounds. @returns how many operations beyond the least that took; undefined: never. */
  advanceTo(
    { contents, lastSequence }: Pick<Found, 'contents' | 'lastSequence'>,
    { least, most }: { readonly least: number; readonly most: number },
  ): number | undefined {
    this.complaints = [];
    for (let number = least; number <= most; number += 1) {
      this.#performTo(number);
      const expected = contentsOf(this.#store, GATEWAYS);
      if (isDeepStrictEqual(expected, contents) && this.#lastSequence === lastSequence) return number - least;
      const complaints = differences(expected, contents).map((each) => `after operation ${number - 1} ${each}`);
      if (number === least || complaints.length < this.complaints.length) this.complaints = complaints;
    }
    return undefined;
  }

  get #lastSequence(): Sequence {
    return this.#store.reopened({ wasClean: false }).boot.lastSequence;
  }

  #performTo(number: number): void {
    for (; this.performed < number; this.performed += 1) operate(this.#store, this.#seed, this.performed);
  }
}
