// What a link may carry now: its pace, its times of day and its bytes of a day. The queue is held shut by class, so that urgent ones may pass the latter two.
import type { ClientSession } from '../../gateway/gateway.ts';
import type { CancelTimer, Clock, EpochMs } from '../../model/clock.ts';
import { PRIORITY_MAX } from '../../model/priority.ts';
import { isInside, minutesToNextEdge, type TimeWindow } from '../../model/time-windows.ts';
import { DayBytes, type DayTime } from './day-bytes.ts';
import type { LinkMeter } from './link-meter.ts';
import { Pace, type PaceSettings } from './pace.ts';

export interface BudgetSettings extends PaceSettings {
  /** In both directions; `Infinity`: any. */
  readonly bytesPerDay: number;
  /** Times of day at which the link may be used; none: all. */
  readonly windows: readonly TimeWindow[];
  /** Classes from this one on pass these times and these bytes, never the pace; above `PRIORITY_MAX`: none does. */
  readonly urgentFrom: number;
  /** Of the links the bridge dials. */
  readonly meter: LinkMeter;
  /** What local time is ahead of UTC at a time, ms. */
  readonly localOffsetMs: (epochMs: EpochMs) => number;
}

export interface BudgetStatus {
  /** Why messages wait although the remote is there: for the pace, for the next day, for the time of day. Absent: they do not. */
  readonly waitsFor?: 'rate' | 'day' | 'window';
  /** UTC. */
  readonly waitsUntil?: string;
  /** Absent: bytes are not counted. */
  readonly usedTodayBytes?: number;
}

interface Wait {
  readonly waitsFor: 'rate' | 'day' | 'window';
  readonly untilMs: EpochMs;
}

export interface LinkBudgetParts {
  readonly clock: Clock;
  readonly session: Pick<ClientSession, 'flow' | 'state'>;
}

const NOTHING = PRIORITY_MAX + 1;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

export class LinkBudget {
  readonly #settings: BudgetSettings;
  readonly #parts: LinkBudgetParts;
  readonly #pace: Pace;
  /** Undefined: bytes are not counted. */
  readonly #day: DayBytes | undefined;
  /** Of the meter, what was charged already. */
  #written = 0;
  #read = 0;
  #least = 0;
  #wait: Wait | undefined;
  #cancel: CancelTimer = () => {};

  constructor(settings: BudgetSettings, parts: LinkBudgetParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#pace = new Pace(parts.clock, settings);
    this.#day = Number.isFinite(settings.bytesPerDay) ? new DayBytes(parts.session.state, settings.bytesPerDay, this.#now) : undefined;
  }

  get status(): BudgetStatus {
    this.#bill(0);
    this.#day?.look(this.#now);
    const { waitsFor, untilMs } = this.#wait ?? {};
    return {
      ...(waitsFor === undefined || untilMs === undefined ? {} : { waitsFor, waitsUntil: new Date(untilMs).toISOString() }),
      ...(this.#day === undefined ? {} : { usedTodayBytes: Math.round(this.#day.used) }),
    };
  }

  /** Before the first delivery of a connection. */
  connected(): void {
    this.#bill(0); // before the time since pays for it
    this.#pace.start();
    this.#look();
  }

  disconnected(): void {
    this.#bill(0);
    this.#cancel();
    this.#wait = undefined;
  }

  /** The gateway stops, or the bridge. */
  close(): void {
    this.disconnected();
    this.#day?.close();
  }

  /** A message left. */
  sent(): void {
    this.#charge(1);
    if (this.#pace.waitMs > 0) this.#look();
  }

  /** One came. It cannot be helped, but its bytes count. */
  received(): void {
    this.#charge(0);
  }

  #charge(messages: number): void {
    this.#bill(messages);
    if (this.#day?.isUsedUp === true && this.#wait === undefined) this.#look();
  }

  /** Everything the links have carried since the last time is paid for: what goes beside messages as well. */
  #bill(messages: number): void {
    const { written, read } = this.#settings.meter;
    const bytes = written - this.#written;
    this.#pace.took(messages, bytes);
    this.#day?.took(bytes + read - this.#read);
    this.#written = written;
    this.#read = read;
  }

  /** Opens and shuts the queue, and comes back when that may change: after a minute at the latest, as clocks are set. */
  #look(): void {
    const { clock, session } = this.#parts;
    const now = this.#now;
    this.#bill(0); // to the day it was carried on
    this.#day?.look(now);
    const paceMs = this.#pace.waitMs;
    const shut = this.#shut(now);
    const least = paceMs > 0 ? NOTHING : shut === undefined ? 0 : this.#settings.urgentFrom;
    this.#wait = shut ?? (paceMs > 0 ? { waitsFor: 'rate', untilMs: clock.nowMs() + paceMs } : undefined);
    this.#cancel();
    const waitMs = Math.min(paceMs > 0 ? paceMs : MINUTE_MS, this.#toNextEdgeMs(now), MINUTE_MS);
    this.#cancel = this.#isTimed || paceMs > 0 ? clock.after(waitMs, () => this.#look()) : () => {};
    if (least === this.#least) return;
    this.#least = least;
    session.flow.allow(least);
  }

  /** For the longer of the two, the bytes of the day and the time of day. */
  #shut(now: DayTime): Wait | undefined {
    const nowMs = this.#parts.clock.nowMs();
    const { windows } = this.#settings;
    const isOutside = windows.length > 0 && !windows.some((window) => isInside(window, minuteOf(now)));
    const windowMs = isOutside ? this.#toNextEdgeMs(now) : 0;
    const dayMs = this.#day?.isUsedUp === true ? this.#day.waitMs(now) : 0;
    if (windowMs === 0 && dayMs === 0) return undefined;
    return { waitsFor: dayMs > windowMs ? 'day' : 'window', untilMs: nowMs + Math.max(windowMs, dayMs) };
  }

  get #isTimed(): boolean {
    return this.#day !== undefined || this.#settings.windows.length > 0;
  }

  #toNextEdgeMs(now: DayTime): number {
    const { windows } = this.#settings;
    if (windows.length === 0) return Number.POSITIVE_INFINITY;
    return minutesToNextEdge(windows, minuteOf(now)) * MINUTE_MS - (now.localMs % MINUTE_MS);
  }

  get #now(): DayTime {
    const { clock } = this.#parts;
    const nowMs = clock.nowMs();
    return { localMs: nowMs + this.#settings.localOffsetMs(nowMs), monotonicMs: clock.monotonicMs() };
  }
}

function minuteOf({ localMs }: DayTime): number {
  return Math.floor((localMs % DAY_MS) / MINUTE_MS);
}
