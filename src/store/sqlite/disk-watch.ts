// Looks after the room of the store: how much there is, which step of the ladder that asks for, and what the step asks of others. Looked at by the clock,
// after every commit that failed, and as soon as what was written since could have used up what lies before the next step.
import type { CancelTimer, Clock } from '../../model/clock.ts';
import type { Log } from '../../model/log.ts';
import type { Counter, Metrics } from '../../model/metrics.ts';
import { DISK_STEPS, type DiskState, type DiskStep, type DiskWatcher } from '../../session/disk-pressure.ts';
import type { Ballast } from './ballast.ts';
import type { CommitFailure } from './committer.ts';
import type { DiskReading, ReadDisk } from './disk-gauge.ts';
import { DiskLadder } from './disk-ladder.ts';
import { type DiskLimits, fitted } from './disk-limits.ts';
import type { ProbeDisk } from './disk-probe.ts';

export interface DiskWatchParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly read: ReadDisk;
  readonly probe: ProbeDisk;
  readonly ballast: Ballast;
  readonly limits: DiskLimits;
  /** What failed is tried again at once. */
  readonly commits: { readonly attempts: number; readonly isCopyFailing: boolean; retryCommit(): void };
  /** Gives back what is no longer needed; no more than one such work at a time. */
  readonly upkeep: { readonly isBusy: boolean; reclaim(): void; noteTime(): void };
}

const LOOK_INTERVAL_MS = 5_000;
/** While some step is taken, or commits fail. */
const CLOSE_LOOK_INTERVAL_MS = 1_000;
/** Each brings the tables up to the log, which is written twice by it. */
const RECLAIM_INTERVAL_MS = 30_000;
/** From `evict` on, where room counts more than wear. */
const PRESSING_RECLAIM_INTERVAL_MS = 2_000;
/** What queues are asked for at once, between two looks, and how soon after one another. */
const EVICTED_AT_ONCE_BYTES = 128 * 1024;
const EVICTED_PER_LOOK_BYTES = 4 * 1024 * 1024;
const EVICTION_INTERVAL_MS = 20;
/** Room that came since a commit was refused, and is worth a try before its time. */
const NEWS_BYTES = 64 * 1024;
/** A byte of a group goes to SQLite's log and to the file. */
const COPIES = 2;

const ADVICE: Readonly<Record<DiskStep, string>> = {
  ample: 'nothing: everything is stored as before',
  'stop-lazy': 'free space: until then nothing is acknowledged before its commit',
  compact: 'free space: until then the store gives back what it no longer needs at once',
  evict: 'free space, or let the clients take what waits for them: queues that may drop messages do',
  refuse: 'free space in the data directory: nothing new is stored until then; what is queued is delivered as before',
};

export class DiskWatch {
  readonly #parts: DiskWatchParts;
  readonly #ladder: DiskLadder;
  readonly #limits: DiskLimits;
  readonly #taken: Readonly<Record<DiskStep, Counter>>;
  readonly #watchers: DiskWatcher[] = [];
  #reading: DiskReading;
  /** Room at the last look. */
  #measuredBytes = 0;
  /** The last write was refused for want of room, whatever the file system says: it may have quotas. */
  #isRefusedRoom = false;
  /** What was free then. */
  #refusedAtBytes = 0;
  #cause = '';
  #spentBytes = 0;
  #isStopped = false;
  #reclaimedMs = Number.NEGATIVE_INFINITY;
  #cancelLook: CancelTimer | undefined;
  #cancelEviction: CancelTimer | undefined;

  constructor(parts: DiskWatchParts) {
    const { metrics, limits } = parts;
    this.#parts = parts;
    this.#reading = parts.read();
    this.#limits = fitted(limits, this.#totalBytes(limits.bytesMax));
    this.#ladder = new DiskLadder(this.#limits.enterBelowBytes, (step, isEasing) => this.#stepped(step, isEasing));
    this.#taken = Object.fromEntries(DISK_STEPS.map((step) => [step, metrics.counter(`store.disk.steps.${step}`)])) as Record<DiskStep, Counter>;
    metrics.gauge('store.disk.step', () => DISK_STEPS.indexOf(this.step));
    metrics.gauge('store.disk.room-bytes', () => this.roomBytes);
    metrics.gauge('store.disk.ballast-bytes', () => parts.ballast.bytes);
  }

  get step(): DiskStep {
    return this.#ladder.step;
  }

  get isRefusing(): boolean {
    return this.#ladder.isAtEnd;
  }

  isAt(step: DiskStep): boolean {
    return this.#ladder.isAt(step);
  }

  /** What the store may still take, the ballast reckoned as if it were there: to give it up is no relief. */
  get roomBytes(): number {
    return this.#isRefusedRoom ? Math.min(0, this.#measuredBytes) : this.#measuredBytes;
  }

  get storeBytes(): number {
    return this.#reading.storeBytes;
  }

  /** What the operating system called the last failure; empty while writes succeed. */
  get cause(): string {
    return this.#cause;
  }

  start(): void {
    this.look();
    this.#lookLater(LOOK_INTERVAL_MS);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelLook?.();
    this.#cancelEviction?.();
    await this.#parts.ballast.stop();
  }

  /** Is told of the steps taken so far at once. */
  watch(watcher: DiskWatcher): void {
    this.#watchers.push(watcher);
    for (const step of DISK_STEPS.slice(1, DISK_STEPS.indexOf(this.step) + 1)) watcher.stepped(this.#state(step, false));
  }

  committed(bytes: number): void {
    const wasRefused = this.#isRefusedRoom;
    this.#cause = '';
    this.#isRefusedRoom = false;
    this.#spentBytes += COPIES * bytes;
    if (wasRefused || this.#spentBytes > this.#ladder.slackBytes(this.roomBytes)) this.look();
  }

  refused(failure: CommitFailure): void {
    this.#isRefusedRoom = this.#isForWantOfRoom(failure);
    this.look();
    this.#refusedAtBytes = this.#reading.freeBytes;
    if (this.#isRefusedRoom && this.#giveUpBallast()) this.#parts.commits.retryCommit();
  }

  /** It is tried again soon by whoever writes. */
  notCopied(failure: CommitFailure): void {
    const isForWantOfRoom = this.#isForWantOfRoom(failure);
    this.look();
    if (isForWantOfRoom) this.#giveUpBallast();
  }

  look(): void {
    this.#spentBytes = 0;
    try {
      this.#reading = this.#parts.read();
    } catch (error) {
      if (!(error instanceof Error && 'syscall' in error)) throw error;
      return; // what was read last holds until the disk answers again
    }
    this.#measure();
    this.#ladder.measured(this.roomBytes);
  }

  #measure(): void {
    const { freeBytes, storeBytes } = this.#reading;
    this.#measuredBytes = Math.min(freeBytes - this.#parts.ballast.missingBytes, this.#limits.bytesMax - storeBytes);
  }

  get #isFailing(): boolean {
    const { attempts, isCopyFailing } = this.#parts.commits;
    return attempts > 0 || isCopyFailing;
  }

  #isForWantOfRoom({ code }: CommitFailure): boolean {
    const isFull = code === 'SQLITE_FULL';
    this.#cause = this.#parts.probe() ?? (isFull ? 'ENOSPC' : '');
    return isFull || isWantOfRoom(this.#cause);
  }

  #giveUpBallast(): boolean {
    const { ballast, log } = this.#parts;
    const isGivenUp = ballast.giveUp();
    if (isGivenUp) log.warn('ballast given up', { bytes: ballast.bytesWanted, advice: 'what is under way can be committed with it; free space' });
    return isGivenUp;
  }

  #totalBytes(bytesMax: number): number {
    return Math.min(bytesMax, this.#reading.totalBytes);
  }

  #lookLater(delayMs: number): void {
    if (this.#isStopped) return;
    this.#cancelLook?.();
    this.#cancelLook = this.#parts.clock.after(delayMs, () => {
      this.look();
      this.#act();
      this.#lookLater(this.isAt('stop-lazy') || this.#isFailing ? CLOSE_LOOK_INTERVAL_MS : LOOK_INTERVAL_MS);
    });
  }

  #act(): void {
    const { ballast, commits, upkeep } = this.#parts;
    if (commits.isCopyFailing && commits.attempts === 0) upkeep.noteTime(); // an idle store would not find out that it can again
    if (!this.isAt('stop-lazy') && ballast.missingBytes > 0) void ballast.make();
    if (commits.attempts > 0) {
      if (this.#isWorthATry()) commits.retryCommit();
    } else if (this.isAt('evict')) {
      this.#evict(this.#evictionBytes());
    } else if (this.isAt('compact')) {
      this.#reclaim(RECLAIM_INTERVAL_MS);
    }
  }

  #isWorthATry(): boolean {
    if (this.#isRefusedRoom) return this.#reading.freeBytes > this.#refusedAtBytes + NEWS_BYTES;
    return this.#cause !== '' && this.#parts.probe() === undefined;
  }

  /** Nothing, where all there is would not lead out of the step: somebody else has filled the disk, and it would be lost for nothing. */
  #evictionBytes(): number {
    const missing = this.#ladder.missingBytes('evict', this.roomBytes);
    const evictable = this.#watchers.reduce((sum, watcher) => sum + watcher.evictableBytes, 0);
    return evictable < missing ? 0 : Math.min(EVICTED_PER_LOOK_BYTES, missing);
  }

  /** What was let go of before must be given back first: else more goes than must. */
  #evict(bytes: number): void {
    const { upkeep, clock } = this.#parts;
    if (upkeep.isBusy || this.#cancelEviction !== undefined) return;
    const wanted = Math.min(bytes, EVICTED_AT_ONCE_BYTES);
    const evicted = this.#watchers.reduce((sum, watcher) => sum + (sum < wanted ? watcher.evict(wanted - sum) : 0), 0);
    if (evicted === 0 || evicted >= bytes) {
      this.#reclaim(PRESSING_RECLAIM_INTERVAL_MS);
      return;
    }
    this.#cancelEviction = clock.after(EVICTION_INTERVAL_MS, () => {
      this.#cancelEviction = undefined;
      this.#evict(bytes - evicted);
    });
  }

  #reclaim(intervalMs: number): void {
    const { upkeep, clock } = this.#parts;
    const nowMs = clock.monotonicMs();
    if (upkeep.isBusy || nowMs - this.#reclaimedMs < intervalMs) return;
    this.#reclaimedMs = nowMs;
    upkeep.reclaim();
  }

  #stepped(step: DiskStep, isEasing: boolean): void {
    const { log } = this.#parts;
    const state = this.#state(step, isEasing);
    this.#taken[step].value += 1;
    const { roomBytes, storeBytes } = state;
    if (isEasing) {
      log.info('disk has room again', { step, roomBytes, storeBytes });
    } else {
      log.warn('disk runs short of room', { step, roomBytes, storeBytes, advice: ADVICE[step] });
      this.#lookLater(CLOSE_LOOK_INTERVAL_MS); // what the step asks for is asked for then
    }
    for (const watcher of this.#watchers) watcher.stepped(state);
  }

  #state(step: DiskStep, isEasing: boolean): DiskState {
    return { step, isEasing, roomBytes: this.roomBytes, storeBytes: this.storeBytes };
  }
}

/** errno.h: no space, a quota, a file that may grow no more. */
function isWantOfRoom(cause: string): boolean {
  return cause === 'ENOSPC' || cause === 'EDQUOT' || cause === 'EFBIG';
}
