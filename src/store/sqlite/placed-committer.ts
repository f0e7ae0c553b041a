// Commits run in the main thread or in one of their own, and move between two units: one is in flight at a time, and the answer to it is the moment.
import type { Clock } from '../../model/clock.ts';
import { GatewayError } from '../../model/errors.ts';
import type { Log } from '../../model/log.ts';
import type { Counter, Metrics } from '../../model/metrics.ts';
import { type RetrySchedule, retryDelayMs } from '../../model/retry-schedule.ts';
import { CommitPlacement } from './commit-placement.ts';
import { CommitTimes, thousandths } from './commit-times.ts';
import type { CommitFailure, Committer, CommitUnit, OnCommitted } from './committer.ts';
import { InlineCommitter } from './inline-committer.ts';
import { leavesLogInDoubt } from './log-sync.ts';
import type { UnitWriter } from './unit-writer.ts';
import { type StartCommitThread, THREAD_DIED, WorkerCommitter } from './worker-committer.ts';

/** A thread that died, or could not be started, is started again after a while. */
const RESTART: RetrySchedule = { firstMs: 1_000, factor: 2, capMs: 600_000, jitter: 0 };

export interface PlacedCommitterParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly writer: UnitWriter;
  /** Undefined: commits stay in the main thread. `isAlways`: whatever the disk is like. */
  readonly thread: { readonly start: StartCommitThread; readonly isAlways: boolean } | undefined;
}

export class PlacedCommitter implements Committer {
  /** How long commits stood still for the disk. */
  readonly syncTimes = new CommitTimes();
  readonly #parts: PlacedCommitterParts;
  readonly #inline: InlineCommitter;
  readonly #placement: CommitPlacement;
  readonly #started: Counter;
  readonly #died: Counter;
  #worker: WorkerCommitter | undefined;
  /** A thread that is not needed any more, on its way out. */
  #leaving: Promise<void> = Promise.resolve();
  #deaths = 0;
  #restartAtMs = 0;
  /** A sync failed, wherever it was: the next unit, wherever it goes, begins with that. */
  #isLogInDoubt = false;

  constructor(parts: PlacedCommitterParts) {
    const { clock, metrics, writer } = parts;
    this.#parts = parts;
    this.#placement = new CommitPlacement(clock);
    this.#inline = new InlineCommitter(writer, (syncMs) => this.synced(syncMs));
    this.#started = metrics.counter('store.commit-thread.started');
    this.#died = metrics.counter('store.commit-thread.died');
    this.#place();
  }

  /** Where the next unit is committed. */
  get place(): 'inline' | 'worker' {
    return this.#usable() === undefined ? 'inline' : 'worker';
  }

  commit(unit: CommitUnit, done: OnCommitted): void {
    const worker = this.#usable();
    if (worker === undefined) {
      this.#commitInline(unit, done);
      return;
    }
    worker.commit(this.#withDoubt(unit), (failure, copyFailure) => {
      if (failure?.code !== THREAD_DIED) {
        this.#answer(done, failure, copyFailure);
        return;
      }
      this.doubtLog();
      this.#commitInline(unit, done); // perhaps once more: every statement may be repeated
    });
  }

  /** Nobody knows whether the last sync succeeded. */
  doubtLog(): void {
    this.#isLogInDoubt = true;
  }

  #commitInline(unit: CommitUnit, done: OnCommitted): void {
    this.#inline.commit(this.#withDoubt(unit), (failure, copyFailure) => this.#answer(done, failure, copyFailure));
  }

  #withDoubt(unit: CommitUnit): CommitUnit {
    return this.#isLogInDoubt ? { ...unit, provesLog: true } : unit;
  }

  #answer(done: OnCommitted, failure: CommitFailure | undefined, copyFailure: CommitFailure | undefined): void {
    if (failure === undefined) this.#isLogInDoubt = false;
    else if (leavesLogInDoubt(failure.code)) this.doubtLog();
    done(failure, copyFailure);
  }

  /** A commit stood still for the disk so long, wherever it ran. */
  synced(syncMs: number): void {
    this.syncTimes.add(syncMs);
    this.#placement.add(syncMs);
    this.#place();
  }

  async close(): Promise<void> {
    await this.#leaving;
    await this.#worker?.close();
    this.#parts.writer.close();
  }

  /** Where nothing else is wanted, units wait for the thread to start; otherwise its start holds none of them up. */
  #usable(): WorkerCommitter | undefined {
    return this.#parts.thread?.isAlways === true || this.#worker?.isReady === true ? this.#worker : undefined;
  }

  #place(): void {
    const { thread } = this.#parts;
    if (thread === undefined) return;
    const isWanted = thread.isAlways || this.#placement.wantsWorker;
    if (isWanted && this.#worker === undefined) this.#start(thread.start);
    else if (!isWanted && this.#worker?.isReady === true) this.#leave(this.#worker);
  }

  #start(start: StartCommitThread): void {
    const { clock, log } = this.#parts;
    if (clock.monotonicMs() < this.#restartAtMs) return;
    this.#started.value += 1;
    try {
      this.#worker = new WorkerCommitter(start, {
        ready: () => log.info('commits run in a thread of their own', { syncMsMean: thousandths(this.#placement.meanMs) }),
        synced: (syncMs) => this.synced(syncMs),
        died: (reason) => this.#buried(reason),
      });
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#buried(error.message);
    }
  }

  #leave(worker: WorkerCommitter): void {
    this.#worker = undefined;
    this.#leaving = worker.close();
    this.#parts.log.info('commits run in the main thread again', { syncMsMean: thousandths(this.#placement.meanMs) });
  }

  #buried(reason: string): void {
    const { clock, log } = this.#parts;
    const delayMs = retryDelayMs(RESTART, this.#deaths, 0);
    this.#worker = undefined;
    this.#deaths += 1;
    this.#died.value += 1;
    this.#restartAtMs = clock.monotonicMs() + delayMs;
    log.error('committing thread ended', { reason, advice: 'nothing is lost: the main thread commits until it is started again', restartInMs: delayMs });
  }
}
