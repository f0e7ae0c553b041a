// Tells what the flash below the data directory goes through: the day against its budget, the life that is left of a card at the pace of the last days.
import type { CancelTimer, EpochMs, GatewayClock, GatewayMs } from '../model/clock.ts';
import { WEAR_LOOK_MS } from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import type { Counter, Metrics } from '../model/metrics.ts';
import { cardBytes, sumOfWear, type WearDay, type WearReport } from '../model/wear.ts';
import type { Announcer } from './announcer.ts';
import { WindowWidening } from './window-widening.ts';

const TOPICS = '$SYS/broker/wear';
const DAY_MS = 86_400_000;

export interface WearSettings {
  /** Bytes the card takes in its life; 0: nobody said. */
  readonly enduranceBytes: number;
  /** 0: none. */
  readonly budgetBytesPerDay: number;
  /** Whether commit windows become longer when the day would end above its budget. */
  readonly widensWindow: boolean;
}

/** The device below the data directory. */
export interface WornDevice {
  readonly name: string;
  health(): { readonly usedTenths: number; readonly reserve: string } | undefined;
}

export interface WearWatchParts {
  readonly clock: GatewayClock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly settings: WearSettings;
  readonly device: WornDevice | undefined;
  report(): WearReport;
  /** The wall clock at that moment, as far as it is known. */
  wallTimeOf(atMs: GatewayMs): EpochMs | undefined;
  /** Undefined: nothing is published below `$SYS`. */
  readonly announcer: Pick<Announcer, 'figure'> | undefined;
  /** Commit windows should be that many times as long as configured. */
  readonly onWindowFactor: (factor: number) => void;
}

export class WearWatch {
  readonly #parts: WearWatchParts;
  readonly #exceeded: Counter;
  readonly #widening: WindowWidening;
  /** What stands under each topic. */
  readonly #told = new Map<string, string>();
  #alarmDay: number | undefined;
  #isReserveTold = false;
  #cancel: CancelTimer | undefined;

  constructor(parts: WearWatchParts) {
    const { metrics, settings } = parts;
    this.#parts = parts;
    this.#exceeded = metrics.counter('wear.budget.exceeded');
    this.#widening = new WindowWidening(settings.budgetBytesPerDay);
    metrics.gauge('wear.window.factor', () => this.#widening.factor);
  }

  start(): void {
    this.#look();
  }

  stop(): void {
    this.#cancel?.();
  }

  /** For `postern status`. */
  status(): Record<string, unknown> {
    const { device, settings, report } = this.#parts;
    const wear = report();
    const health = device?.health();
    return {
      device: device?.name ?? 'unknown',
      ...(health !== undefined && { deviceLifeUsedPercentAtMost: health.usedTenths * 10, deviceReserve: health.reserve }),
      ...(settings.budgetBytesPerDay > 0 && { budgetBytes: settings.budgetBytesPerDay, windowFactor: this.#widening.factor }),
      lifeLeftDays: lifeLeftDays(wear, settings.enduranceBytes) ?? 'unknown',
      days: wear.days.toReversed().map((day) => this.#dayLine(day)),
    };
  }

  #look(): void {
    const { settings, report, clock } = this.#parts;
    const wear = report();
    const { day, bytes } = today(wear);
    const used = cardBytes(bytes);
    const isOver = settings.budgetBytesPerDay > 0 && used > settings.budgetBytesPerDay;
    if (isOver && this.#alarmDay !== day) this.#alarm(day, used);
    if (settings.budgetBytesPerDay > 0) this.#say('budget', isOver ? 'exceeded' : 'kept');
    if (settings.widensWindow && settings.budgetBytesPerDay > 0) this.#widen({ dayMs: clock.gatewayMs() - day * DAY_MS, dayLengthMs: DAY_MS, bytes: used });
    this.#say('today', String(used));
    const yesterday = wear.days.at(-2);
    if (yesterday !== undefined) this.#say('last', String(cardBytes(yesterday.bytes)));
    const left = lifeLeftDays(wear, settings.enduranceBytes);
    if (left !== undefined) this.#say('life', String(left));
    this.#lookAtReserve();
    this.#cancel = clock.after(WEAR_LOOK_MS, () => this.#look());
  }

  #alarm(day: number, todayBytes: number): void {
    const { budgetBytesPerDay: budgetBytes } = this.#parts.settings;
    const advice =
      'fewer durable messages write less: QoS 0 where a loss does not matter, fewer retained topics; or the budget is smaller than the card allows';
    this.#alarmDay = day;
    this.#exceeded.value += 1;
    this.#parts.log.warn('the day is over its budget of flash wear', { todayBytes, budgetBytes, advice });
  }

  #widen(use: Parameters<WindowWidening['look']>[0]): void {
    if (!this.#widening.look(use)) return;
    const { factor } = this.#widening;
    this.#parts.log.info('commit windows changed to keep the budget of flash wear', { factor });
    this.#parts.onWindowFactor(factor);
  }

  #lookAtReserve(): void {
    const health = this.#isReserveTold ? undefined : this.#parts.device?.health();
    if (health === undefined || (health.reserve !== 'warning' && health.reserve !== 'urgent')) return;
    this.#isReserveTold = true;
    this.#parts.log.warn('the flash has used up most of its reserve', { device: this.#parts.device?.name, reserve: health.reserve, advice: 'replace it' });
  }

  #say(name: string, payload: string): void {
    if (this.#told.get(name) === payload) return;
    this.#told.set(name, payload);
    this.#parts.announcer?.figure(`${TOPICS}/${name}`, payload);
  }

  #dayLine({ day, bytes }: WearDay): Record<string, unknown> {
    const wallMs = this.#parts.wallTimeOf(day * DAY_MS);
    const { log, tables, compaction, process, device } = bytes;
    return {
      day: wallMs === undefined ? day : new Date(wallMs).toISOString(),
      logBytes: log,
      tablesBytes: tables,
      compactionBytes: compaction,
      databaseBytes: Math.max(0, process - log - tables - compaction),
      otherBytes: Math.max(0, device - process),
      allBytes: cardBytes(bytes),
    };
  }
}

function today({ days }: WearReport): WearDay {
  const day = days.at(-1);
  if (day === undefined) throw new TypeError('a report has a day at least');
  return day;
}

/** At the mean of the whole days that are known, or of today's if there are none; undefined without a life to go by. */
function lifeLeftDays({ days, before }: WearReport, enduranceBytes: number): number | undefined {
  if (enduranceBytes === 0) return undefined;
  const whole = days.length > 1 ? days.slice(0, -1) : days;
  const perDay = whole.reduce((sum, { bytes }) => sum + cardBytes(bytes), 0) / whole.length;
  const written = cardBytes(days.reduce((sum, { bytes }) => sumOfWear(sum, bytes), before));
  return perDay === 0 ? undefined : Math.max(0, Math.floor((enduranceBytes - written) / perDay));
}
