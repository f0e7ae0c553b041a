import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { beginText, foundText, verdictOf } from '../../../src/cli/selftest-text.ts';
import type { FlushFacts, NumbersFound } from '../../../src/model/selftest.ts';
import type { SessionStore } from '../../../src/session/session-store.ts';
import { doubtsOf, probeFlushes } from '../../../src/store/selftest/flush-probe.ts';
import { NumberWriter, numbersIn } from '../../../src/store/selftest/number-store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { durable } from '../../support/store-samples.ts';

const SYNC = { syncMsMedian: 0, syncMsMax: 0 };

let bench: SqliteBench;
let clock: FakeClock;

beforeEach(() => {
  bench = new SqliteBench();
  clock = new FakeClock();
});

afterEach(() => bench.end());

/** A run of `commits` commits. @returns the last number that was acknowledged. */
async function counted(store: SessionStore, commits: number): Promise<number> {
  const acknowledged: number[] = [];
  const writer = new NumberWriter(store, { clock, onAcknowledged: (number) => acknowledged.push(number) });
  writer.start();
  for (let commit = 1; commit < commits; commit += 1) {
    await durable(store);
    await clock.advanceMs(2);
  }
  writer.stop();
  await durable(store);
  expect(acknowledged).toEqual(Array.from({ length: acknowledged.length }, (_, index) => index + 1));
  return acknowledged.length;
}

describe('numbers', () => {
  test('are acknowledged one after the other, up to eight of them in a commit, and found after a kill', async () => {
    const store = bench.open();
    const last = await counted(store, 8);
    expect(last).toBe(2 + 3 + 4 + 5 + 6 + 7 + 8 + 1);
    expect(numbersIn(bench.crashed())).toEqual({ last, holes: 0, damage: [], sync: SYNC });
  });

  test('beyond the last thousand are forgotten: the store does not grow', async () => {
    const store = bench.open({ limits: { checkpointLogBytes: 20_000, settleDelayMs: 0 } });
    const last = await counted(store, 400);
    expect(last).toBe(1_800);
    const [session] = [...store.sessions.values()];
    expect(session?.queue.count).toBe(1_000);
    expect(store.status().segments).toBeLessThan(300);
    expect(numbersIn(bench.crashed())).toMatchObject({ last, holes: 0 });
  });

  test('that are missing among those that must be there are counted', async () => {
    const store = bench.open();
    const last = await counted(store, 20);
    const [session] = [...store.sessions.values()];
    for (const sequence of [3, 4, 50]) if (session !== undefined) store.settle(session, sequence, 'delivered');
    expect(numbersIn(store)).toMatchObject({ last, holes: 3 });
  });

  test('of an empty store are none', () => {
    expect(numbersIn(bench.open())).toEqual({ last: 0, holes: 0, damage: [], sync: SYNC });
  });
});

describe('flushes', () => {
  const disk = { smallMs: 3, mibPerSecond: 20, filesystem: 'ext4', options: 'rw,noatime' };

  test.each<readonly [string, Partial<typeof disk>, readonly RegExp[]]>([
    ['of a card', {}, []],
    ['of a good disk', { smallMs: 0.03, mibPerSecond: 6_000 }, []],
    [
      'in memory',
      { filesystem: 'tmpfs', smallMs: 0.0004, mibPerSecond: 40_000 },
      [/tmpfs is memory/, /0\.0004 ms, less than any disk/, /40000 MiB\/s are flushed/],
    ],
    ['that are swallowed', { smallMs: 0.001 }, [/something swallows flushes/]],
    ['never asked for', { options: 'rw,nobarrier' }, [/without barriers/]],
    ['never asked for, ext4', { options: 'rw,barrier=0,data=ordered' }, [/without barriers/]],
    ['of another name', { options: 'rw,nobarriers' }, []],
  ])('%s', (_, changes, doubts) => {
    expect(doubtsOf({ ...disk, ...changes })).toEqual(doubts.map((doubt) => expect.stringMatching(doubt)));
  });

  test('are measured, and leave nothing', () => {
    const facts = probeFlushes(bench.directory, {
      ...clock,
      monotonicMs: () => performance.now(),
      nowMs: () => 0,
      isSynchronized: () => true,
      after: () => () => {},
      random: () => 0,
    });
    expect(facts.smallMs).toBeGreaterThan(0);
    expect(facts.mibPerSecond).toBeGreaterThan(0);
    expect(facts.filesystem).toMatch(/^\w+$/);
  });
});

describe('the verdict', () => {
  const flush: FlushFacts = { smallMs: 2.5, mibPerSecond: 18, filesystem: 'ext4', cache: 'write back', doubts: [] };
  const found: NumbersFound = { run: '0badcafe', startedAtMs: 0, last: 100, holes: 0, damage: [], flush, sync: { syncMsMedian: 3, syncMsMax: 40 } };
  const text = (changes: Partial<NumbersFound>, acknowledged: number): string => {
    const all = { ...found, ...changes };
    return foundText(all, { acknowledged, verdict: verdictOf(all, acknowledged), scratch: '/data/selftest' });
  };

  test.each<readonly [Partial<NumbersFound>, number, ReturnType<typeof verdictOf>]>([
    [{}, 100, { lost: 0, isKept: true }],
    [{}, 90, { lost: 0, isKept: true }],
    [{}, 101, { lost: 1, isKept: false }],
    [{ holes: 2 }, 103, { lost: 5, isKept: false }],
    [{ last: 0 }, 7, { lost: 7, isKept: false }],
    [{ damage: ['group 3 of its log is damaged'] }, 100, { lost: 0, isKept: false }],
  ])('%j, %i acknowledged', (changes, acknowledged, verdict) => {
    expect(verdictOf({ ...found, ...changes }, acknowledged)).toEqual(verdict);
  });

  test('in words', () => {
    expect(text({}, 99)).toBe(`run 0badcafe of 1970-01-01T00:00:00.000Z: 99 acknowledged, found up to 100
a flush takes 2.500 ms, large ones come to 18 MiB/s (ext4, the disk says write back)
syncs of commits took 3 ms (median), 40 ms at most
lost 0: what was acknowledged is there. Once more, or ten times: a card that lies does not always lose
`);
    expect(text({}, 120)).toMatch(
      /\nlost 20: the disk said that these were written, and they were not\n.*cannot be trusted.*\nWhat is left lies in \/data\/selftest; .* --clean removes it\.\n$/,
    );
    expect(text({ damage: ['group 3 of its log is damaged'] }, 99)).toContain('group 3 of its log is damaged\nlost 0, but what was flushed is damaged\n');
    expect(text({ flush: { ...flush, doubts: ['tmpfs is memory'] } }, 99)).toContain('DOUBTFUL: tmpfs is memory\n');
  });

  test.each([
    [undefined, '--verify NUMBER'],
    ['192.0.2.7:5005', '--heard FILE'],
  ])('told to %s, what to do next is %s', (reportTo, next) => {
    expect(beginText({ run: '0badcafe', flush }, { scratch: '/data/selftest', reportTo })).toContain(next);
  });
});
