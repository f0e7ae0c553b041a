import { utimesSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { machineTime } from '../../../src/observe/machine-time.ts';
import { SystemClock } from '../../../src/observe/system-clock.ts';
import { isKeptByChrony } from '../../../src/observe/time-source.ts';
import { PlantedTree } from '../../support/planted-tree.ts';

const DAY_MS = 86_400_000;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function clock(over: Partial<ConstructorParameters<typeof SystemClock>[0]> = {}) {
  return new SystemClock({ mark: '/nowhere/synchronized', ask: async () => false, ...over });
}

describe('after', () => {
  test.each([0, 1, 999.5, 60_000, 24 * DAY_MS, 25 * DAY_MS, 400 * DAY_MS])('%d ms: once, and not before', async (delayMs) => {
    let fired = 0;
    const subject = clock();
    const startMs = subject.monotonicMs();
    let firedMs = 0;
    subject.after(delayMs, () => {
      fired += 1;
      firedMs = subject.monotonicMs();
    });
    expect(fired).toBe(0);
    if (delayMs >= 1) await vi.advanceTimersByTimeAsync(Math.ceil(delayMs) - 1);
    expect(fired).toBe(0);
    await vi.advanceTimersByTimeAsync(3);
    expect(fired).toBe(1);
    expect(firedMs - startMs).toBeGreaterThanOrEqual(delayMs);
    await vi.advanceTimersByTimeAsync(DAY_MS);
    expect(fired).toBe(1);
  });

  test.each([1_000, 60 * DAY_MS])('a cancelled timer of %i ms never runs, at whatever time it was cancelled', async (delayMs) => {
    const subject = clock();
    const cancel = subject.after(delayMs, () => expect.unreachable());
    await vi.advanceTimersByTimeAsync(delayMs / 2);
    cancel();
    cancel();
    await vi.advanceTimersByTimeAsync(delayMs);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('never, for Infinity', async () => {
    const cancel = clock().after(Number.POSITIVE_INFINITY, () => expect.unreachable());
    await vi.advanceTimersByTimeAsync(100 * DAY_MS);
    cancel();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('isSynchronized', () => {
  test('is true where systemd-timesyncd has left its mark', () => {
    using tree = new PlantedTree({ synchronized: '' });
    expect(clock({ mark: tree.path('synchronized') }).isSynchronized()).toBe(true);
  });

  test('is true once those who keep the clock say so, and stays true', async () => {
    const answers = [false, true];
    let asked = 0;
    const subject = clock({
      ask: async () => {
        asked += 1;
        return answers.shift() ?? false;
      },
    });
    const seen = [];
    for (let minute = 0; minute < 4; minute += 1) {
      seen.push(subject.isSynchronized());
      await vi.advanceTimersByTimeAsync(0);
      seen.push(subject.isSynchronized());
      await vi.advanceTimersByTimeAsync(60_000);
    }
    expect(seen).toEqual([false, false, false, true, true, true, true, true]);
    expect(asked).toBe(2);
  });

  test('looks again every ten seconds, however often it is asked', () => {
    let asked = 0;
    const subject = clock({
      ask: async () => {
        asked += 1;
        return false;
      },
    });
    for (let second = 0; second < 60; second += 1) {
      subject.isSynchronized();
      subject.isSynchronized();
      vi.advanceTimersByTime(1_000);
    }
    expect(asked).toBe(6);
  });

  test('looks every minute only, when ten have brought nothing', () => {
    let asked = 0;
    const subject = clock({
      ask: async () => {
        asked += 1;
        return false;
      },
    });
    for (let second = 0; second < 1_200; second += 1) {
      subject.isSynchronized();
      vi.advanceTimersByTime(1_000);
    }
    expect(asked).toBe(60 + 10);
  });

  test.each([Date.UTC(1970, 0, 1), Date.UTC(2025, 11, 31)])('is false at a time before this gateway was written, whatever is said of it: %i', async (nowMs) => {
    vi.setSystemTime(nowMs);
    const subject = clock({ ask: async () => true });
    await subject.asked();
    expect(subject.isSynchronized()).toBe(false);
  });

  test('rests on an answer once it was asked for', async () => {
    const subject = clock({ ask: async () => true });
    expect(subject.isSynchronized()).toBe(false);
    await subject.asked();
    expect(subject.isSynchronized()).toBe(true);
  });

  test('without systemd nobody says so, and nothing breaks', async () => {
    vi.useRealTimers();
    expect(typeof new SystemClock().isSynchronized()).toBe('boolean');
  });
});

describe('a step', () => {
  const setClock = (byMs: number): void => void vi.setSystemTime(Date.now() + byMs);

  test.each([
    ['ahead by hand', 20 * 365 * DAY_MS, false, false],
    ['back by hand', -3 * DAY_MS, false, false],
    ['by the daemon that keeps it', 3 * DAY_MS, true, true],
    ['that is none', 400, false, true],
  ])('%s', async (_what, byMs, answer, isBelieved) => {
    const answers = [true, answer];
    const subject = clock({ ask: async () => answers.shift() ?? false });
    await subject.asked();
    expect(subject.isSynchronized()).toBe(true);
    setClock(byMs);
    await subject.asked();
    expect(subject.isSynchronized()).toBe(isBelieved);
  });

  test.each([
    [-60_000, false],
    [0, true],
    [60_000, false],
  ])('a mark is believed when it was made behind it: %i ms', (byMs, isBelieved) => {
    using tree = new PlantedTree({ synchronized: '' });
    const subject = clock({ mark: tree.path('synchronized') });
    setClock(10 * DAY_MS);
    const seconds = (Date.now() + byMs) / 1_000;
    utimesSync(tree.path('synchronized'), seconds, seconds);
    expect(subject.isSynchronized()).toBe(isBelieved);
  });

  test('an answer about the clock before it is none', async () => {
    const answers = [Promise.withResolvers<boolean>(), Promise.withResolvers<boolean>()];
    const asked = [...answers];
    const subject = clock({ ask: () => (asked.shift() as PromiseWithResolvers<boolean>).promise });
    subject.isSynchronized();
    setClock(DAY_MS);
    subject.isSynchronized();
    answers[0]?.resolve(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(subject.isSynchronized()).toBe(false);
    answers[1]?.resolve(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(subject.isSynchronized()).toBe(true);
  });
});

describe('what chronyd says of its clock', () => {
  test.each([
    ['A29FC87B,162.159.200.123,4,1790000000.1,0.00001,0.00001,0.00002,-12.3,0.001,0.02,0.01,0.001,64.2,Normal', true],
    ['A29FC87B,162.159.200.123,4,1790000000.1,0.00001,0.00001,0.00002,-12.3,0.001,0.02,0.01,0.001,64.2,Insert second', true],
    ['00000000,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised', false],
    ['7F7F0101,127.127.1.1,10,1790000000.1,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,Normal', false],
    ['506 Cannot talk to daemon', false],
    ['', false],
    [undefined, false],
  ])('%s: %s', (tracking, isKept) => {
    expect(isKeptByChrony(tracking)).toBe(isKept);
  });
});

describe('the machine', () => {
  test('names its boot and counts its time', () => {
    vi.useRealTimers();
    const machine = machineTime();
    expect(machine?.bootId).toBeGreaterThan(0);
    expect(machine?.uptimeMs()).toBeGreaterThan(0);
    expect(machineTime()?.bootId).toBe(machine?.bootId);
  });

  test('does not where the kernel says nothing', () => {
    expect(machineTime('/nowhere/boot_id')).toBeUndefined();
  });
});

test('wall clock, monotonic clock and randomness are those of the machine', () => {
  vi.useRealTimers();
  const subject = clock();
  expect(Math.abs(subject.nowMs() - Date.now())).toBeLessThan(1_000);
  const before = subject.monotonicMs();
  expect(subject.monotonicMs()).toBeGreaterThanOrEqual(before);
  const drawn = new Set(Array.from({ length: 100 }, () => subject.random()));
  expect(drawn.size).toBeGreaterThan(90);
  expect([...drawn].every((value) => value >= 0 && value < 1)).toBe(true);
});
