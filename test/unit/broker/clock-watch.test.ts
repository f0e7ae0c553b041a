import { beforeEach, describe, expect, test } from 'vitest';
import { ClockBook } from '../../../src/broker/clock-book.ts';
import { ClockWatch } from '../../../src/broker/clock-watch.ts';
import { Receipts } from '../../../src/broker/receipts.ts';
import type { Delivery } from '../../../src/gateway/gateway.ts';
import { gatewayClock } from '../../../src/model/clock.ts';
import { CLOCK_BOOTS_MAX, CLOCK_LOOK_MS, CLOCK_SPANS_MAX, CLOCK_STEP_MS } from '../../../src/model/limits.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const NOW_MS = Date.UTC(2027, 0, 15);
const HOUR_MS = 3_600_000;

/** A client that remembers what the gateway said of each message. */
class Reader extends TestClient {
  readonly receipts: Readonly<Record<string, string>>[] = [];

  override deliver(delivery: Delivery): void {
    super.deliver(delivery);
    this.receipts.push(Object.fromEntries(delivery.receipt ?? []));
  }
}

/** One boot of a gateway. */
class Boot {
  readonly clock: FakeClock;
  readonly store: MemoryStore;
  readonly log = new RecordingLog();
  readonly metrics = new MetricsTable();
  readonly topics = new Map<string, string>();
  readonly book: ClockBook;
  readonly watch: ClockWatch;
  readonly core: TestCore;

  constructor({ nowMs, isSynced, store, monotonicOffsetMs = 0 }: { nowMs: number; isSynced: boolean; store?: MemoryStore; monotonicOffsetMs?: number }) {
    this.clock = new FakeClock({ nowMs });
    this.clock.isSynced = isSynced;
    this.store = store ?? new MemoryStore({ clock: this.clock });
    this.book = new ClockBook({ store: this.store, metrics: this.metrics });
    const clock = gatewayClock(this.clock, monotonicOffsetMs);
    const announcer = { figure: (topic: string, payload: string) => void this.topics.set(topic, payload) };
    this.watch = new ClockWatch({ clock, log: this.log, metrics: this.metrics, book: this.book, boot: this.store.boot.boot, announcer });
    this.watch.start();
    this.core = startCore({ clock: this.clock, store: this.store, receipts: new Receipts(this.book) });
  }

  async set(wallMs: number, isSynced = true): Promise<void> {
    this.clock.stepWallClock(wallMs - this.clock.nowMs());
    this.clock.isSynced = isSynced;
    await this.clock.advanceMs(CLOCK_LOOK_MS);
  }

  async reader(id: string): Promise<Reader> {
    const reader = new Reader(this.core.context('mqtt'));
    await reader.connect(requestOf(id));
    return reader;
  }
}

describe('a reading taken before the clock was set', () => {
  let boot: Boot;

  beforeEach(async () => {
    boot = new Boot({ nowMs: 0, isSynced: false });
    const away = await boot.reader('away');
    away.subscribe('#');
    away.session.disconnect({ publishWill: false });
    await boot.clock.advanceMs(HOUR_MS);
    const sensor = await boot.reader('sensor');
    sensor.publish('t', '21.5');
    sensor.publish('kept', '1', { isRetain: true });
    await boot.clock.advanceMs(HOUR_MS);
  });

  test('has its boot and uptime until then', async () => {
    const reader = await boot.reader('away');
    expect(reader.receipts[0]).toEqual({ 'postern-clock': 'unknown', 'postern-boot': '1', 'postern-uptime-ms': String(HOUR_MS) });
  });

  test('and its time from then on: queued, retained, and after a restart', async () => {
    await boot.set(NOW_MS);
    const receipt = {
      'postern-received': new Date(NOW_MS - HOUR_MS).toISOString(),
      'postern-clock': 'estimated',
      'postern-boot': '1',
      'postern-uptime-ms': String(HOUR_MS),
    };
    const next = new Boot({ nowMs: 0, isSynced: false, store: boot.store.reopened({ wasClean: false }), monotonicOffsetMs: 3 * HOUR_MS });
    for (const { core } of [boot, next]) {
      const reader = new Reader(core.context('mqtt'));
      await reader.connect(requestOf('away'));
      expect(reader.receipts).toEqual([receipt, receipt]);
      const late = new Reader(core.context('mqtt'));
      await late.connect(requestOf('late'));
      late.subscribe('kept');
      await settled();
      expect(late.receipts).toEqual([receipt]);
    }
  });

  test('what comes afterwards has it at once', async () => {
    await boot.set(NOW_MS);
    const reader = await boot.reader('reader');
    reader.subscribe('now');
    reader.publish('now', '', { qos: 0 });
    expect(reader.receipts).toEqual([
      {
        'postern-received': new Date(NOW_MS + CLOCK_LOOK_MS).toISOString(),
        'postern-clock': 'synchronized',
        'postern-boot': '1',
        'postern-uptime-ms': String(2 * HOUR_MS + CLOCK_LOOK_MS),
      },
    ]);
  });
});

describe('a step', () => {
  test('is logged once with both times, counted, published and shown', async () => {
    const boot = new Boot({ nowMs: NOW_MS, isSynced: true });
    await boot.clock.advanceMs(HOUR_MS);
    await boot.set(NOW_MS);
    await boot.clock.advanceMs(HOUR_MS);
    const from = new Date(NOW_MS + HOUR_MS + CLOCK_LOOK_MS).toISOString();
    const to = new Date(NOW_MS + CLOCK_LOOK_MS).toISOString();
    expect(boot.log.lines).toEqual([{ level: 'warn', event: 'wall clock stepped', from, to, seconds: -3_600, isSynchronized: true }]);
    expect(boot.metrics.snapshot()).toMatchObject({ 'clock.steps': 1, 'clock.synchronized': 1 });
    expect(boot.watch.status()).toMatchObject({ isSynchronized: true, boot: 1, steps: 1, lastStep: { from, to, seconds: -3_600 } });
    expect(Object.fromEntries(boot.topics)).toMatchObject({
      '$SYS/broker/clock/state': 'synchronized',
      '$SYS/broker/clock/boot': '1',
      '$SYS/broker/clock/steps': '1',
      '$SYS/broker/clock/step': JSON.stringify({ from, to, seconds: -3_600 }),
      '$SYS/broker/clock/offset': String(NOW_MS - HOUR_MS),
    });
  });

  test('dates what came before it by the clock of then', async () => {
    const boot = new Boot({ nowMs: NOW_MS, isSynced: true });
    await boot.clock.advanceMs(HOUR_MS);
    await boot.set(NOW_MS + 24 * HOUR_MS);
    const [before, after] = [boot.book.receptionAt(HOUR_MS - 1), boot.book.receptionAt(HOUR_MS + CLOCK_LOOK_MS)];
    expect([before?.wallMs, after?.wallMs]).toEqual([NOW_MS + HOUR_MS - 1, NOW_MS + 24 * HOUR_MS + CLOCK_LOOK_MS]);
  });

  test.each([
    [CLOCK_STEP_MS - 1, 0],
    [CLOCK_STEP_MS, 1],
    [-CLOCK_STEP_MS, 1],
    [1 - CLOCK_STEP_MS, 0],
  ])('of %i ms: %i', async (byMs, steps) => {
    const boot = new Boot({ nowMs: NOW_MS, isSynced: true });
    await boot.set(NOW_MS + byMs);
    expect(boot.metrics.snapshot()['clock.steps']).toBe(steps);
  });

  test('that brings the right time says so', async () => {
    const boot = new Boot({ nowMs: 0, isSynced: false });
    expect(boot.topics.get('$SYS/broker/clock/state')).toBe('unsynchronized');
    await boot.set(NOW_MS);
    expect(boot.log.lines.map(({ event }) => event)).toEqual(['wall clock stepped', 'wall clock is synchronized']);
    expect(boot.topics.get('$SYS/broker/clock/state')).toBe('synchronized');
  });
});

describe('bounds', () => {
  test(`the last ${CLOCK_SPANS_MAX} steps of a boot are kept`, async () => {
    const boot = new Boot({ nowMs: NOW_MS, isSynced: true });
    for (let step = 1; step <= CLOCK_SPANS_MAX + 3; step += 1) await boot.set(NOW_MS + step * HOUR_MS);
    expect(boot.metrics.snapshot()['clock.forgotten']).toBe(4);
    expect(boot.book.receptionAt(0)).toMatchObject({ certainty: 'estimated' });
  });

  test(`the last ${CLOCK_BOOTS_MAX} boots are kept, and a row that cannot be read costs itself only`, async () => {
    let { store } = new Boot({ nowMs: NOW_MS, isSynced: true });
    const metrics = new MetricsTable();
    for (let boot = 2; boot <= CLOCK_BOOTS_MAX + 2; boot += 1) {
      store = store.reopened({ wasClean: true });
      new ClockBook({ store, metrics }).begin({ fromMs: boot * 1_000, offsetMs: 0, isSynchronized: true });
    }
    expect(metrics.snapshot()['clock.forgotten']).toBe(2);
    expect([...store.gatewayState('clock').keys()].length).toBe(CLOCK_BOOTS_MAX);
    store.putState({ gateway: 'clock' }, '7', Buffer.from('{'));
    const read = new ClockBook({ store: store.reopened({ wasClean: false }), metrics });
    expect([read.count, read.receptionAt(8_500)?.boot, read.receptionAt(2_500)]).toEqual([CLOCK_BOOTS_MAX - 1, 8, undefined]);
  });
});
