import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SequenceRuns } from '../../../src/session/sequence-runs.ts';

const numbers = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 60 });

test('runs hold what was added, each once, before and after they are stored', () => {
  fc.assert(
    fc.property(numbers, (added) => {
      const runs = SequenceRuns.none();
      for (const each of added) runs.add(each);
      const expected = new Set(added);
      const starts = [...expected].filter((each) => !expected.has(each - 1)).length;
      for (const each of [runs, SequenceRuns.decode(runs.encode())]) {
        expect(Array.from({ length: 62 }, (_, at) => each.has(at))).toEqual(Array.from({ length: 62 }, (_, at) => expected.has(at)));
        expect(each.runCount).toBe(starts);
      }
    }),
  );
});

test('a million in a row are one run of a few bytes', () => {
  const runs = SequenceRuns.none();
  for (let sequence = 1; sequence <= 1_000_000; sequence += 1) runs.add(sequence);
  expect([runs.runCount, runs.encode().length]).toEqual([1, 4]);
});

test('halves hold together what the whole held', () => {
  const runs = SequenceRuns.none();
  for (const sequence of [1, 3, 5, 7, 8]) runs.add(sequence);
  const { upper, first } = runs.split();
  expect([first, [1, 3, 5, 7, 8].filter((each) => runs.has(each)), [1, 3, 5, 7, 8].filter((each) => upper.has(each))]).toEqual([5, [1, 3], [5, 7, 8]]);
});
