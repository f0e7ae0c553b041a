import { describe, expect, test } from 'vitest';
import { memoryTrend, type Sample } from '../../../scripts/soak/memory.ts';

/** Two hours, one sample every 10 s. */
function run(megabytes: (hours: number, index: number) => number): Sample[] {
  return Array.from({ length: 720 }, (_, index) => ({ seconds: index * 10, megabytes: megabytes(index / 360, index) }));
}

/** What a garbage collector makes of a level. */
function saw(index: number): number {
  return (index % 40) * 0.5;
}

describe('the line below the saw of memory', () => {
  test('a level with 20 MB of teeth is flat', () => {
    const { isFlat, growthMB, medianMB } = memoryTrend(run((_, index) => 80 + saw(index)));
    expect(isFlat).toBe(true);
    expect(Math.abs(growthMB)).toBeLessThan(1);
    expect(medianMB).toBeCloseTo(90, 0);
  });

  test.each([
    [2, true, 'within the bound'],
    [4, false, 'above it'],
    [20, false, 'far above it'],
    [-20, true, 'falling'],
  ])('%d MB an hour below the same teeth: flat is %s (%s)', (perHour, isFlat) => {
    const trend = memoryTrend(run((hours, index) => 80 + perHour * hours + saw(index)));
    expect(trend.isFlat).toBe(isFlat);
    expect(trend.slopeMBPerHour).toBeCloseTo(perHour, 0);
  });

  test('what grows only in the first fifth is the warm-up', () => {
    expect(memoryTrend(run((hours) => 60 + Math.min(hours, 0.4) * 100)).isFlat).toBe(true);
  });

  test.each([
    [300, 150, true, 'three fifths of five minutes'],
    [300, 250, false, 'growth behind them'],
    [1_000, 290, true, 'five minutes of a quarter of an hour'],
    [1_000, 900, false, 'growth behind them'],
  ])('a run of %d s that grows until %d s: flat is %s (%s)', (total, until, isFlat) => {
    const samples = Array.from({ length: total }, (_, seconds) => ({ seconds, megabytes: 60 + (60 * Math.min(seconds, until)) / until }));
    expect(memoryTrend(samples).isFlat).toBe(isFlat);
  });

  test('a step that is never given back is growth', () => {
    expect(memoryTrend(run((hours) => (hours < 1.2 ? 80 : 95))).isFlat).toBe(false);
  });

  test('a third of the time far above the line turns it not', () => {
    expect(memoryTrend(run((hours) => (hours > 1.5 ? 80 : hours > 1 ? 200 : 80))).isFlat).toBe(true);
  });

  test('a large gateway may grow by a twentieth', () => {
    const trend = memoryTrend(run((hours) => 400 + 8 * hours));
    expect([trend.growthMB > 5, trend.isFlat]).toEqual([true, true]);
  });

  test('too few samples are no verdict', () => {
    expect(() => memoryTrend(run(() => 80).slice(0, 2))).toThrow(RangeError);
    expect(() => memoryTrend([])).toThrow(RangeError);
  });
});
