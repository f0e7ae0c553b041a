import { describe, expect, test } from 'vitest';
import type { BudgetSettings } from '../../../../src/bridge/budget/link-budget.ts';
import { LinkMeter } from '../../../../src/bridge/budget/link-meter.ts';
import { topicFilter } from '../../../../src/model/topic.ts';
import { type Bridged, bridged } from '../../../support/bridged.ts';
import { startCore, type TestCore } from '../../../support/core.ts';
import { FakeClock, settled } from '../../../support/fake-clock.ts';

const UNLIMITED = Number.POSITIVE_INFINITY;
const NONE: Omit<BudgetSettings, 'meter'> = {
  messagesPerSecond: UNLIMITED,
  bytesPerSecond: UNLIMITED,
  rampUpMs: 0,
  bytesPerDay: UNLIMITED,
  windows: [],
  urgentFrom: 8,
  localOffsetMs: () => 0,
};
const PRIORITIES = [{ filter: topicFilter('readings/alarm/#'), priority: 7 }] as const;
const ROOM = { messagesMax: 1_000_000, bytesMax: 100_000_000 };
/** At midnight. */
const DAY_START_MS = Date.UTC(2026, 5, 1);
const HOUR_SECONDS = 3_600;

interface Staging {
  readonly clock?: FakeClock;
  readonly backlog?: number;
  /** One that has seen a bridge before. */
  readonly core?: TestCore;
  readonly isReachable?: boolean;
}

async function budgeted(
  budget: Partial<BudgetSettings>,
  { clock = new FakeClock({ nowMs: DAY_START_MS }), backlog = 0, core, isReachable = backlog === 0 }: Staging = {},
): Promise<Bridged> {
  const made = await bridged({
    clock,
    bridge: { budget: { ...NONE, meter: new LinkMeter(), ...budget }, priorities: PRIORITIES, queueLimits: ROOM },
    remote: { isReachable },
    ...(core && { core }),
  });
  for (let index = 0; index < backlog; index += 1) made.local.publish(`readings/${index % 10}`, String(index), { qos: 1 });
  if (backlog > 0) {
    made.remote.isReachable = true;
    await clock.advanceSeconds(2);
    await settled();
  }
  return made;
}

const sent = ({ remote }: Bridged): number => remote.publishes.length;

describe('messages per second', () => {
  test('are not exceeded, and reached', async () => {
    const made = await budgeted({ messagesPerSecond: 10 }, { backlog: 1_000 });
    const before = sent(made);
    await made.clock.advanceSeconds(60);
    expect(sent(made) - before).toBeGreaterThanOrEqual(599);
    expect(sent(made) - before).toBeLessThanOrEqual(601);
    expect(made.bridge.status()).toMatchObject({ waitsFor: 'rate' });
  });

  test('at high rates messages go in lots', async () => {
    const made = await budgeted({ messagesPerSecond: 1_000 }, { backlog: 5_000 });
    const before = sent(made);
    await made.clock.advanceSeconds(3);
    expect(sent(made) - before).toBeGreaterThan(2_900);
    expect(sent(made) - before).toBeLessThan(3_110);
  });

  test('an alarm passes a backlog of 100,000 within a second at 10 a second, and order per topic holds', async () => {
    const made = await budgeted({ messagesPerSecond: 10 }, { backlog: 100_000 });
    await made.clock.advanceSeconds(5);
    for (const payload of ['first', 'second']) made.local.publish('readings/alarm/a', payload, { qos: 1 });
    const before = sent(made);
    await made.clock.advanceSeconds(1);
    const alarms = made.remote.publishes.slice(before).filter(({ topic }) => topic.includes('alarm'));
    expect(alarms.map(({ payload }) => payload)).toEqual(['first', 'second']);
    const ofTopic = made.remote.publishes.filter(({ topic }) => topic === 'site1/readings/3').map(({ payload }) => Number(payload));
    expect(ofTopic).toEqual(ofTopic.toSorted((a, b) => a - b));
  });

  test('no alarm waits behind more than half a second of messages that are not answered yet', async () => {
    const clock = new FakeClock({ nowMs: DAY_START_MS });
    const made = await bridged({
      clock,
      bridge: { budget: { ...NONE, meter: new LinkMeter(), messagesPerSecond: 10 }, priorities: PRIORITIES, inflightMax: 20 },
      remote: { acknowledges: false },
    });
    for (let index = 0; index < 100; index += 1) made.local.publish('readings/a', String(index));
    await clock.advanceSeconds(5);
    expect(sent(made)).toBe(5);
    made.local.publish('readings/alarm/a', 'fire');
    await clock.advanceSeconds(1);
    expect(made.remote.payloads.slice(5)).toEqual(['fire']);
  });
});

test('bytes per second: a large message makes what follows wait', async () => {
  const made = await budgeted({ bytesPerSecond: 1_000 });
  made.local.publish('readings/a', 'x'.repeat(10_000), { qos: 1 });
  made.local.publish('readings/a', 'y', { qos: 1 });
  await made.clock.advanceSeconds(9);
  expect(sent(made)).toBe(1);
  await made.clock.advanceSeconds(2);
  expect(made.remote.payloads[1]).toBe('y');
});

test('after a reconnect the pace comes from a tenth to the whole', async () => {
  const made = await budgeted({ messagesPerSecond: 100, rampUpMs: 10_000 }, { backlog: 10_000 });
  made.remote.hangUp();
  await made.clock.advanceMs(1_000);
  await settled();
  const perSecond: number[] = [];
  for (let second = 0; second < 12; second += 1) {
    const before = sent(made);
    await made.clock.advanceSeconds(1);
    perSecond.push(sent(made) - before);
  }
  expect(perSecond[0]).toBeLessThan(30);
  expect(perSecond[4]).toBeGreaterThan(40);
  expect(perSecond[4]).toBeLessThan(60);
  expect(perSecond[11]).toBeGreaterThanOrEqual(98);
  expect(perSecond).toEqual(perSecond.toSorted((a, b) => a - b));
});

describe('bytes per day', () => {
  test('behind them messages wait for midnight, urgent ones do not, and the status says so', async () => {
    const made = await budgeted({ bytesPerDay: 100_000, urgentFrom: 7 }, { backlog: 5_000 });
    await made.clock.advanceSeconds(60);
    const used = made.bridge.status().usedTodayBytes ?? 0;
    expect(used).toBeGreaterThanOrEqual(100_000);
    expect(used).toBeLessThan(101_000);
    expect(made.bridge.status()).toMatchObject({ waitsFor: 'day', waitsUntil: '2026-06-02T00:00:00.000Z' });
    const before = sent(made);
    made.local.publish('readings/alarm/a', 'fire', { qos: 1 });
    await settled();
    expect(made.remote.payloads.slice(before)).toEqual(['fire']);
    await made.clock.advanceSeconds(24 * HOUR_SECONDS);
    expect(sent(made) - before).toBeGreaterThan(1_500);
  });

  test('what goes beside messages counts, too, and is there when the gateway stops', async () => {
    const meter = new LinkMeter();
    const made = await budgeted({ bytesPerDay: 1_000_000, meter });
    expect(meter.written + meter.read).toBeGreaterThan(0); // CONNECT, SUBSCRIBE and their answers
    expect(made.bridge.status()).toMatchObject({ usedTodayBytes: meter.written + meter.read });
    await made.clock.advanceSeconds(300); // pings
    await made.bridge.stop(AbortSignal.abort());
    const again = await budgeted({ bytesPerDay: 1_000_000 }, { clock: made.clock, core: made.core, isReachable: false });
    expect(again.bridge.status()).toMatchObject({ usedTodayBytes: meter.written + meter.read });
  });

  test('what comes counts too', async () => {
    const made = await budgeted({ bytesPerDay: 10_000 });
    for (let index = 0; index < 11; index += 1) made.remote.publish('site1/cmd/valve', 'x'.repeat(1_000), 0);
    await settled();
    expect(made.bridge.status()).toMatchObject({ waitsFor: 'day' });
    made.local.publish('readings/a', 'x', { qos: 0 });
    await made.clock.advanceSeconds(60);
    expect(sent(made)).toBe(0);
  });

  test('survive a restart of the gateway', async () => {
    const clock = new FakeClock({ nowMs: DAY_START_MS });
    const first = await budgeted({ bytesPerDay: 10_000 }, { clock, backlog: 1_000 });
    const core = startCore({ clock, store: first.core.store.reopened({ wasClean: false }) });
    const second = await bridged({
      clock,
      core,
      bridge: { budget: { ...NONE, meter: new LinkMeter(), bytesPerDay: 10_000 }, priorities: PRIORITIES, queueLimits: ROOM },
    });
    await clock.advanceSeconds(60);
    expect(second.bridge.status()).toMatchObject({ waitsFor: 'day' });
    expect(sent(second)).toBe(0);
  });
});

describe('times of day', () => {
  const windows = [{ from: 60, to: 120 }];

  test('nothing is sent outside of them, and the status says until when', async () => {
    const made = await budgeted({ windows }, { backlog: 100 });
    expect(sent(made)).toBe(0);
    expect(made.bridge.status()).toMatchObject({ isConnected: true, waitsFor: 'window', waitsUntil: '2026-06-01T01:00:00.000Z' });
    await made.clock.advanceSeconds(HOUR_SECONDS);
    expect(sent(made)).toBe(100);
    expect(made.bridge.status()).not.toHaveProperty('waitsFor');
    await made.clock.advanceSeconds(HOUR_SECONDS);
    made.local.publish('readings/a', 'late', { qos: 0 });
    await made.clock.advanceSeconds(60);
    expect(sent(made)).toBe(100);
    await made.clock.advanceSeconds(23 * HOUR_SECONDS);
    expect(made.remote.payloads.at(-1)).toBe('late');
  });

  test('are local time', async () => {
    const made = await budgeted({ windows, localOffsetMs: () => HOUR_SECONDS * 1_000 }, { backlog: 10 });
    expect(sent(made)).toBe(10);
  });

  test('a clock that is set is noticed within a minute', async () => {
    const made = await budgeted({ windows }, { backlog: 10 });
    made.clock.stepWallClock(HOUR_SECONDS * 1_000);
    await made.clock.advanceSeconds(60);
    expect(sent(made)).toBe(10);
  });

  test('what is under way when one ends is not sent again before the next', async () => {
    const made = await budgeted({ windows: [{ from: 0, to: 60 }] });
    made.remote.acknowledges = false;
    made.local.publish('readings/a', 'x', { qos: 1 });
    await settled();
    await made.clock.advanceSeconds(HOUR_SECONDS - 20);
    const copies = sent(made);
    await made.clock.advanceSeconds(30);
    made.remote.acknowledges = true;
    made.remote.hangUp();
    await made.clock.advanceSeconds(HOUR_SECONDS);
    expect(sent(made)).toBe(copies);
    await made.clock.advanceSeconds(23 * HOUR_SECONDS);
    expect(made.remote.publishes.slice(copies)).toEqual([expect.objectContaining({ payload: 'x', isDuplicate: true })]);
  });
});

test('newest first: of that class the last message goes first, and all of them go', async () => {
  const clock = new FakeClock({ nowMs: DAY_START_MS });
  const made = await bridged({ clock, bridge: { newestFirst: [3], priorities: PRIORITIES, inflightMax: 2 }, remote: { isReachable: false } });
  for (let index = 0; index < 6; index += 1) made.local.publish('readings/a', String(index), { qos: index % 2 === 0 ? 1 : 2, packetId: 1 + index });
  made.remote.isReachable = true;
  await clock.advanceSeconds(2);
  for (let turn = 0; turn < 10; turn += 1) await settled();
  expect(made.remote.payloads).toEqual(['5', '4', '3', '2', '1', '0']);
  expect(made.core.store.status().queuedMessages).toBe(0);
});
