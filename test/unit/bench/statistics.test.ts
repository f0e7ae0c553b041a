import { describe, expect, test } from 'vitest';
import { median, quantile, spread } from '../../../scripts/bench/statistics.ts';

describe('quantiles, linear between neighbours (Hyndman and Fan, type 7)', () => {
  test.each([
    ['one value is every quantile', [7], 0.25, 7],
    ['the middle of an odd sample', [5, 1, 3], 0.5, 3],
    ['halfway between the middle two of an even one', [4, 1, 3, 2], 0.5, 2.5],
    ['lower quartile of five', [10, 20, 30, 40, 50], 0.25, 20],
    ['lower quartile of four lies between', [10, 20, 30, 40], 0.25, 17.5],
    ['upper quartile of four', [10, 20, 30, 40], 0.75, 32.5],
    ['numbers are ordered as numbers', [10, 9, 100], 0.5, 10],
    ['0 is the least', [3, 1, 2], 0, 1],
    ['1 is the most', [3, 1, 2], 1, 3],
  ])('%s: %j at %d is %d', (_why, values, fraction, expected) => {
    expect(quantile(values, fraction)).toBeCloseTo(expected, 12);
  });

  test('the sample keeps its order', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });

  test('no figures are an error, not a zero', () => {
    expect(() => median([])).toThrow('no figures');
  });

  test('a spread of nine pairs', () => {
    expect(spread([1.4, 0.9, 1.1, 1.0, 1.3, 1.2, 2.2, 0.8, 1.5])).toEqual({ median: 1.2, lowerQuartile: 1.0, upperQuartile: 1.4, least: 0.8, most: 2.2 });
  });
});
