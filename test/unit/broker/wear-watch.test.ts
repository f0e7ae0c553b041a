import { beforeEach, describe, expect, test } from 'vitest';
import { type WearSettings, WearWatch } from '../../../src/broker/wear-watch.ts';
import { WIDENING_INTERVAL_MS, WINDOW_FACTOR_MAX, WindowWidening } from '../../../src/broker/window-widening.ts';
import { WEAR_LOOK_MS } from '../../../src/model/limits.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import { NO_WEAR, type WearDay } from '../../../src/model/wear.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLog } from '../../support/recording-log.ts';

const DAY_MS = 86_400_000;
const GB = 1e9;

class Watched {
  readonly clock = new FakeClock();
  readonly log = new RecordingLog();
  readonly metrics = new MetricsTable();
  readonly topics = new Map<string, string>();
  readonly factors: number[] = [];
  days: WearDay[] = [{ day: 0, bytes: NO_WEAR }];
  reserve = 'normal';
  readonly watch: WearWatch;

  constructor(settings: Partial<WearSettings> = {}) {
    this.watch = new WearWatch({
      clock: this.clock,
      log: this.log,
      metrics: this.metrics,
      settings: { enduranceBytes: 0, budgetBytesPerDay: 0, widensWindow: false, ...settings },
      device: { name: 'mmcblk0', health: () => ({ usedTenths: 2, reserve: this.reserve }) },
      report: () => ({ days: this.days, before: { ...NO_WEAR, device: GB } }),
      wallTimeOf: (atMs) => (atMs === 0 ? undefined : Date.UTC(2027, 0, 1)),
      announcer: { figure: (topic, payload) => void this.topics.set(topic, payload) },
      onWindowFactor: (factor) => this.factors.push(factor),
    });
    this.watch.start();
  }

  async wrote(...deviceBytes: number[]): Promise<void> {
    this.days = deviceBytes.map((device, day) => ({ day, bytes: { log: 1, tables: 2, compaction: 3, process: 10, device } }));
    await this.clock.advanceMs(WEAR_LOOK_MS);
  }
}

describe('the budget of a day', () => {
  let watched: Watched;

  beforeEach(() => {
    watched = new Watched({ budgetBytesPerDay: GB });
  });

  test('is silent while it is kept', async () => {
    await watched.wrote(GB);
    expect([watched.log.lines, watched.topics.get('$SYS/broker/wear/budget')]).toEqual([[], 'kept']);
  });

  test('has an alarm once a day', async () => {
    await watched.wrote(GB + 1);
    await watched.wrote(GB + 2);
    expect(watched.log.lines).toEqual([
      expect.objectContaining({ level: 'warn', event: 'the day is over its budget of flash wear', todayBytes: GB + 1, budgetBytes: GB }),
    ]);
    expect(watched.topics.get('$SYS/broker/wear/budget')).toBe('exceeded');
    await watched.wrote(GB + 2, 0);
    expect(watched.topics.get('$SYS/broker/wear/budget')).toBe('kept');
    await watched.wrote(GB + 2, GB + 5);
    expect(watched.metrics.snapshot()['wear.budget.exceeded']).toBe(2);
  });

  test('without one there is no alarm', async () => {
    const free = new Watched();
    await free.wrote(1e15);
    expect([free.log.lines, free.topics.has('$SYS/broker/wear/budget')]).toEqual([[], false]);
  });
});

describe('the life that is left', () => {
  test.each([
    ['by whole days', [2 * GB, 4 * GB, 100], 100 * GB, String(Math.floor((100 * GB - 7 * GB - 100) / (3 * GB)))],
    ['by today, if it is the first', [2 * GB], 100 * GB, String(Math.floor(97 / 2))],
    ['none', [200 * GB, 0], 100 * GB, '0'],
    ['nobody said how long it is', [GB], 0, undefined],
    ['nothing was written', [0, 0], 100 * GB, undefined],
  ])('%s', async (_meaning, deviceBytes, enduranceBytes, days) => {
    const watched = new Watched({ enduranceBytes });
    watched.days = [{ day: 0, bytes: NO_WEAR }];
    watched.topics.clear();
    const bytes = deviceBytes.map((device, day) => ({ day, bytes: { ...NO_WEAR, device } }));
    watched.days = bytes;
    await watched.clock.advanceMs(WEAR_LOOK_MS);
    expect(watched.topics.get('$SYS/broker/wear/life')).toBe(days);
  });

  test('a device that says its reserve is used up is told of once', async () => {
    const watched = new Watched();
    watched.reserve = 'urgent';
    await watched.wrote(1);
    await watched.wrote(2);
    expect(watched.log.lines).toEqual([
      { level: 'warn', event: 'the flash has used up most of its reserve', device: 'mmcblk0', reserve: 'urgent', advice: 'replace it' },
    ]);
  });
});

test('the status has the days, the newest first, and what each was for', async () => {
  const watched = new Watched({ enduranceBytes: 101 * GB, budgetBytesPerDay: GB });
  await watched.wrote(50, 20);
  expect(watched.watch.status()).toEqual({
    device: 'mmcblk0',
    deviceLifeUsedPercentAtMost: 20,
    deviceReserve: 'normal',
    budgetBytes: GB,
    windowFactor: 1,
    lifeLeftDays: Math.floor((100 * GB - 70) / 50),
    days: [
      { day: '2027-01-01T00:00:00.000Z', logBytes: 1, tablesBytes: 2, compactionBytes: 3, databaseBytes: 4, otherBytes: 10, allBytes: 20 },
      { day: 0, logBytes: 1, tablesBytes: 2, compactionBytes: 3, databaseBytes: 4, otherBytes: 40, allBytes: 50 },
    ],
  });
});

describe('commit windows on a day that would end above its budget', () => {
  /** Looks every ten minutes, with so many bytes written in each of them. */
  function factors(budgetBytes: number, ...perLook: number[]): number[] {
    const widening = new WindowWidening(budgetBytes);
    let bytes = 0;
    return perLook.map((more, index) => {
      bytes += more;
      widening.look({ dayMs: (index + 1) * WIDENING_INTERVAL_MS, dayLengthMs: DAY_MS, bytes });
      return widening.factor;
    });
  }

  const LOOKS_A_DAY = DAY_MS / WIDENING_INTERVAL_MS;

  test.each([
    ['doubled while it would', [2, 2, 2], [2, 4, 8]],
    [`up to ${WINDOW_FACTOR_MAX}`, Array(6).fill(9), [2, 4, 8, 16, 16, 16]],
    ['kept while it would come out just below', [2, 0.7, 0.7], [2, 2, 2]],
    ['halved when it would come out far below, to 1 at least', [2, 2, 0.1, 0.1, 0.1], [2, 4, 2, 1, 1]],
  ])('%s', (_meaning, shares, expected) => {
    const each = 1_000_000;
    expect(factors(each * LOOKS_A_DAY, ...shares.map((share) => share * each))).toEqual(expected);
  });

  test('nothing changes between two looks; another day begins with its own budget', () => {
    const widening = new WindowWidening(1_000);
    expect(widening.look({ dayMs: WIDENING_INTERVAL_MS - 1, dayLengthMs: DAY_MS, bytes: 900 })).toBe(false);
    expect(widening.look({ dayMs: WIDENING_INTERVAL_MS, dayLengthMs: DAY_MS, bytes: 900 })).toBe(true);
    expect(widening.look({ dayMs: 5, dayLengthMs: DAY_MS, bytes: 0 })).toBe(false);
    expect(widening.look({ dayMs: WIDENING_INTERVAL_MS, dayLengthMs: DAY_MS, bytes: 1 })).toBe(true);
    expect(widening.factor).toBe(1);
  });

  test('are told to who keeps them, where that is wanted', async () => {
    const [wanted, unwanted] = [true, false].map((widensWindow) => new Watched({ budgetBytesPerDay: GB, widensWindow }));
    for (const watched of [wanted, unwanted]) {
      await watched?.wrote(GB);
      await watched?.clock.advanceMs(WIDENING_INTERVAL_MS);
    }
    expect([wanted?.factors, wanted?.metrics.snapshot()['wear.window.factor'], unwanted?.factors]).toEqual([[2], 2, []]);
    expect(wanted?.log.lines.map(({ event }) => event)).toEqual(['commit windows changed to keep the budget of flash wear']);
  });
});
