import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clientId, realm } from '../../../src/model/client.ts';
import { CHECKPOINT_INTERVAL_MS } from '../../../src/model/limits.ts';
import type { SessionStore, StoredSession } from '../../../src/session/session-store.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { HeldCommitter } from '../../support/held-committer.ts';
import { rows, value } from '../../support/raw-database.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { contentsOf, durable, FACTS, messageOf, QOS_1, subscriptionOf } from '../../support/store-samples.ts';

const TURNS_MAX = 400;

let bench: SqliteBench;
let clock: FakeClock;
let store: SessionStore;
let session: StoredSession;
let committer: HeldCommitter;

beforeEach(async () => {
  bench = new SqliteBench();
  clock = new FakeClock();
  store = bench.open({
    clock,
    committer: (inline) => {
      committer = new HeldCommitter(inline);
      return committer;
    },
  });
  session = store.createSession(realm('mqtt'), clientId('valve-1'), FACTS);
  await durable(store);
});

afterEach(() => bench.end());

function queue(text = 'x'): number {
  store.refer(session, QOS_1);
  return store.append(messageOf('plant/temp', text));
}

async function queueMany(count: number, text = 'x'): Promise<number[]> {
  const sequences: number[] = [];
  for (let left = count; left > 0; left -= 1) {
    sequences.push(queue(text));
    if (left % 50 === 0) await durable(store);
  }
  await durable(store);
  return sequences;
}

/** Lets the turns pass that a checkpoint and what follows it take. */
async function turns(isOver: () => boolean): Promise<void> {
  for (let turn = 0; turn < TURNS_MAX && !isOver(); turn += 1) await settled();
  expect(isOver()).toBe(true);
}

/** Flash wear has a row that goes along with every checkpoint. */
const BUT_WEAR = "WHERE gateway <> 'wear'";

const replayFrom = (): unknown => value(bench.directory, "SELECT value FROM meta WHERE key = 'replay_from'");
const segments = (): unknown => value(bench.directory, 'SELECT count(*) FROM segment');

describe('a checkpoint', () => {
  test('writes what changed, each row once, and moves the start of replay', async () => {
    store.saveSubscription(session, subscriptionOf('a'));
    store.saveSubscription(session, subscriptionOf('a', { qosMax: 2 }));
    store.putState({ gateway: 'mqtt-sn' }, 'k', Uint8Array.of(1));
    store.append(messageOf('plant/state', 'on', { isRetain: true }));
    await queueMany(100);
    expect(rows(bench.directory, 'SELECT id FROM session')).toEqual([]);
    await clock.advanceMs(CHECKPOINT_INTERVAL_MS);
    await turns(() => Number(replayFrom() ?? 0) > 1);
    expect(rows(bench.directory, 'SELECT realm, client_id FROM session')).toEqual([['mqtt', 'valve-1']]);
    expect(rows(bench.directory, 'SELECT filter FROM subscription')).toEqual([['a']]);
    expect(rows(bench.directory, `SELECT gateway, session, key FROM state ${BUT_WEAR}`)).toEqual([['mqtt-sn', 0, 'k']]);
    expect(rows(bench.directory, 'SELECT topic FROM retained')).toEqual([['plant/state']]);
    expect(rows(bench.directory, 'SELECT count(*), max(length(live)) <= 700 FROM queue_chunk')).toEqual([[1, 1]]);
    expect(contentsOf(bench.crashed(), ['mqtt-sn'])).toEqual(contentsOf(store, ['mqtt-sn']));
  });

  test('leaves out what has not changed since the last one', async () => {
    store.saveSubscription(session, subscriptionOf('a'));
    await queueMany(3);
    await clock.advanceMs(CHECKPOINT_INTERVAL_MS);
    await turns(() => Number(replayFrom() ?? 0) > 1);
    const before = Number(replayFrom());
    committer.units.length = 0;
    queue();
    await durable(store);
    await clock.advanceMs(CHECKPOINT_INTERVAL_MS);
    await turns(() => Number(replayFrom()) > before);
    const written = committer.units.flatMap((unit) => unit.writes.map(({ statement }) => statement));
    expect(written.filter((statement) => statement !== 'putMeta' && statement !== 'dropSegments')).toEqual(['putChunk', 'putState']); // flash wear
  });

  test('comes after so many bytes of log as well', async () => {
    await bench.close(store);
    store = bench.open({ clock, limits: { checkpointLogBytes: 20_000 } });
    session = [...store.sessions.values()][0] as StoredSession;
    const before = Number(replayFrom());
    await queueMany(50, 'x'.repeat(500));
    await turns(() => Number(replayFrom()) > before);
  });

  test('is written in slices: no unit holds the rows of a thousand sessions', async () => {
    for (let count = 0; count < 1_000; count += 1) store.createSession(realm('mqtt'), clientId(`sensor-${count}`), FACTS);
    await durable(store);
    committer.units.length = 0;
    await clock.advanceMs(CHECKPOINT_INTERVAL_MS);
    await turns(() => Number(replayFrom() ?? 0) > 1);
    expect(Math.max(...committer.units.map((unit) => unit.writes.length))).toBeLessThan(300);
    expect(value(bench.directory, 'SELECT count(*) FROM session')).toBe(1_001);
  });

  test('that was interrupted leaves tables newer than the start of replay, and nothing is wrong', async () => {
    for (let count = 0; count < 700; count += 1) store.createSession(realm('mqtt'), clientId(`sensor-${count}`), FACTS);
    const sequences = await queueMany(600);
    await clock.advanceMs(CHECKPOINT_INTERVAL_MS);
    for (let kill = 0; kill < 6; kill += 1) {
      for (const sequence of sequences.splice(0, 37)) store.settle(session, sequence, 'delivered');
      await durable(store);
      const contents = contentsOf(store);
      const files = new SqliteBench();
      expect(contentsOf(bench.copied(files))).toEqual(contents);
      await files.end();
    }
  });

  test('of a removed session takes its rows away', async () => {
    store.saveSubscription(session, subscriptionOf('a'));
    store.beginSending(session, 1, queue());
    store.beginReceiving(session, 1, 1);
    store.putState(session, 'k', Uint8Array.of(1));
    await bench.close(store);
    store = bench.open({ clock });
    store.removeSession([...store.sessions.values()][0] as StoredSession);
    await bench.close(store);
    for (const table of ['session', 'subscription', 'queue_chunk', 'sending', 'receiving', `state ${BUT_WEAR}`]) {
      expect(value(bench.directory, `SELECT count(*) FROM ${table}`), table).toBe(0);
    }
  });
});

describe('segments', () => {
  test('stay while one of their messages is queued, wherever its neighbours went', async () => {
    const sequences = await queueMany(500);
    for (const sequence of sequences.filter((each) => each !== sequences[250])) store.settle(session, sequence, 'delivered');
    await clock.advanceMs(CHECKPOINT_INTERVAL_MS);
    await turns(() => Number(segments()) <= 2);
    expect(contentsOf(bench.crashed())).toEqual(contentsOf(store));
    expect(store.read(session, sequences[250] ?? 0)).toBeDefined();
  });

  test('whose messages were settled before they were committed are dropped as well', async () => {
    for (let count = 0; count < 20; count += 1) {
      store.settle(session, queue(), 'delivered');
      await durable(store);
    }
    await clock.advanceMs(CHECKPOINT_INTERVAL_MS);
    await turns(() => segments() === 0);
  });

  test('are dropped once nobody refers to them, and a later boot finds none', async () => {
    const sequences = await queueMany(500);
    await bench.close(store);
    store = bench.open({ clock });
    session = [...store.sessions.values()][0] as StoredSession;
    const before = Number(segments());
    for (const sequence of sequences) store.settle(session, sequence, 'delivered');
    await durable(store);
    expect(Number(segments())).toBeLessThan(before);
    expect(store.status()).toMatchObject({ queuedMessages: 0, segments: 1 });
  });

  test('of retained messages are not kept for them', async () => {
    for (let count = 0; count < 50; count += 1) store.append(messageOf(`plant/${count}`, 'x', { isRetain: true }));
    await clock.advanceMs(CHECKPOINT_INTERVAL_MS);
    await turns(() => segments() === 0);
    expect(contentsOf(bench.crashed())).toEqual(contentsOf(store));
  });

  test('that are gone give their pages back to the file system, but for a few', async () => {
    const sequences = await queueMany(300, 'x'.repeat(100_000));
    const size = (): number => statSync(join(bench.directory, 'postern.db')).size;
    for (const sequence of sequences) store.settle(session, sequence, 'delivered');
    expect(value(bench.directory, 'PRAGMA page_count')).toBeGreaterThan(29_000);
    await clock.advanceMs(CHECKPOINT_INTERVAL_MS);
    await turns(() => Number(value(bench.directory, 'PRAGMA page_count')) < 5_000);
    await bench.close(store);
    expect(size()).toBeLessThan(5_000 * 1_024);
  });
});
