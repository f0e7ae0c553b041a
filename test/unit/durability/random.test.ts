import { describe, expect, test } from 'vitest';
import { seeded } from '../../durability/e2e/random.ts';

const draw = (seed: number, count = 5): number[] => {
  const random = seeded(seed);
  return Array.from({ length: count }, () => random.next());
};

describe('random numbers of a run', () => {
  test('repeat with their seed, and differ without', () => {
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  test('are spread over [0, 1)', () => {
    const numbers = draw(1, 10_000);
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
    for (let tenth = 0; tenth < 10; tenth += 1) {
      const share = numbers.filter((number) => Math.floor(number * 10) === tenth).length / numbers.length;
      expect(share).toBeGreaterThan(0.09);
      expect(share).toBeLessThan(0.11);
    }
  });

  test('cover both ends of a range', () => {
    const random = seeded(3);
    expect(new Set(Array.from({ length: 200 }, () => random.between(2, 4)))).toEqual(new Set([2, 3, 4]));
  });

  test('of one part do not depend on what another drew', () => {
    const alone = seeded(5).fork('sensor').next();
    const random = seeded(5);
    random.next();
    random.fork('publisher').next();
    expect(random.fork('sensor').next()).toBe(alone);
    expect(random.fork('publisher').next()).not.toBe(alone);
  });

  test('pick from nothing', () => {
    expect(() => seeded(1).pick([])).toThrow(RangeError);
  });
});
