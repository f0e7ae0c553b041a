import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clientId, realm } from '../../../src/model/client.ts';
import type { SessionStore, StoredSession } from '../../../src/session/session-store.ts';
import { IN_A_THREAD } from '../../support/commit-thread.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { value } from '../../support/raw-database.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { contentsOf, durable, FACTS, messageOf, QOS_1 } from '../../support/store-samples.ts';
import { GATEWAYS, operate } from '../../support/store-workload.ts';

let bench: SqliteBench;
let log: RecordingLog;

beforeEach(() => {
  bench = new SqliteBench();
  log = new RecordingLog();
});

afterEach(() => bench.end());

const LIMITS = { checkpointLogBytes: 20_000, groupBytesMax: 4_000 };

/** A store with a life behind it that was opened again, and commits through a connection that has nothing in its cache yet. */
async function reopened(): Promise<SessionStore> {
  const first = bench.open({ limits: LIMITS });
  for (let number = 0; number < 300; number += 1) {
    operate(first, 5, number);
    if (number % 10 === 0) await durable(first);
  }
  await bench.close(first);
  return bench.open({ log, limits: LIMITS, commitThread: IN_A_THREAD });
}

function scribble(from: number, to?: number): void {
  const path = join(bench.directory, 'postern.db');
  const bytes = readFileSync(path);
  bytes.subarray(from, to).fill(0xa5);
  writeFileSync(path, bytes);
}

/** The first page of the list of free ones: the next message that needs pages finds it damaged. */
function scribbleFreeList(): void {
  const trunk = readFileSync(join(bench.directory, 'postern.db')).readUInt32BE(32);
  expect(trunk).toBeGreaterThan(0);
  scribble((trunk - 1) * 1024, trunk * 1024);
}

describe('a database that is damaged while the gateway runs', () => {
  test('moves to a fresh file with the commit that meets the damage; nothing that memory holds is lost, no restart is needed', async () => {
    const store = await reopened();
    const before = contentsOf(store, GATEWAYS);
    scribbleFreeList();
    const session = store.createSession(realm('mqtt'), clientId('later'), FACTS);
    store.refer(session, QOS_1);
    store.append(messageOf('plant/later', 'x'.repeat(5_000)));
    await durable(store);
    expect(store.status()).toMatchObject({ healedWhileRunning: 1, quarantined: ['postern.db.damaged-1'], damagedGroups: [] });
    expect(log.lines.filter(({ level }) => level !== 'info').map(({ event }) => event)).toEqual(['store was damaged: moved to a fresh file while running']);
    store.removeSession(session);
    await durable(store);
    expect(contentsOf(store, GATEWAYS)).toEqual(before);
    expect(contentsOf(bench.crashed(), GATEWAYS)).toEqual(before);
  });

  test('is an ordinary store again: commits, checkpoints, closes, opens', async () => {
    const store = await reopened();
    scribbleFreeList();
    for (let number = 300; number < 600; number += 1) {
      operate(store, 5, number);
      if (number % 10 === 0) await durable(store);
    }
    const before = contentsOf(store, GATEWAYS);
    await bench.close(store);
    expect(value(bench.directory, 'PRAGMA integrity_check')).toBe('ok');
    const again = bench.open({ log });
    expect(contentsOf(again, GATEWAYS)).toEqual(before);
    expect(again.status().quarantined).toEqual([]);
    expect(readdirSync(bench.directory)).toContain('postern.db.damaged-1');
  });

  test('met by a read, in the turn: a group that only the file has is lost, and told by its number', async () => {
    const first = bench.open();
    const session = first.createSession(realm('mqtt'), clientId('valve-1'), FACTS);
    for (let number = 0; number < 30; number += 1) {
      first.refer(session, QOS_1);
      first.append(messageOf('plant/temp', 'x'.repeat(2_000)));
      await durable(first);
    }
    const store = await bench.reopened(first);
    const queue = [...store.sessions.values()][0] as StoredSession;
    store.createSession(realm('mqtt'), clientId('other'), FACTS);
    await durable(store);
    scribble(1024);
    expect(store.read(queue, 3)).toBeUndefined();
    store.createSession(realm('mqtt'), clientId('another'), FACTS);
    await durable(store);
    expect(store.status()).toMatchObject({ healedWhileRunning: 1, sessions: 3 });
    expect(store.status().damagedGroupCount).toBeGreaterThan(20);
  });
});

describe('a log that is too large to be checked at the start', () => {
  test('is read through while the gateway runs; a group that is damaged is told, and the file replaced', async () => {
    const first = bench.open();
    const session = first.createSession(realm('mqtt'), clientId('valve-1'), FACTS);
    for (let number = 0; number < 300; number += 1) {
      first.refer(session, QOS_1);
      first.append(messageOf('plant/temp', Buffer.alloc(60_000, number)));
      await durable(first);
    }
    await bench.close(first);
    scribble(9_000_000, 9_000_010);
    const clock = new FakeClock();
    const store = bench.open({ log, clock });
    expect(store.status().damagedGroups).toEqual([]);
    await clock.advanceMs(60_000);
    expect(store.status().damagedGroupCount).toBe(1);
    store.createSession(realm('mqtt'), clientId('other'), FACTS);
    await durable(store);
    expect(store.status()).toMatchObject({ healedWhileRunning: 1, quarantined: ['postern.db.damaged-1'] });
  });
});
