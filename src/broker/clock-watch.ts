// Watches the wall clock: whether it is right, and whether it was set. Nothing waits by it; what it says is written down beside gateway time, so that
// what came before it was right can be dated afterwards, and told to whoever wonders about stamps that jump.
import type { CancelTimer, EpochMs, GatewayClock } from '../model/clock.ts';
import { CLOCK_LOOK_MS, CLOCK_STEP_MS } from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import type { Counter, Metrics } from '../model/metrics.ts';
import type { Announcer } from './announcer.ts';
import type { ClockBook } from './clock-book.ts';
import type { WallSpan } from './wall-times.ts';

const TOPICS = '$SYS/broker/clock';

export interface ClockWatchParts {
  readonly clock: GatewayClock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly book: ClockBook;
  readonly boot: number;
  /** Undefined: nothing is published below `$SYS`. */
  readonly announcer: Pick<Announcer, 'figure'> | undefined;
}

interface ClockStep {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
}

export class ClockWatch {
  readonly #parts: ClockWatchParts;
  readonly #steps: Counter;
  #span: WallSpan;
  #lastStep: ClockStep | undefined;
  #cancel: CancelTimer | undefined;

  constructor(parts: ClockWatchParts) {
    const { clock, metrics, book } = parts;
    this.#parts = parts;
    this.#steps = metrics.counter('clock.steps');
    this.#span = spanNow(clock);
    metrics.gauge('clock.synchronized', () => (this.#span.isSynchronized ? 1 : 0));
    book.begin(this.#span);
  }

  start(): void {
    const { announcer, boot } = this.#parts;
    announcer?.figure(`${TOPICS}/boot`, String(boot));
    announcer?.figure(`${TOPICS}/steps`, String(this.#steps.value));
    this.#tell();
    this.#lookLater();
  }

  stop(): void {
    this.#cancel?.();
  }

  /** For `postern status`. */
  status(): Record<string, unknown> {
    const { clock, book, boot } = this.#parts;
    const { isSynchronized, offsetMs } = this.#span;
    return {
      isSynchronized,
      wallTime: isoTime(clock.nowMs()),
      boot,
      gatewayMs: Math.round(clock.gatewayMs()),
      offsetMs: Math.round(offsetMs),
      steps: this.#steps.value,
      lastStep: this.#lastStep === undefined ? 'none' : described(this.#lastStep),
      bootsKnown: book.count,
    };
  }

  #lookLater(): void {
    this.#cancel = this.#parts.clock.after(CLOCK_LOOK_MS, () => {
      this.#look();
      this.#lookLater();
    });
  }

  #look(): void {
    const before = this.#span;
    const now = spanNow(this.#parts.clock);
    const hasStepped = Math.abs(now.offsetMs - before.offsetMs) >= CLOCK_STEP_MS;
    if (!hasStepped && now.isSynchronized === before.isSynchronized) return;
    this.#span = now;
    this.#parts.book.note(now);
    if (hasStepped) this.#tellStep({ fromMs: now.fromMs + before.offsetMs, toMs: now.fromMs + now.offsetMs });
    if (now.isSynchronized && !before.isSynchronized) this.#parts.log.info('wall clock is synchronized', { time: isoTime(now.fromMs + now.offsetMs) });
    this.#tell();
  }

  #tellStep(step: ClockStep): void {
    const { log, announcer } = this.#parts;
    const { isSynchronized } = this.#span;
    this.#lastStep = step;
    this.#steps.value += 1;
    log.warn('wall clock stepped', { ...described(step), isSynchronized });
    announcer?.figure(`${TOPICS}/steps`, String(this.#steps.value));
    announcer?.figure(`${TOPICS}/step`, JSON.stringify(described(step)));
  }

  #tell(): void {
    const { isSynchronized, offsetMs } = this.#span;
    this.#parts.announcer?.figure(`${TOPICS}/state`, isSynchronized ? 'synchronized' : 'unsynchronized');
    this.#parts.announcer?.figure(`${TOPICS}/offset`, String(Math.round(offsetMs)));
  }
}

function spanNow(clock: GatewayClock): WallSpan {
  const fromMs = clock.gatewayMs();
  return { fromMs, offsetMs: clock.nowMs() - fromMs, isSynchronized: clock.isSynchronized() };
}

function described({ fromMs, toMs }: ClockStep): Readonly<Record<'from' | 'to', string>> & { readonly seconds: number } {
  return { from: isoTime(fromMs), to: isoTime(toMs), seconds: Math.round(toMs - fromMs) / 1_000 };
}

function isoTime(ms: EpochMs): string {
  return new Date(ms).toISOString();
}
