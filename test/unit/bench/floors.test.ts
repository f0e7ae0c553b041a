import { describe, expect, test } from 'vitest';
import { type Floor, floorText, verdict } from '../../../scripts/bench/floors.ts';

const TWICE: Floor = { bound: 'at least', value: 2, unit: 'x' };
const SMALL: Floor = { bound: 'at most', value: 70, unit: ' MB' };

describe('a floor', () => {
  test.each([
    [TWICE, 2, 'PASS'],
    [TWICE, 1.999, 'MISS'],
    [TWICE, Number.NaN, 'MISS'],
    [SMALL, 70, 'PASS'],
    [SMALL, 70.1, 'MISS'],
    [SMALL, Number.NaN, 'MISS'],
  ] as const)('%j against %d: %s', (floor, figure, expected) => {
    expect(verdict(figure, floor)).toBe(expected);
  });

  test('reads as a bound', () => {
    expect([TWICE, SMALL].map(floorText)).toEqual(['≥ 2x', '≤ 70 MB']);
  });
});
