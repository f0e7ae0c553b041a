// What the disk refused, and when it is asked again: commits, and the copying of SQLite's log.
import type { Clock } from '../../model/clock.ts';
import type { Log } from '../../model/log.ts';
import type { Counter, Metrics } from '../../model/metrics.ts';
import { type RetrySchedule, retryDelayMs } from '../../model/retry-schedule.ts';
import type { CommitFailure } from './committer.ts';

const RETRY: RetrySchedule = { firstMs: 100, factor: 2, capMs: 10_000, jitter: 0.5 };

/** What to do when the disk refuses, by SQLite's code; the codes of its input and output errors share a prefix. */
const ADVICE: readonly (readonly [prefix: string, advice: string])[] = [
  ['SQLITE_FULL', 'the disk is full: free space in the data directory; nothing is acknowledged until then'],
  ['SQLITE_CORRUPT', 'the database is damaged and no fresh file can take its place: see the reason; nothing is acknowledged until then'],
  ['SQLITE_BUSY', 'another program holds the database: close it; nothing is acknowledged until then'],
  ['SQLITE_READONLY', 'the data directory cannot be written: mount it read-write; nothing is acknowledged until then'],
  ['SQLITE_IOERR', 'the disk reports errors: check it (dmesg) and replace it; nothing is acknowledged until a write succeeds'],
];

export class CommitTrouble {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #failures: Counter;
  readonly #copyFailures: Counter;
  /** How often the unit in flight was refused. */
  #attempts = 0;
  #ofCommit: CommitFailure | undefined;
  #ofCopy: CommitFailure | undefined;

  constructor({ clock, log, metrics }: { readonly clock: Clock; readonly log: Log; readonly metrics: Metrics }) {
    this.#clock = clock;
    this.#log = log;
    this.#failures = metrics.counter('store.commits.failed');
    this.#copyFailures = metrics.counter('store.copies.failed');
  }

  get attempts(): number {
    return this.#attempts;
  }

  /** Why the last write failed, until one succeeds. */
  get failure(): CommitFailure | undefined {
    return this.#ofCommit ?? this.#ofCopy;
  }

  /** Of SQLite's log, as far as is known. */
  get isCopyFailing(): boolean {
    return this.#ofCopy !== undefined;
  }

  committed(): void {
    if (this.#attempts > 0) this.#log.info('store writes again', { attempts: this.#attempts });
    this.#attempts = 0;
    this.#ofCommit = undefined;
  }

  /** @returns ms until the next attempt. */
  refused(failure: CommitFailure): number {
    const { code, message: reason } = failure;
    this.#failures.value += 1;
    const delayMs = retryDelayMs(RETRY, this.#attempts, this.#clock.random());
    this.#attempts += 1;
    this.#ofCommit = failure;
    this.#log.error('store cannot commit', { code, reason, advice: adviceOn(failure), attempt: this.#attempts, retryInMs: Math.round(delayMs) });
    return delayMs;
  }

  /** Nothing is lost by a copy that fails: what is in SQLite's log is safe there. @returns whether this is the first failure since one succeeded. */
  copied(failure: CommitFailure | undefined): boolean {
    const wasFailing = this.isCopyFailing;
    this.#ofCopy = failure;
    if (failure === undefined && wasFailing) this.#log.info('store copies its log again');
    if (failure === undefined || wasFailing) return false;
    this.#copyFailures.value += 1;
    this.#log.error('store cannot copy its log', { code: failure.code, reason: failure.message, advice: adviceOn(failure) });
    return true;
  }
}

function adviceOn({ code }: CommitFailure): string {
  return ADVICE.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 'nothing is acknowledged until a commit succeeds';
}
