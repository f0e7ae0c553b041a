import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SystemClock } from '../../../src/observe/system-clock.ts';
import { PlantedTree } from '../../support/planted-tree.ts';

const DAY_MS = 86_400_000;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function clock(over: Partial<ConstructorParameters<typeof SystemClock>[0]> = {}) {
  return new SystemClock({ mark: '/nowhere/synchronized', askKernel: async () => false, ...over });
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

  test('is true once the kernel says so, and stays true', async () => {
    const answers = [false, true];
    let asked = 0;
    const subject = clock({
      askKernel: async () => {
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
      askKernel: async () => {
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

  test('without systemd nobody says so, and nothing breaks', async () => {
    vi.useRealTimers();
    expect(typeof new SystemClock().isSynchronized()).toBe('boolean');
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
