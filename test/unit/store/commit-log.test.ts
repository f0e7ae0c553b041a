import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clientId, realm } from '../../../src/model/client.ts';
import { SETTLE_DELAY_MS } from '../../../src/model/limits.ts';
import type { SessionStore, StoredSession } from '../../../src/session/session-store.ts';
import type { CommitFailure } from '../../../src/store/sqlite/committer.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { HeldCommitter } from '../../support/held-committer.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { contentsOf, durable, FACTS, messageOf, QOS_1 } from '../../support/store-samples.ts';

let bench: SqliteBench;
let clock: FakeClock;
let log: RecordingLog;
let committer: HeldCommitter;
let store: SessionStore;
let session: StoredSession;
let told: number[];

const waiter = { durable: (token: number): void => void told.push(token) };

async function start(limits: { readonly groupBytesMax?: number } = {}): Promise<void> {
  clock = new FakeClock();
  log = new RecordingLog();
  store = bench.open({
    clock,
    log,
    limits,
    committer: (inline) => {
      committer = new HeldCommitter(inline);
      return committer;
    },
  });
  session = store.createSession(realm('mqtt'), clientId('valve-1'), FACTS);
  await durable(store);
  committer.units.length = 0;
  told = [];
}

function queue(text = 'x'): number {
  store.refer(session, QOS_1);
  return store.append(messageOf('plant/temp', text));
}

beforeEach(async () => {
  bench = new SqliteBench();
  await start();
});

afterEach(async () => {
  committer.failure = undefined;
  committer.isHeld = false;
  committer.release();
  await bench.end();
});

describe('group commit', () => {
  test('what is written in one turn is one unit', async () => {
    for (let count = 0; count < 10; count += 1) queue();
    expect(committer.units).toHaveLength(0);
    await durable(store);
    expect(committer.units).toHaveLength(1);
  });

  test('nobody is told before the unit is committed', async () => {
    committer.isHeld = true;
    queue();
    store.whenDurable(waiter, 1);
    await settled();
    expect([committer.units.length, told]).toEqual([1, []]);
    committer.release();
    expect(told).toEqual([1]);
  });

  test('while one unit is in flight the next group fills up, and both are told in order', async () => {
    committer.isHeld = true;
    queue();
    store.whenDurable(waiter, 1);
    await settled();
    queue();
    store.whenDurable(waiter, 2);
    await settled();
    expect(committer.units).toHaveLength(1);
    committer.release();
    expect(told).toEqual([1]);
    await settled();
    committer.release();
    expect([committer.units.length, told]).toEqual([2, [1, 2]]);
  });

  test('who asks while everything is in flight is told with it', async () => {
    committer.isHeld = true;
    queue();
    await settled();
    store.whenDurable(waiter, 1);
    expect(told).toEqual([]);
    committer.release();
    expect(told).toEqual([1]);
  });

  test('a message can be read before, while and after it is committed', async () => {
    committer.isHeld = true;
    const sequence = queue('hello');
    const text = (): string => Buffer.from(store.read(session, sequence)?.message.payload ?? []).toString();
    expect(text()).toBe('hello');
    await settled();
    expect(text()).toBe('hello');
    committer.release();
    expect(text()).toBe('hello');
  });
});

describe('settled entries wait for a group to join', () => {
  test(`and make one of their own after ${SETTLE_DELAY_MS} ms`, async () => {
    const sequence = queue();
    await durable(store);
    committer.units.length = 0;
    store.settle(session, sequence, 'delivered');
    await clock.advanceMs(SETTLE_DELAY_MS - 1);
    expect(committer.units).toHaveLength(0);
    await clock.advanceMs(1);
    expect(committer.units).toHaveLength(1);
  });

  test('a message takes them along', async () => {
    const sequence = queue();
    await durable(store);
    committer.units.length = 0;
    store.settle(session, sequence, 'delivered');
    queue();
    await durable(store);
    expect(committer.units).toHaveLength(1);
    await clock.advanceMs(2 * SETTLE_DELAY_MS);
    expect(committer.units).toHaveLength(1);
  });

  test('somebody who waits for them makes them commit at the end of the turn', async () => {
    const sequence = queue();
    await durable(store);
    store.settle(session, sequence, 'delivered');
    store.whenDurable(waiter, 1);
    expect(told).toEqual([]);
    await settled();
    expect(told).toEqual([1]);
  });

  test('the end of a QoS 2 exchange does not wait', async () => {
    store.beginSending(session, 1, queue());
    await durable(store);
    committer.units.length = 0;
    store.endSending(session, 1, 'delivered');
    await settled();
    expect(committer.units).toHaveLength(1);
  });
});

describe('a turn that brings more than a group may hold', () => {
  beforeEach(async () => {
    await bench.close(store);
    await start({ groupBytesMax: 1_000 });
  });

  test('is committed in parts, and who waits is told in order after it', async () => {
    for (let token = 1; token <= 40; token += 1) {
      queue('x'.repeat(100));
      store.whenDurable(waiter, token);
    }
    expect(committer.units.length).toBeGreaterThan(3);
    expect(told).toEqual([]);
    await settled();
    expect(told).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  });

  test('what is written together is never parted, whatever it brings about', async () => {
    for (let packetId = 1; packetId <= 60; packetId += 1) {
      store.together(() => {
        queue('x'.repeat(100));
        store.together(() => queue('y'.repeat(1_000)));
        queue('z'.repeat(1_000));
        store.beginReceiving(session, packetId, packetId);
      });
      if (packetId % 7 === 0) {
        const killed = bench.crashed();
        const [kept] = [...killed.sessions.values()];
        expect(kept?.queue.count).toBe(3 * (kept?.receiving.size ?? 0));
      }
    }
    expect(committer.units.length).toBeGreaterThan(50);
  });

  test('a call that fails ends what was together', () => {
    const fails = (): void =>
      store.together(() => {
        throw new TypeError('planted');
      });
    expect(fails).toThrow('planted');
    for (let count = 0; count < 20; count += 1) queue('x'.repeat(100));
    expect(committer.units.length).toBeGreaterThan(0);
  });

  test('while a slow disk is busy the group grows on, and publishers are held back', async () => {
    committer.isHeld = true;
    queue();
    await settled();
    expect(store.isCongested).toBe(false);
    for (let count = 0; count < 20; count += 1) queue('x'.repeat(100));
    expect([store.isCongested, committer.units.length]).toEqual([true, 1]);
    committer.release();
    expect(store.isCongested).toBe(false);
  });
});

describe.each([
  ['SQLITE_FULL', 'free space'],
  ['SQLITE_IOERR_FSYNC', 'dmesg'],
  ['SQLITE_READONLY_DBMOVED', 'read-write'],
])('a disk that refuses with %s', (code, advice) => {
  beforeEach(async () => {
    committer.failure = { code, message: 'no' };
    queue('kept');
    store.whenDurable(waiter, 1);
    await settled();
  });

  test('acknowledges nothing, holds publishers back and says what to do', () => {
    expect(told).toEqual([]);
    expect(store.isCongested).toBe(true);
    const errors = log.lines.filter(({ level }) => level === 'error');
    expect(errors).toEqual([expect.objectContaining({ event: 'store cannot commit', code, advice: expect.stringContaining(advice) })]);
  });

  test('is tried again, later each time, until it takes the unit as it was', async () => {
    await clock.advanceMs(60_000);
    expect(committer.units.length).toBeGreaterThan(6);
    expect(committer.units.length).toBeLessThan(30);
    expect(new Set(committer.units).size).toBe(1);
    queue('later');
    store.whenDurable(waiter, 2);
    committer.failure = undefined;
    await clock.advanceMs(10_000);
    expect([told, store.isCongested]).toEqual([[1, 2], false]);
    expect(log.lines).toContainEqual(expect.objectContaining({ level: 'info', event: 'store writes again' }));
    expect(contentsOf(bench.crashed())).toEqual(contentsOf(store));
  });

  test('does not keep the store from closing; the next boot knows that it was no clean end', async () => {
    await bench.close(store);
    expect(log.lines.at(-1)).toMatchObject({ event: 'store closed without a checkpoint' });
    expect(told).toEqual([]);
    committer.failure = undefined;
    const next = bench.open();
    expect([next.boot.wasClean, next.status().queuedMessages]).toEqual([false, 0]);
  });
});

describe('a log of SQLite that cannot be copied', () => {
  test('is told once and named in the status, until it can; commits go on', async () => {
    let copyFailure: CommitFailure | undefined = { code: 'SQLITE_IOERR_WRITE', message: 'disk I/O error' };
    await bench.close(store);
    log = new RecordingLog();
    store = bench.open({
      clock: new FakeClock(),
      log,
      committer: (inline) => ({ commit: (unit, done) => inline.commit(unit, (failure) => done(failure, copyFailure)), close: () => inline.close() }),
    });
    const other = store.createSession(realm('mqtt'), clientId('valve-2'), FACTS);
    for (let count = 0; count < 3; count += 1) {
      store.changeSession(other, { ...FACTS, expirySeconds: count });
      await durable(store);
    }
    expect(store.status().writeFailure).toBe('SQLITE_IOERR_WRITE: disk I/O error');
    expect([store.isCongested, store.room]).toEqual([false, 'ample']);
    copyFailure = undefined;
    store.changeSession(other, FACTS);
    await durable(store);
    expect(store.status().writeFailure).toBe('');
    expect(log.lines.map(({ event }) => event)).toEqual(['store cannot copy its log', 'store copies its log again']);
  });
});

describe('a store whose commits are refused again and again', () => {
  test('takes nothing new after the third time, and nothing at all once more waits than may', async () => {
    await bench.close(store);
    await start({ groupBytesMax: 1_000 });
    committer.failure = { code: 'SQLITE_IOERR_FSYNC', message: 'disk I/O error' };
    queue();
    await settled();
    expect([store.room, store.status().writeFailure]).toEqual(['ample', 'SQLITE_IOERR_FSYNC: disk I/O error']);
    await clock.advanceMs(1_000);
    expect(store.room).toBe('none');
    for (let count = 0; count < 20; count += 1) queue('x'.repeat(100));
    expect(store.room).toBe('stuck');
    committer.failure = undefined;
    await clock.advanceMs(10_000);
    expect([store.room, store.status().writeFailure]).toEqual(['ample', '']);
  });
});
