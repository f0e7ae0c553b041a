// What a store was in the middle of when its file had to be replaced.
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { clientId, realm } from '../../../src/model/client.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import type { SessionStore, StoredSession } from '../../../src/session/session-store.ts';
import type { Committer, CommitUnit } from '../../../src/store/sqlite/committer.ts';
import type { SqliteStoreOptions } from '../../../src/store/sqlite/open.ts';
import { StoreFiles } from '../../../src/store/sqlite/store-files.ts';
import { UnitWriter, type WrittenUnit } from '../../../src/store/sqlite/unit-writer.ts';
import { DAY_MS } from '../../../src/store/sqlite/wear-meter.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { HeldCommitter } from '../../support/held-committer.ts';
import { value } from '../../support/raw-database.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { contentsOf, durable, FACTS, messageOf, QOS_1, subscriptionOf } from '../../support/store-samples.ts';

let bench: SqliteBench;
let clock: FakeClock;
let metrics: MetricsTable;
let committer: HeldCommitter;
let store: SessionStore;
let queue: StoredSession;

const waiter = { durable: (): void => undefined };

async function start(options: Partial<SqliteStoreOptions> = {}): Promise<void> {
  clock = new FakeClock();
  metrics = new MetricsTable();
  const held = (inline: Committer): Committer => {
    committer = new HeldCommitter(inline);
    return committer;
  };
  store = bench.open({ clock, metrics, committer: held, ...options });
  queue = store.createSession(realm('mqtt'), clientId('valve-1'), FACTS);
  await durable(store);
}

function publish(payload: string, withinMs = 0): number {
  store.refer(queue, QOS_1);
  return store.append(messageOf('plant/temp', payload), withinMs);
}

/** What was written becomes one group; whatever else waits for a unit waits on. */
function group(): Promise<void> {
  return new Promise((resolve) => store.whenDurable({ durable: () => resolve() }, 0));
}

/** The next unit finds the file damaged. */
function damage(code = 'SQLITE_CORRUPT'): void {
  const written: WrittenUnit = { failure: { code, message: 'database disk image is malformed' }, syncMs: 0 };
  vi.spyOn(UnitWriter.prototype, 'write').mockReturnValueOnce(written);
}

async function healed(): Promise<void> {
  for (let turn = 0; turn < 20 && store.status().healedWhileRunning === 0; turn += 1) await settled();
  expect(store.status()).toMatchObject({ healedWhileRunning: 1, damagedGroupCount: 0 });
}

/** What a kill now would leave. */
async function killed(see: (after: SessionStore) => void): Promise<void> {
  const other = new SqliteBench();
  see(bench.copied(other));
  await other.end();
}

const isCompacting = ({ writes }: CommitUnit): boolean => writes.some(({ statement }) => statement === 'putSegment');

beforeEach(() => {
  bench = new SqliteBench();
});

afterEach(async () => {
  vi.restoreAllMocks();
  await bench.end();
});

describe('a file that is replaced', () => {
  test('amid a compaction has what the old segments were to become', async () => {
    await start({ limits: { compactGainBytes: 0 } });
    for (let number = 0; number < 100; number += 1) {
      publish(`reading ${number}`.padEnd(500));
      await durable(store);
    }
    const before = contentsOf(store);
    committer.isHeld = true;
    for (let turn = 0; turn < 1_000 && !committer.units.some(isCompacting); turn += 1) {
      committer.release();
      await clock.advanceMs(100);
    }
    damage();
    committer.isHeld = false;
    committer.release();
    await healed();
    expect(contentsOf(store)).toEqual(before);
    await killed((after) => expect(contentsOf(after)).toEqual(before));
  });

  test('amid a checkpoint is not replayed from where that began', async () => {
    await start({ limits: { checkpointLogBytes: 20_000 } });
    for (let number = 0; number < 5_000; number += 1) store.createSession(realm('mqtt'), clientId(`other-${number}`), FACTS);
    await group(); // enough for a checkpoint of many slices
    const gone = publish('gone');
    publish('stays');
    store.saveSubscription(queue, subscriptionOf('plant/#'));
    await group();
    store.settle(queue, gone, 'delivered');
    store.removeSubscription(queue, subscriptionOf('plant/#').filter);
    await group();
    damage();
    publish('met the damage');
    await group();
    await healed();
    const replayFrom = (): unknown => value(bench.directory, "SELECT value FROM meta WHERE key = 'replay_from'");
    const movedTo = replayFrom();
    for (let number = 0; number < 200 && replayFrom() === movedTo; number += 1) {
      publish('more');
      await group();
    }
    expect(replayFrom()).toBeGreaterThan(Number(movedTo)); // the next checkpoint
    const before = contentsOf(store);
    await killed((after) => {
      expect(contentsOf(after)).toEqual(before);
      expect(after.status().damagedGroupCount).toBe(0);
    });
  });

  test('has what the open group says so far: no receiver id without its message, and nothing that comes back', async () => {
    await start();
    committer.isHeld = true;
    publish('in flight');
    store.whenDurable(waiter, 0);
    await settled();
    store.together(() => {
      store.beginReceiving(queue, 7, 0x1234);
      publish('in the open group');
    });
    const lazy = publish('may wait', 1_000);
    damage();
    committer.release();
    await healed();
    await killed((after) => {
      const there = after.sessions.get('mqtt\0valve-1') as StoredSession;
      expect([there.receiving.has(7), there.queue.count]).toEqual([true, 3]);
      expect(contentsOf(after)).toEqual(contentsOf(store));
      expect(after.status().damagedGroupCount).toBe(0);
    });
    store.settle(queue, lazy, 'delivered');
    committer.isHeld = false;
    committer.release();
    await durable(store);
    const before = contentsOf(store);
    await bench.close(store);
    expect(contentsOf(bench.open())).toEqual(before);
  });

  test('still says how far the machine was ahead', async () => {
    const machine = { bootId: 7, uptimeMs: (): number => 500_000 + clock.monotonicMs() };
    await start({ machine });
    damage();
    publish('met the damage');
    await durable(store);
    await healed();
    const first = clock.monotonicMs() + store.boot.gatewayTimeOffsetMs;
    const copy = new FakeClock();
    const after = bench.crashed({ clock: copy, machine: { bootId: 7, uptimeMs: () => 560_000 + clock.monotonicMs() } });
    expect(copy.monotonicMs() + after.boot.gatewayTimeOffsetMs).toBe(first + 60_000);
  });

  test('still says what every day cost', async () => {
    await start();
    for (let day = 0; day < 3; day += 1) {
      for (let number = 0; number < 10; number += 1) publish('x'.repeat(10_000));
      await durable(store);
      await clock.advanceMs(DAY_MS);
    }
    damage();
    publish('met the damage');
    await durable(store);
    await healed();
    const days = store.status().wear?.days ?? [];
    expect(days.length).toBeGreaterThan(3);
    await killed((after) => expect(after.status().wear?.days.slice(0, 3)).toEqual(days.slice(0, 3)));
  });
});

test('a fresh file for which there is no room is not left on the disk', async () => {
  await start();
  damage();
  vi.spyOn(StoreFiles.prototype, 'complete').mockImplementationOnce(() => {
    throw new Error('ENOSPC: no space left on device');
  });
  publish('is written in the end');
  store.whenDurable(waiter, 0);
  for (let turn = 0; turn < 20 && store.status().writeFailure === ''; turn += 1) await settled();
  expect(store.status().writeFailure).toContain('no space left');
  expect(readdirSync(bench.directory)).not.toContain('postern.db.new');
  await clock.advanceMs(1_000);
  expect([store.status().writeFailure, store.status().healedWhileRunning]).toEqual(['', 0]);
});

test('a log that cannot be copied is told through whatever heals', async () => {
  await start();
  const failure = { code: 'SQLITE_IOERR_WRITE', message: 'disk I/O error' };
  vi.spyOn(UnitWriter.prototype, 'write').mockReturnValueOnce({ failure: undefined, copyFailure: failure, syncMs: 0 });
  publish('is safe');
  await durable(store);
  expect(metrics.value('store.copies.failed')).toBe(1);
});

test('a log that cannot be copied for damage is left behind with the file', async () => {
  await start();
  const copyFailure = { code: 'SQLITE_CORRUPT', message: 'database disk image is malformed' };
  vi.spyOn(UnitWriter.prototype, 'write').mockReturnValueOnce({ failure: undefined, copyFailure, syncMs: 0 });
  store.saveSubscription(queue, subscriptionOf('plant/#'));
  await durable(store);
  publish('goes into the fresh file');
  await durable(store);
  await healed();
  expect(store.status().writeFailure).toBe('');
});
