import { beforeEach, describe, expect, test } from 'vitest';
import { COMMIT_INLINE_MS_MAX, COMMIT_WORKER_STAY_MAX_MS, COMMIT_WORKER_STAY_MS } from '../../../src/model/limits.ts';
import { CommitPlacement } from '../../../src/store/sqlite/commit-placement.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const FAST_MS = 0.1;
const CARD_MS = 10;

let clock: FakeClock;
let placement: CommitPlacement;

beforeEach(() => {
  clock = new FakeClock();
  placement = new CommitPlacement(clock);
});

function commits(count: number, syncMs: number): void {
  for (let left = count; left > 0; left -= 1) placement.add(syncMs);
}

/** One commit each 100 ms. */
async function commitsFor(spanMs: number, syncMs: number): Promise<void> {
  for (let at = 0; at < spanMs; at += 100) {
    await clock.advanceMs(100);
    placement.add(syncMs);
  }
}

describe(`commits leave the main thread when they wait for more than ${COMMIT_INLINE_MS_MAX} ms on average`, () => {
  test.each([
    ['a disk that syncs in 0.1 ms stays', FAST_MS, 1_000, false],
    ['one that takes 0.25 ms stays', 0.25, 1_000, false],
    ['one that takes 0.4 ms leaves', 0.4, 100, true],
    ['a few that take longer at the start move nothing', 1, 8, false],
    ['a card leaves with its first commit', CARD_MS, 1, true],
  ])('%s', (_name, syncMs, count, wantsWorker) => {
    commits(count, syncMs);
    expect(placement.wantsWorker).toBe(wantsWorker);
  });

  test('a log that is copied into the file every 70 commits is no reason', () => {
    for (let round = 0; round < 20; round += 1) {
      commits(70, FAST_MS);
      placement.add(3);
    }
    expect(placement.wantsWorker).toBe(false);
  });

  test('a fast disk that stalls once is one', () => {
    commits(1_000, FAST_MS);
    placement.add(200);
    expect(placement.wantsWorker).toBe(true);
  });
});

describe('commits come back when the disk has been fast for a while', () => {
  beforeEach(() => commits(5, CARD_MS));

  test('not sooner', async () => {
    await commitsFor(COMMIT_WORKER_STAY_MS, FAST_MS);
    expect(placement.wantsWorker).toBe(true);
    await commitsFor(5_000, FAST_MS);
    expect(placement.wantsWorker).toBe(false);
  });

  test('and not while it is nearly fast', async () => {
    await commitsFor(10 * COMMIT_WORKER_STAY_MS, COMMIT_INLINE_MS_MAX * 0.8);
    expect(placement.wantsWorker).toBe(true);
  });

  test('a stall begins the while anew', async () => {
    for (let round = 0; round < 4; round += 1) {
      await commitsFor(COMMIT_WORKER_STAY_MS / 2, FAST_MS);
      placement.add(200);
    }
    expect(placement.wantsWorker).toBe(true);
  });

  test('which is longer each time, within a bound', async () => {
    const staysMs: number[] = [];
    for (let round = 0; round < 9; round += 1) {
      placement.add(200);
      const leftMs = clock.monotonicMs();
      while (placement.wantsWorker) await commitsFor(1_000, FAST_MS);
      staysMs.push(clock.monotonicMs() - leftMs);
    }
    const seconds = (ms: number): number => Math.floor(ms / 10_000) * 10;
    expect(staysMs.slice(0, 4).map(seconds)).toEqual([60, 120, 240, 480]);
    expect(staysMs.slice(-2).map(seconds)).toEqual([COMMIT_WORKER_STAY_MAX_MS / 1_000, COMMIT_WORKER_STAY_MAX_MS / 1_000]);
  });
});
