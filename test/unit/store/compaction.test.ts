import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clientId, realm } from '../../../src/model/client.ts';
import { SEGMENT_BYTES, STORE_REST_MS } from '../../../src/model/limits.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import type { StoredSession } from '../../../src/session/session-store.ts';
import { bytesOf, type Cell, numberOf } from '../../../src/store/sqlite/cell.ts';
import type { Committer, CommitUnit } from '../../../src/store/sqlite/committer.ts';
import { Group } from '../../../src/store/sqlite/group.ts';
import { GroupRewriter } from '../../../src/store/sqlite/group-rewriter.ts';
import { TINY_SEGMENT_BYTES } from '../../../src/store/sqlite/segment-index.ts';
import type { SqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import type { StoreLimits } from '../../../src/store/sqlite/store-limits.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { HeldCommitter } from '../../support/held-committer.ts';
import { rows, value, withDatabase } from '../../support/raw-database.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { contentsOf, durable, FACTS, messageOf, QOS_1, queueContents } from '../../support/store-samples.ts';

/** What one unit rewrites, but for its last segment. */
const SLICE_BYTES_MAX = 256 * 1024;

let bench: SqliteBench;
let clock: FakeClock;
let metrics: MetricsTable;
let store: SqliteStore;
let committer: HeldCommitter;
let here: StoredSession;
let away: StoredSession;

beforeEach(async () => {
  bench = new SqliteBench();
  await open();
});

/** Everything is worth compacting unless it says otherwise. */
async function open(limits: Partial<StoreLimits> = {}): Promise<void> {
  clock = new FakeClock();
  metrics = new MetricsTable();
  const held = (inline: Committer): Committer => {
    committer = new HeldCommitter(inline);
    return committer;
  };
  store = bench.open({ clock, metrics, limits: { compactGainBytes: 0, ...limits }, committer: held }) as SqliteStore;
  here = sessionOf('here');
  away = sessionOf('away');
  await durable(store);
}

function sessionOf(name: string): StoredSession {
  return store.sessions.get(`mqtt\0${name}`) ?? store.createSession(realm('mqtt'), clientId(name), FACTS);
}

afterEach(() => bench.end());

function publish(sessions: readonly StoredSession[], payload: string | Uint8Array): number {
  for (const session of sessions) store.refer(session, QOS_1);
  return store.append(messageOf('plant/temp', payload));
}

function drain(session: StoredSession, keeps: (sequence: number) => boolean = () => false): void {
  for (let at = session.queue.next(0); at !== undefined; at = session.queue.next(at)) if (!keeps(at)) store.settle(session, at, 'delivered');
}

/** Groups of `perGroup` messages each. */
async function groups(count: number, perGroup: number, publishOne: (number: number) => void): Promise<void> {
  for (let group = 0; group < count; group += 1) {
    for (let each = 0; each < perGroup; each += 1) publishOne(group * perGroup + each);
    await durable(store);
  }
}

async function rest(): Promise<void> {
  await clock.advanceMs(60_000);
}

const isCompacting = (unit: CommitUnit | undefined): boolean => unit?.writes.some(({ statement }) => statement === 'putSegment') === true;
const bytesOfUnit = ({ writes }: CommitUnit): number =>
  writes.flatMap(({ values }) => values).reduce((sum: number, each) => sum + (typeof each === 'object' ? each.length : 0), 0);
const segmentBytes = (): number[] => segments().map(({ bytes }) => bytes.length);
const segmentGroups = (): Group[] => segments().map(({ bytes }) => Group.parse(bytes));
/** The rows of the log. */
function segments(): { readonly number: number; readonly bytes: Buffer }[] {
  const all = rows(bench.directory, 'SELECT number, bytes FROM segment ORDER BY number') as Cell[][];
  return all.map(([number, bytes]) => ({ number: numberOf(number), bytes: bytesOf(bytes) }));
}

const contents = (): unknown => contentsOf(store);

describe('compaction at rest', () => {
  test('rolls tiny segments into larger ones: numbers of the last, ranges without a gap, and not a row of a queue written', async () => {
    await groups(600, 1, (number) => publish([away], `reading ${number}`.padEnd(300)));
    const before = contents();
    await rest();
    const rolled = segmentGroups().filter(({ header }) => header.compactedFrom !== undefined);
    expect(segmentBytes().length).toBeLessThan(8);
    expect(Math.max(...segmentBytes())).toBeLessThanOrEqual(SEGMENT_BYTES + TINY_SEGMENT_BYTES);
    expect(rolled.slice(1).map(({ header }) => header.compactedFrom)).toEqual(rolled.slice(0, -1).map(({ header }) => header.number + 1));
    expect(rolled.slice(1).map(({ header }) => header.firstSequence)).toEqual(rolled.slice(0, -1).map(({ header }) => header.nextSequence));
    const compacting = committer.units.filter(isCompacting);
    expect(new Set(compacting.flatMap(({ writes }) => writes.map(({ statement }) => statement)))).toEqual(new Set(['putSegment', 'dropSegments']));
    expect(contents()).toEqual(before);
    const found = bench.crashed();
    expect([contentsOf(found), found.status().damagedGroups, store.status().damagedGroups]).toEqual([before, [], []]);
  });

  test('rewrites segments of which little is alive, and leaves the others as they are', async () => {
    await bench.close(store);
    await open({ compactGainBytes: 100_000 });
    await groups(20, 100, (number) => publish([away], `reading ${number}`.padEnd(900)));
    drain(away, (sequence) => (sequence < 1_000 ? sequence % 5 === 0 : sequence % 5 > 0));
    const before = contents();
    await rest();
    const sizes = segmentGroups().map(({ header, bytes }) => [header.compactedFrom !== undefined, bytes.length > 90_000]);
    expect(sizes.filter(([isCompacted, isWhole]) => isCompacted && !isWhole).length).toBeGreaterThan(2);
    expect(sizes.filter(([isCompacted, isWhole]) => !isCompacted && isWhole).length).toBeGreaterThan(8);
    expect(contents()).toEqual(before);
  });

  test('of a client that stays away keeps its own messages only, however far they lie apart', async () => {
    await groups(100, 100, (number) => publish(number % 100 === 7 ? [here, away] : [here], `reading ${number}`.padEnd(100)));
    drain(here);
    await rest();
    expect(segmentGroups().reduce((sum, { header }) => sum + header.messages, 0)).toBe(100);
    expect(segmentBytes().reduce((sum, bytes) => sum + bytes)).toBeLessThan(100 * 300);
    expect(segmentGroups().some(({ table }) => table.positions !== undefined)).toBe(true);
    expect(away.queue.count).toBe(100);
    const found = contents();
    expect(contentsOf(bench.crashed())).toEqual(found);
    for (let at = away.queue.next(0); at !== undefined; at = away.queue.next(at)) expect(store.read(away, at)?.message.topic.name).toBe('plant/temp');
  });

  test('leaves out references that are settled', async () => {
    await groups(40, 1, (number) => publish([here, away], `reading ${number}`));
    drain(here);
    await rest();
    const group = segmentGroups()[0] as Group;
    const sequence = away.queue.next(0) ?? 0;
    expect([group.read(sequence, here.id), group.read(sequence, away.id)?.message.topic.name]).toEqual([undefined, 'plant/temp']);
  });

  test('reads a segment of a fan-out no more often than its bytes may have died', async () => {
    const others = Array.from({ length: 10 }, (_, index) => store.createSession(realm('mqtt'), clientId(`other-${index}`), FACTS));
    await groups(10, 100, (number) => publish([...others, away], `reading ${number}`.padEnd(900)));
    for (const other of others) {
      drain(other);
      await rest();
    }
    expect(metrics.value('store.compaction.bytes-written')).toBe(0);
    expect(metrics.value('store.compaction.bytes-read')).toBeLessThanOrEqual(others.length * store.status().logBytes);
  });

  test.each([
    ['is zeros', 'UPDATE segment SET bytes = zeroblob(length(bytes)) WHERE number = 20'],
    ['holds another group', 'UPDATE segment SET bytes = (SELECT bytes FROM segment WHERE number = 9) WHERE number = 20'],
  ])('leaves a segment that %s where it is, for salvage', async (_what, damage) => {
    await groups(40, 1, (number) => publish([away], `reading ${number}`));
    await bench.close(store);
    withDatabase(bench.directory, (database) => database.exec(damage));
    await open();
    await rest();
    const kept = segments().map(({ number }) => number);
    expect(kept).toContain(20);
    expect(kept.length).toBeLessThan(6);
    expect(queueContents(store, away).filter((entry) => Array.isArray(entry) && entry[1] === 'unreadable').length).toBe(1);
  });

  test('leaves alone what has fewer messages than queues wait for', async () => {
    await groups(40, 1, (number) => publish([away], `reading ${number}`));
    await bench.close(store);
    const group = segmentGroups().find(({ header }) => header.number === 20) as Group;
    const rewriter = new GroupRewriter(group.header.firstSequence, 100, () => false);
    rewriter.take(group);
    const { bytes } = rewriter.close(group.header, 20);
    withDatabase(bench.directory, (database) => database.prepare('UPDATE segment SET bytes = ? WHERE number = 20').run(bytes));
    await open();
    await rest();
    expect([metrics.value('store.compaction.refused'), metrics.value('store.compaction.segments')]).toEqual([40, 0]);
    expect(queueContents(store, away).filter((entry) => Array.isArray(entry) && entry[1] === 'unreadable').length).toBe(1);
  });

  test('leaves a store alone that would give back little', async () => {
    await bench.close(store);
    await open({ compactGainBytes: 1_000_000 });
    await groups(5, 100, (number) => publish([away], `reading ${number}`.padEnd(900)));
    drain(away, (sequence) => sequence % 5 === 0);
    await rest();
    expect(metrics.value('store.compaction.segments')).toBe(0);
  });
});

describe('compaction and the commits', () => {
  test('is read from memory while its unit is on its way', async () => {
    await groups(1_000, 1, (number) => publish([away], `reading ${number}`.padEnd(500)));
    const before = contents();
    committer.isHeld = true;
    let looked = 0;
    for (let second = 0; second < 60; second += 1) {
      await clock.advanceMs(1_000);
      if (isCompacting(committer.units.at(-1))) {
        expect(contents()).toEqual(before);
        looked += 1;
      }
      committer.release();
    }
    committer.isHeld = false;
    expect(looked).toBeGreaterThan(1);
    expect(contents()).toEqual(before);
  });

  test('survives a disk that refuses, and a kill between any two units', async () => {
    await groups(300, 1, (number) => publish(number % 3 === 0 ? [here, away] : [here], `reading ${number}`.padEnd(200)));
    drain(here);
    await durable(store);
    const before = contents();
    committer.failure = { code: 'SQLITE_FULL', message: 'database or disk is full' };
    await clock.advanceMs(3 * STORE_REST_MS);
    expect([contents(), contentsOf(bench.crashed())]).toEqual([before, before]);
    committer.failure = undefined;
    committer.isHeld = true;
    for (let seen = 0, turn = 0; turn < 3_000 && store.status().sinceCompactionSeconds === undefined; turn += 1) {
      await clock.advanceMs(20);
      committer.release();
      if (committer.units.length === seen) continue;
      seen = committer.units.length;
      const other = new SqliteBench();
      expect(contentsOf(bench.copied(other))).toEqual(before);
      await other.end();
    }
    committer.isHeld = false;
    committer.release();
    expect(store.status().sinceCompactionSeconds).toBeDefined();
    expect(contents()).toEqual(before);
  });

  test('comes in slices with pauses between them while messages come', async () => {
    await bench.close(store);
    await open({ checkpointIntervalMs: STORE_REST_MS });
    await groups(3_000, 1, (number) => publish([away], `reading ${number}`.padEnd(300)));
    const seen: number[] = [];
    for (let step = 0; step < 3_000; step += 1) {
      await clock.advanceMs(10);
      if (step % 50 === 0) publish([away], 'another');
      const compacting = committer.units.splice(0).filter(isCompacting);
      expect(compacting.length).toBeLessThanOrEqual(1);
      seen.push(...compacting.map(bytesOfUnit));
    }
    expect(seen.length).toBeGreaterThan(3);
    expect(Math.max(...seen)).toBeLessThan(SLICE_BYTES_MAX + 2 * SEGMENT_BYTES);
  });

  test('writes no more than three bytes for each of the log and each it frees', async () => {
    for (let round = 0; round < 12; round += 1) {
      await groups(60, 1 + (round % 7), (number) => publish(number % 4 === 0 ? [here, away] : [here], `reading ${number}`.padEnd(50 + 40 * (round % 5))));
      drain(here, (sequence) => sequence % 10 < round % 3);
      if (round % 4 === 3) drain(away, (sequence) => sequence % 3 > 0);
      await rest();
    }
    expect(metrics.value('store.compaction.bytes-written')).toBeGreaterThan(0);
    expect(metrics.value('store.compaction.bytes-written')).toBeLessThan(3 * metrics.value('store.log.bytes'));
  });
});

describe('compaction of a store whose disk is nearly full', () => {
  const size = (file: string): number => statSync(join(bench.directory, file), { throwIfNoEntry: false })?.size ?? 0;

  test('gives back all it can at once, and says when it has', async () => {
    await groups(30, 10, () => publish([here, away], 'x'.repeat(10_000)));
    drain(here);
    drain(away, (sequence) => sequence % 10 === 0);
    await durable(store);
    expect(await store.compactNow()).toBe(true);
    expect(size('postern.db-wal')).toBe(0);
    expect(value(bench.directory, 'PRAGMA freelist_count')).toBe(0);
    expect(size('postern.db')).toBeLessThan(1.1 * store.status().liveBytes + 64_000);
    expect(store.status().fileBytes).toBe(size('postern.db'));
  });

  test('says when the disk refuses', async () => {
    await groups(30, 1, () => publish([away], 'x'));
    committer.failure = { code: 'SQLITE_FULL', message: 'database or disk is full' };
    expect(await store.compactNow()).toBe(false);
    committer.failure = undefined;
  });
});
