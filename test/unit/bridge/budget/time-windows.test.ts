import { describe, expect, test } from 'vitest';
import { isInside, minutesToNextEdge, timeWindow } from '../../../../src/model/time-windows.ts';

const HOUR = 60;

describe('times of day', () => {
  test.each([
    ['08:00-09:30', 8 * HOUR, true],
    ['08:00-09:30', 9 * HOUR + 30, false],
    ['08:00-09:30', 7 * HOUR + 59, false],
    ['22:00-06:00', 23 * HOUR, true],
    ['22:00-06:00', 0, true],
    ['22:00-06:00', 6 * HOUR, false],
    ['00:00-00:00', 12 * HOUR, true],
  ])('%s at minute %i: %s', (written, minute, is) => {
    const window = timeWindow(written);
    expect(window && isInside(window, minute)).toBe(is);
  });

  test.each(['8:00-9:00', '24:00-01:00', '08:60-09:00', '08:00', '08:00-09:00x'])('%s is none', (written) => {
    expect(timeWindow(written)).toBeUndefined();
  });

  test('the next edge is that of any window, a day away at most', () => {
    const windows = [
      { from: 60, to: 120 },
      { from: 1_380, to: 30 },
    ];
    expect([0, 30, 60, 119, 130, 1_400].map((minute) => minutesToNextEdge(windows, minute))).toEqual([30, 30, 60, 1, 1_250, 70]);
  });
});
