// Where commits should run, judged by how long they stand still for the disk. A card that syncs in ten milliseconds must not stop the turns; a disk that
// syncs in a tenth of one is done before another thread has been woken.
import type { Clock } from '../../model/clock.ts';
import { COMMIT_INLINE_MS_MAX, COMMIT_WORKER_STAY_MAX_MS, COMMIT_WORKER_STAY_MS } from '../../model/limits.ts';
import { type RetrySchedule, retryDelayMs } from '../../model/retry-schedule.ts';

/** Commits that are looked back on. What SQLite copies from its log into the file, once in hundreds of commits, is no reason to move; a stall of 10 ms is. */
const WINDOW = 32;
/** Below this share of the bound the disk is fast again. */
const FAST_SHARE = 0.5;
/** How long it must have been fast: longer each time it fell back, so that a card with one stall a minute ends in the worker. */
const STAY: RetrySchedule = { firstMs: COMMIT_WORKER_STAY_MS, factor: 2, capMs: COMMIT_WORKER_STAY_MAX_MS, jitter: 0 };

export class CommitPlacement {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** Those not seen yet count as none: a few commits of a millisecond at the start move nothing. */
  readonly #waitsMs = new Float64Array(WINDOW);
  #at = 0;
  #sumMs = 0;
  #isWorkerWanted = false;
  #slowUntilMs = 0;
  #returns = 0;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  get wantsWorker(): boolean {
    return this.#isWorkerWanted;
  }

  get meanMs(): number {
    return this.#sumMs / WINDOW;
  }

  /** A commit has waited for the disk so long, wherever it ran. */
  add(syncMs: number): void {
    this.#sumMs += syncMs - (this.#waitsMs[this.#at] as number);
    this.#waitsMs[this.#at] = syncMs;
    this.#at = (this.#at + 1) % WINDOW;
    if (this.#isWorkerWanted) this.#mayReturn();
    else if (this.meanMs > COMMIT_INLINE_MS_MAX) this.#leave();
  }

  #leave(): void {
    this.#isWorkerWanted = true;
    this.#slowUntilMs = this.#clock.monotonicMs();
  }

  #mayReturn(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.meanMs >= COMMIT_INLINE_MS_MAX * FAST_SHARE) this.#slowUntilMs = nowMs;
    if (nowMs - this.#slowUntilMs < retryDelayMs(STAY, this.#returns, 0)) return;
    this.#isWorkerWanted = false;
    this.#returns += 1;
  }
}
