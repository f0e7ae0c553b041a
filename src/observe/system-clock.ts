import { statSync } from 'node:fs';
import { type CancelTimer, type Clock, type EpochMs, WALL_CLOCK_MIN_MS } from '../model/clock.ts';
import { CLOCK_STEP_MS } from '../model/limits.ts';
import { MACHINE, type TimeSource } from './time-source.ts';

/** setTimeout counts in 32 bits, longer delays would fire at once; and it may fire up to a millisecond early. */
const TIMER_MAX_MS = 2 ** 31 - 1;
/** How often an undisciplined wall clock is looked at again: soon, for so many times, then seldom. */
const SYNC_CHECK_INTERVAL_MS = 10_000;
const SYNC_CHECKS_SOON = 60;
const SYNC_CHECK_SELDOM_MS = 60_000;
/** What the time of a file may be ahead: the kernel stamps it with the clock of its last tick. */
const MARK_SLACK_MS = 1_000;

/** Time and randomness of the machine. Timers do not keep the process alive: listeners do. */
export class SystemClock implements Clock {
  readonly #source: TimeSource;
  #isDisciplined = false;
  #nextCheckMs = 0;
  #checks = 0;
  #asking: Promise<void> = Promise.resolve();
  /** Wall less monotonic clock, and when it was last compared. */
  #offsetMs: number;
  #comparedMs: number;
  /** A mark from before the last step says nothing of the clock behind it. */
  #markMinMs: EpochMs = Number.NEGATIVE_INFINITY;

  constructor(source: TimeSource = MACHINE) {
    this.#source = source;
    this.#comparedMs = this.monotonicMs();
    this.#offsetMs = this.nowMs() - this.#comparedMs;
  }

  nowMs(): EpochMs {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  /** Once true it stays true until the clock steps: a daemon that stops leaves a clock that is right within seconds per day. */
  isSynchronized(): boolean {
    this.#compare();
    if (!this.#isDisciplined && this.#comparedMs >= this.#nextCheckMs) this.#check();
    return this.#isDisciplined && this.nowMs() >= WALL_CLOCK_MIN_MS;
  }

  /** Resolves when `isSynchronized` rests on an answer: those who keep the clock take up to two seconds. */
  async asked(): Promise<void> {
    if (!this.isSynchronized()) await this.#asking;
  }

  after(delayMs: number, run: () => void): CancelTimer {
    const dueMs = this.monotonicMs() + delayMs;
    let timer: NodeJS.Timeout;
    const wait = (): void => {
      const restMs = dueMs - this.monotonicMs();
      if (restMs <= 0) run();
      else timer = setTimeout(wait, Math.min(restMs, TIMER_MAX_MS)).unref();
    };
    timer = setTimeout(wait, Math.min(delayMs, TIMER_MAX_MS)).unref();
    return () => clearTimeout(timer);
  }

  random(): number {
    return Math.random();
  }

  /** Whoever set the clock by hand took it out of the hands of its daemon; a step of the daemon's own is confirmed at once. */
  #compare(): void {
    const monotonicMs = this.monotonicMs();
    const offsetMs = this.nowMs() - monotonicMs;
    if (Math.abs(offsetMs - this.#offsetMs) >= CLOCK_STEP_MS) {
      this.#markMinMs = offsetMs + this.#comparedMs;
      this.#offsetMs = offsetMs;
      this.#isDisciplined = false;
      this.#nextCheckMs = 0;
      this.#checks = 0;
    }
    this.#comparedMs = monotonicMs;
  }

  #check(): void {
    this.#checks += 1;
    this.#nextCheckMs = this.#comparedMs + (this.#checks > SYNC_CHECKS_SOON ? SYNC_CHECK_SELDOM_MS : SYNC_CHECK_INTERVAL_MS);
    this.#isDisciplined = this.#isMarked();
    if (this.#isDisciplined) return;
    const offsetMs = this.#offsetMs;
    this.#asking = this.#source.ask().then((isDisciplined) => {
      this.#isDisciplined ||= isDisciplined && offsetMs === this.#offsetMs; // an answer about the clock before a step is none
    });
  }

  #isMarked(): boolean {
    const writtenMs = statSync(this.#source.mark, { throwIfNoEntry: false })?.mtimeMs;
    return writtenMs !== undefined && writtenMs >= this.#markMinMs && writtenMs <= this.nowMs() + MARK_SLACK_MS;
  }
}
