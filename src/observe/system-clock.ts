import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { CancelTimer, Clock, EpochMs } from '../model/clock.ts';

/** setTimeout counts in 32 bits, longer delays would fire at once; and it may fire up to a millisecond early. */
const TIMER_MAX_MS = 2 ** 31 - 1;
/** How often an undisciplined wall clock is looked at again. */
const SYNC_CHECK_INTERVAL_MS = 10_000;

/** Made by systemd-timesyncd once the time is right. */
const TIMESYNC_MARK = '/run/systemd/timesync/synchronized';

/** How the machine is asked whether its wall clock is right. */
export interface TimeSource {
  /** Path that exists once it is. */
  readonly mark: string;
  /** Asks the kernel, which every other daemon (chrony, ntpd) tells. */
  readonly askKernel: () => Promise<boolean>;
}

/** Time and randomness of the machine. Timers do not keep the process alive: listeners do. */
export class SystemClock implements Clock {
  readonly #source: TimeSource;
  #isSynchronized = false;
  #nextCheckMs = 0;

  constructor(source: TimeSource = { mark: TIMESYNC_MARK, askKernel: askTimedated }) {
    this.#source = source;
  }

  nowMs(): EpochMs {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  /** Once true it stays true: a daemon that stops later leaves a clock that is right within seconds per day. */
  isSynchronized(): boolean {
    if (!this.#isSynchronized && this.monotonicMs() >= this.#nextCheckMs) this.#check();
    return this.#isSynchronized;
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

  #check(): void {
    this.#nextCheckMs = this.monotonicMs() + SYNC_CHECK_INTERVAL_MS;
    this.#isSynchronized = existsSync(this.#source.mark);
    if (this.#isSynchronized) return;
    void this.#source.askKernel().then((isSynchronized) => {
      this.#isSynchronized ||= isSynchronized;
    });
  }
}

/** systemd's view of adjtimex(2). False where there is no systemd. */
function askTimedated(): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('/usr/bin/timedatectl', ['show', '--property=NTPSynchronized', '--value'], { timeout: 2_000 }, (error, output) => {
      resolve(error === null && output.trim() === 'yes');
    });
  });
}
