import { describe, expect, test } from 'vitest';
import { floorText, timesTheCost } from '../../../scripts/bench/floors.ts';
import { wearLines } from '../../../scripts/bench/wear.ts';

const LOAD = { deed: 'one', perCommit: 10, messages: 1 };
const AT_MOST_1000 = { bound: 'at most', value: 1_000, unit: ' B' } as const;

describe('a load is held against its floor', () => {
  test.each([
    [999.6, 1_199, 'PASS', 'PASS'],
    [1_001, 1_300, 'MISS', 'MISS'],
    [900, 1_081, 'PASS', 'MISS'],
  ])('%d bytes to one session, %d to many', (base, other, baseVerdict, otherVerdict) => {
    const results = new Map([
      [
        { ...LOAD, name: 'wear-10', floor: AT_MOST_1000 },
        { deviceBytes: base, logBytes: 170 },
      ],
      [
        { ...LOAD, name: 'wear-20-sessions', floor: timesTheCost(1.2) },
        { deviceBytes: other, logBytes: 340 },
      ],
    ]);
    const lines = wearLines(results);
    expect(lines.map(({ verdict }) => verdict)).toEqual([baseVerdict, otherVerdict]);
    expect(lines.map(({ cells }) => cells.at(-1))).toEqual([floorText(AT_MOST_1000), '≤ 1.2x']);
  });
});
