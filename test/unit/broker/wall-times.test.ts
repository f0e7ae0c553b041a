import { describe, expect, test } from 'vitest';
import { type BootTimes, receptionAt, type WallSpan } from '../../../src/broker/wall-times.ts';

const NOW_MS = Date.UTC(2027, 0, 15);

function span(fromMs: number, wallMs: number, isSynchronized: boolean): WallSpan {
  return { fromMs, offsetMs: wallMs - fromMs, isSynchronized };
}

/** Boot 3 starts in 1970 and is set right after an hour; 4 never is; 5 is right from the start, loses it and is set again. */
const BOOTS: readonly BootTimes[] = [
  { boot: 3, startedMs: 1_000, spans: [span(1_000, 0, false), span(3_601_000, NOW_MS, true)] },
  { boot: 4, startedMs: 5_000_000, spans: [span(5_000_000, 0, false), span(5_400_000, 9_000_000, false)] },
  {
    boot: 5,
    startedMs: 6_000_000,
    spans: [span(6_000_000, NOW_MS, true), span(6_100_000, 0, false), span(6_200_000, NOW_MS + 500_000, true), span(6_300_000, 7, false)],
  },
];

describe('when something happened, told afterwards', () => {
  test.each<[meaning: string, atMs: number, boot: number, uptimeMs: number, certainty: string, wallMs: number | undefined]>([
    ['before the clock was set: the time is counted back', 1_500, 3, 500, 'estimated', NOW_MS - 3_600_000 + 500],
    ['at the moment it was set', 3_601_000, 3, 3_600_000, 'synchronized', NOW_MS],
    ['afterwards', 3_700_000, 3, 3_699_000, 'synchronized', NOW_MS + 99_000],
    ['in a boot that never knew', 5_500_000, 4, 500_000, 'unknown', undefined],
    ['while it was right', 6_050_000, 5, 50_000, 'synchronized', NOW_MS + 50_000],
    ['while it was wrong: by the next time it was set', 6_150_000, 5, 150_000, 'estimated', NOW_MS + 450_000],
    ['after it was set', 6_250_000, 5, 250_000, 'synchronized', NOW_MS + 550_000],
    ['wrong to the end: by the last time it was right', 6_400_000, 5, 400_000, 'estimated', NOW_MS + 700_000],
  ])('%s', (_meaning, atMs, boot, uptimeMs, certainty, wallMs) => {
    expect(receptionAt(BOOTS, atMs)).toEqual({ boot, uptimeMs, certainty, wallMs });
  });

  test('of what was before the first boot that is known nothing is', () => {
    expect(receptionAt(BOOTS, 999)).toBeUndefined();
    expect(receptionAt(BOOTS, Number.NEGATIVE_INFINITY)).toBeUndefined();
  });

  test('spans that were forgotten are estimated from the next one', () => {
    const boots = [{ boot: 1, startedMs: 0, spans: [span(500, NOW_MS, true)] }];
    expect(receptionAt(boots, 100)).toMatchObject({ certainty: 'estimated', wallMs: NOW_MS - 400 });
  });
});
