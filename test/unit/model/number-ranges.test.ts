import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NumberRanges } from '../../../src/model/number-ranges.ts';

test('holes are what a set lacks, whatever the order it was filled in', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 })), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 45 }), (numbers, first, last) => {
      const ranges = new NumberRanges();
      const known = new Set<number>();
      for (const number of numbers) {
        expect(ranges.add(number)).toBe(!known.has(number));
        known.add(number);
      }
      const lacking = [...ranges.holes({ first, last })].flatMap((hole) => Array.from({ length: hole.last - hole.first + 1 }, (_, at) => hole.first + at));
      expect(lacking).toEqual(Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at).filter((number) => !known.has(number)));
      expect(ranges.first).toBe(known.size === 0 ? undefined : Math.min(...known));
      expect(ranges.last).toBe(known.size === 0 ? undefined : Math.max(...known));
    }),
  );
});
