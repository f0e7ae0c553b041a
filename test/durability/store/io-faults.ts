// Lets single calls on the files of a store fail while it works, at every place there is, or all of them for a while. Nothing acknowledged may be lost by
// it, the store must go on by itself, and no sync may be trusted for bytes that an earlier one could not bring to the medium.
import { closeSync, existsSync, fstatSync, mkdtempSync, openSync, readFileSync, readSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../e2e/waiting.ts';
import { openCopy } from './found.ts';
import { Model } from './harness.ts';
import { type CommitterName, StoreProcess } from './process.ts';
import { SyncAudit } from './sync-audit.ts';

type AnyCall = 'write' | 'sync' | 'truncate' | 'open' | 'remove';
/** On any file of the store, or on one. */
export type Call = AnyCall | `${AnyCall}:${'postern.db' | 'postern.db-wal'}`;

/** What a call leaves in errno. `short`: a write takes half of what it was given. */
export const ERRNO = { EIO: 5, ENOSPC: 28, EROFS: 30, EDQUOT: 122, short: 0 } as const;
export type Errno = keyof typeof ERRNO;

export interface IoFaultRun {
  /** The library that makes calls fail. */
  readonly library: string;
  readonly committer: CommitterName;
  readonly seed: number;
  readonly errno: Errno;
  readonly calls: readonly Call[];
  /** Which call fails, counted from when the store had recovered from the fault before; 0: every one, until several have. */
  readonly places: readonly number[];
  /** The process is killed while the last of them lasts. */
  readonly isKilledMeanwhile?: boolean;
}

export interface IoFaultReport {
  /** Places at which a call failed. */
  faults: number;
  /** Calls that failed there. */
  failedCalls: number;
  acknowledged: number;
  readonly violations: string[];
}

/** Small, so that faults meet checkpoints, dropped segments and groups that were split. */
const LIMITS = { checkpointLogBytes: 20_000, groupBytesMax: 4_000 };
/** Operations acknowledged before the first fault. */
const WARM_UP = 20;
const FAILED_CALLS_IN_A_ROW = 4;
const HIT_MS_MAX = 20_000;
const RECOVERY_MS_MAX = 30_000;
/** Faults between two kills; after each the store is compared with one that met none. */
const FAULTS_PER_LIFE = 12;

export async function failCalls(run: IoFaultRun): Promise<IoFaultReport> {
  const root = mkdtempSync(join(tmpdir(), 'postern-faults-'));
  const report: IoFaultReport = { faults: 0, failedCalls: 0, acknowledged: 0, violations: [] };
  const model = new Model(run.seed);
  try {
    const faultsPerLife = run.isKilledMeanwhile === true ? 1 : FAULTS_PER_LIFE;
    for (let from = 0; from < run.places.length && report.violations.length === 0; from += faultsPerLife) {
      const places = run.places.slice(from, from + faultsPerLife);
      await new Life(root, { ...run, places }, { model, report }).live();
    }
  } finally {
    rmSync(root, { recursive: true });
  }
  return report;
}

class Life {
  readonly #root: string;
  readonly #run: IoFaultRun;
  readonly #model: Model;
  readonly #report: IoFaultReport;
  readonly #child: StoreProcess;
  #failed = 0;
  #heardBytes = 0;

  constructor(root: string, run: IoFaultRun, { model, report }: { readonly model: Model; readonly report: IoFaultReport }) {
    this.#root = root;
    this.#run = run;
    this.#model = model;
    this.#report = report;
    const { committer, seed, library } = run;
    const environment = { LD_PRELOAD: library, FAULT_DIRECTORY: this.#directory, FAULT_CONTROL: this.#control, FAULT_LOG: this.#calls };
    if (existsSync(this.#calls)) this.#heardBytes = statSync(this.#calls).size;
    const orders = { directory: this.#directory, seed, from: model.performed, to: Number.MAX_SAFE_INTEGER, committer, limits: LIMITS };
    this.#child = new StoreProcess(orders, environment, 'ignore');
  }

  async live(): Promise<void> {
    const { heard } = this.#child;
    const from = this.#model.performed;
    await this.#child.until(({ acknowledged }) => acknowledged >= from + WARM_UP);
    for (const place of this.#run.places) if (this.#report.violations.length === 0) await this.#fault(place);
    await this.#child.kill();
    rmSync(this.#control, { force: true });
    this.#report.acknowledged += heard.acknowledgements;
    await this.#compare();
    this.#report.violations.push(...new SyncAudit(readFileSync(this.#calls, 'utf8')).violations);
  }

  async #fault(place: number): Promise<void> {
    const { errno, calls } = this.#run;
    const failedBefore = this.#failedCalls();
    const wanted = failedBefore + (place === 0 ? FAILED_CALLS_IN_A_ROW : 1);
    this.#arm(`${ERRNO[errno]} ${place} ${calls.join(' ')}`);
    const isHit = await eventually(() => this.#failedCalls() >= wanted, HIT_MS_MAX);
    if (this.#run.isKilledMeanwhile !== true) rmSync(this.#control);
    if (!isHit) {
      this.#complain(`${errno} of ${calls.join(', ')} at ${place} was not met`);
      return;
    }
    this.#report.faults += 1;
    this.#report.failedCalls += this.#failedCalls() - failedBefore;
    if (this.#run.isKilledMeanwhile === true) return;
    const { issued } = this.#child.heard;
    const isRecovered = await eventually(() => this.#child.heard.acknowledged > issued, RECOVERY_MS_MAX);
    if (!isRecovered) this.#complain(`after ${errno} of ${calls.join(', ')} at ${place} nothing was acknowledged any more`);
  }

  async #compare(): Promise<void> {
    const { heard } = this.#child;
    const found = await openCopy(this.#directory, join(this.#root, 'copy'), LIMITS);
    for (const complaint of found.complaints) this.#complain(complaint);
    const survived = this.#model.advanceTo(found, { least: heard.acknowledged + 1, most: heard.issued + 1 });
    if (survived === undefined) this.#complain(`operation ${heard.acknowledged} was acknowledged, but ${this.#model.complaints.slice(0, 4).join('; ')}`);
  }

  #complain(what: string): void {
    this.#report.violations.push(what);
  }

  /** Read as a whole or not at all. */
  #arm(line: string): void {
    writeFileSync(`${this.#control}.new`, line);
    renameSync(`${this.#control}.new`, this.#control);
  }

  /** Of the calls, only what is new is read. */
  #failedCalls(): number {
    if (!existsSync(this.#calls)) return 0;
    const file = openSync(this.#calls, 'r');
    const bytes = Buffer.allocUnsafe(fstatSync(file).size - this.#heardBytes);
    const length = readSync(file, bytes, 0, bytes.length, this.#heardBytes);
    closeSync(file);
    const whole = bytes.subarray(0, bytes.subarray(0, length).lastIndexOf('\n') + 1).toString();
    this.#heardBytes += Buffer.byteLength(whole);
    this.#failed += whole.match(/^failed /gm)?.length ?? 0;
    return this.#failed;
  }

  get #directory(): string {
    return join(this.#root, 'data');
  }

  get #control(): string {
    return join(this.#root, 'fault');
  }

  get #calls(): string {
    return join(this.#root, 'calls');
  }
}
