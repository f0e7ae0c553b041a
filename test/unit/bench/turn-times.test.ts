import { describe, expect, test } from 'vitest';
import { restOfTurnUs, turnsIn, within } from '../../../scripts/bench/turn-times.ts';

const turns = (...tookUs: number[]) => tookUs.map((took, index) => ({ beganUs: index * 1000, tookUs: took }));

describe('what who comes in the middle of a turn waits', () => {
  test.each([
    ['half of one turn, at the median', turns(1000), 0.5, 500],
    ['nearly all of it, in one case of a hundred', turns(1000), 0.99, 990],
    ['of a long turn mostly, for it is met more often than ten short ones', turns(...Array.from({ length: 10 }, () => 100), 9000), 0.5, 4000],
    ['nothing where there was none', [], 0.99, 0],
  ])('%s', (_, given, share, expected) => {
    expect(restOfTurnUs(given, share)).toBe(expected);
  });
});

test('turns are read from the lines the server wrote, and those outside of the spans left out', () => {
  const read = turnsIn('1000 150\n2500 900\n9000 100\n');
  expect(read).toEqual([
    { beganUs: 1000, tookUs: 150 },
    { beganUs: 2500, tookUs: 900 },
    { beganUs: 9000, tookUs: 100 },
  ]);
  expect(within(read, [{ fromUs: 2000, toUs: 3000 }])).toEqual([{ beganUs: 2500, tookUs: 900 }]);
});
