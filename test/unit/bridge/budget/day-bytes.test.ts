import { describe, expect, test } from 'vitest';
import { DayBytes } from '../../../../src/bridge/budget/day-bytes.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The state of a session, as a restart finds it. */
function state(): { get(key: string): Uint8Array | undefined; put(key: string, value: Uint8Array): void } {
  const kept = new Map<string, Uint8Array>();
  return { get: (key) => kept.get(key), put: (key, value) => void kept.set(key, value) };
}

const at = (localMs: number, monotonicMs = localMs) => ({ localMs: 100 * DAY_MS + localMs, monotonicMs });

describe('bytes of a day', () => {
  test('are used up, and a new day begins at midnight', () => {
    const day = new DayBytes(state(), 1_000, at(10 * HOUR_MS));
    day.took(1_000);
    expect(day.isUsedUp).toBe(true);
    expect(day.waitMs(at(10 * HOUR_MS))).toBe(14 * HOUR_MS);
    day.look(at(24 * HOUR_MS - 1));
    expect(day.isUsedUp).toBe(true);
    day.look(at(24 * HOUR_MS));
    expect(day.used).toBe(0);
  });

  test.each([
    ['after a crash: as many, or less than a hundredth more', () => {}, 700, 708],
    ['after a stop: as many', (day: DayBytes) => day.close(), 700, 700],
  ])('survive a restart %s', (_, end, atLeast, atMost) => {
    const kept = state();
    const first = new DayBytes(kept, 1_000, at(0));
    for (let message = 0; message < 70; message += 1) first.took(10);
    end(first);
    const second = new DayBytes(kept, 1_000, at(HOUR_MS));
    second.look(at(HOUR_MS));
    expect(second.used).toBeGreaterThanOrEqual(atLeast);
    expect(second.used).toBeLessThanOrEqual(atMost);
  });

  test('are written at most 128 times a day', () => {
    const writes: number[] = [];
    const day = new DayBytes({ get: () => undefined, put: () => void writes.push(1) }, 1_000_000, at(0));
    for (let message = 0; message < 100_000; message += 1) day.took(10);
    expect(writes.length).toBeLessThanOrEqual(128);
  });

  test.each([
    ['an hour, to the day before: when its day is over', HOUR_MS, 25 * HOUR_MS],
    ['ten days: a day later', 10 * DAY_MS, DAY_MS],
  ])('a clock set back does not give them again; by %s', (_, backMs, untilMs) => {
    const day = new DayBytes(state(), 1_000, at(0, 0));
    day.took(1_000);
    day.look(at(-backMs, 0));
    expect(day.isUsedUp).toBe(true);
    for (let ms = 0; ms < untilMs; ms += HOUR_MS) day.look(at(ms - backMs, ms));
    expect(day.isUsedUp).toBe(true);
    day.look(at(untilMs - backMs, untilMs));
    expect(day.used).toBe(0);
  });

  test('a clock set ahead over midnight begins the new day at once, and set back again goes on with it', () => {
    const day = new DayBytes(state(), 1_000, at(0, 0));
    day.took(1_000);
    day.look(at(DAY_MS, 0));
    expect(day.used).toBe(0);
    day.took(1_000);
    day.look(at(0, 0));
    expect(day.isUsedUp).toBe(true);
  });
});
