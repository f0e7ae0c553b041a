import { beforeEach, describe, expect, test } from 'vitest';
import { clientId, realm } from '../../../src/model/client.ts';
import { WEAR_DAYS_MAX } from '../../../src/model/limits.ts';
import type { WearBytes } from '../../../src/model/wear.ts';
import type { CommitUnit } from '../../../src/store/sqlite/committer.ts';
import type { TableWrite } from '../../../src/store/sqlite/schema.ts';
import { WearMeter } from '../../../src/store/sqlite/wear-meter.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { durable, FACTS, messageOf, QOS_1 } from '../../support/store-samples.ts';

const DAY_MS = 86_400_000;

/** A machine, and the rows a store of it has. */
class Machine {
  readonly rows = new Map<string, Uint8Array>();
  clock = new FakeClock();
  bootId = 7;
  deviceBytes = 1_000_000;
  processBytes = 0;

  meter(gatewayTimeOffsetMs = 0): WearMeter {
    this.processBytes = 0;
    const counters = { processBytes: () => this.processBytes, deviceBytes: () => this.deviceBytes };
    return new WearMeter({ clock: this.clock, gatewayTimeOffsetMs, counters, bootId: this.bootId, rows: new Map(this.rows) });
  }

  /** What a committed checkpoint leaves. */
  keep(writes: readonly TableWrite[]): void {
    for (const { statement, values } of writes) {
      if (statement === 'putState') this.rows.set(String(values[2]), values[3] as Uint8Array);
      else this.rows.delete(String(values[2]));
    }
  }

  written(own: number, device = own): void {
    this.processBytes += own;
    this.deviceBytes += device;
  }
}

let machine: Machine;

beforeEach(() => {
  machine = new Machine();
});

function unit(over: Partial<CommitUnit>): CommitUnit {
  return { segment: undefined, writes: [], vacuumPages: 0, ...over };
}

function todayOf(meter: WearMeter): WearBytes | undefined {
  return meter.report().days.at(-1)?.bytes;
}

describe('what is counted', () => {
  test('by what it is for, and by whom', () => {
    const meter = machine.meter();
    meter.committed(unit({ segment: { number: 1, firstSequence: 1, nextSequence: 2, bytes: new Uint8Array(300) } }));
    meter.committed(
      unit({
        writes: [
          { statement: 'putMeta', values: ['boot', 7] },
          { statement: 'putSegment', values: [1, 1, 2, new Uint8Array(50)] },
        ],
      }),
    );
    machine.written(8_192, 12_288);
    expect(todayOf(meter)).toEqual({ log: 300, tables: 12, compaction: 74, process: 8_192, device: 12_288 });
  });

  test('day by day, the oldest summed up', async () => {
    const meter = machine.meter();
    for (let day = 0; day < WEAR_DAYS_MAX + 2; day += 1) {
      machine.written(100);
      machine.keep(meter.takeRows());
      await machine.clock.advanceMs(DAY_MS);
    }
    const { days, before } = meter.report();
    expect([days.length, days[0]?.day, before.device]).toEqual([WEAR_DAYS_MAX, 3, 300]);
  });

  test('is written as one row, and drops a day that is too old', async () => {
    const meter = machine.meter();
    for (let day = 0; day <= WEAR_DAYS_MAX; day += 1) {
      await machine.clock.advanceMs(DAY_MS);
      const statements = meter.takeRows().map(({ statement }) => statement);
      expect(statements).toEqual(day < WEAR_DAYS_MAX - 1 ? ['putState'] : ['dropState', 'putState']);
    }
  });
});

describe('over a restart', () => {
  test('a day goes on, and what the device counted meanwhile is made good', () => {
    const first = machine.meter();
    machine.written(500, 700);
    machine.keep(first.takeRows());
    machine.written(1_000, 1_000); // killed before the next checkpoint
    expect(todayOf(machine.meter())).toEqual({ log: 0, tables: 0, compaction: 0, process: 500, device: 1_700 });
  });

  test('of the machine its counter begins anew', () => {
    const first = machine.meter();
    machine.written(500);
    machine.keep(first.takeRows());
    machine.bootId = 8;
    machine.deviceBytes = 40;
    const second = machine.meter();
    machine.written(60);
    expect(todayOf(second)).toMatchObject({ process: 560, device: 560 });
  });

  test('no day is counted twice, though its row was to be dropped by a checkpoint that was not finished', async () => {
    const meter = machine.meter();
    for (let day = 0; day <= WEAR_DAYS_MAX; day += 1) {
      machine.written(100);
      const rows = meter.takeRows();
      machine.keep(rows.filter(({ statement }) => statement === 'putState'));
      await machine.clock.advanceMs(DAY_MS);
    }
    const { days, before } = machine.meter(-DAY_MS).report();
    expect([machine.rows.size, days.length, before.device + days.reduce((sum, { bytes }) => sum + bytes.device, 0)]).toEqual([
      WEAR_DAYS_MAX + 1,
      WEAR_DAYS_MAX,
      (WEAR_DAYS_MAX + 1) * 100,
    ]);
  });

  test('a row that cannot be read costs its day', () => {
    machine.rows.set('0', Buffer.from('{'));
    expect(machine.meter().report().days).toHaveLength(1);
  });

  test('without a device what is known of it is nothing', () => {
    const meter = new WearMeter({ clock: machine.clock, gatewayTimeOffsetMs: 0, counters: undefined, bootId: undefined, rows: new Map() });
    meter.committed(unit({ segment: { number: 1, firstSequence: 1, nextSequence: 2, bytes: new Uint8Array(300) } }));
    expect(todayOf(meter)).toEqual({ log: 300, tables: 0, compaction: 0, process: 0, device: 0 });
  });
});

test('a store counts its commits, and keeps that with its last checkpoint', async () => {
  const bench = new SqliteBench();
  const store = bench.open();
  const session = store.createSession(realm('mqtt'), clientId('panel'), FACTS);
  store.refer(session, QOS_1);
  store.append(messageOf('t', 'x'.repeat(1_000)));
  await durable(store);
  const log = store.status().wear?.days.at(-1)?.bytes.log ?? 0;
  expect(log).toBeGreaterThan(1_000);
  const reopened = await bench.reopened(store);
  expect(reopened.status().wear?.days.at(-1)?.bytes.log).toBeGreaterThanOrEqual(log);
  expect(reopened.status().wear?.days.at(-1)?.bytes.tables).toBeGreaterThan(0);
  await bench.end();
});
