import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clientId, realm } from '../../../src/model/client.ts';
import { GatewayError } from '../../../src/model/errors.ts';
import type { SessionStore, StoredSession } from '../../../src/session/session-store.ts';
import { sealed } from '../../../src/store/sqlite/sealed-row.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { rows, value, withDatabase } from '../../support/raw-database.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { contentsOf, durable, FACTS, messageOf, QOS_1 } from '../../support/store-samples.ts';

const HOUR_MS = 3_600_000;

let bench: SqliteBench;
let log: RecordingLog;

beforeEach(() => {
  bench = new SqliteBench();
  log = new RecordingLog();
});

afterEach(() => bench.end());

const onlySession = (store: SessionStore): StoredSession => [...store.sessions.values()][0] as StoredSession;
const failure = (run: () => unknown): GatewayError => {
  try {
    run();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  expect.unreachable('it was to fail');
};

/** Groups 1 (the session) to count + 1, one message each, none of them in the tables. */
async function storeWith(count: number): Promise<SessionStore> {
  const store = bench.open();
  const session = store.createSession(realm('mqtt'), clientId('valve-1'), FACTS);
  await durable(store);
  for (let number = 1; number <= count; number += 1) {
    store.refer(session, QOS_1);
    store.append(messageOf('plant/temp', `message ${number}`));
    await durable(store);
  }
  return store;
}

function payloads(store: SessionStore): (string | undefined)[] {
  const { queue } = onlySession(store);
  const texts: (string | undefined)[] = [];
  for (let at = queue.next(0); at !== undefined; at = queue.next(at)) {
    const delivery = store.read(onlySession(store), at);
    texts.push(delivery && Buffer.from(delivery.message.payload).toString());
  }
  return texts;
}

describe('the file', () => {
  test('is made as it must be', async () => {
    await bench.close(await storeWith(1));
    const pragma = (name: string): unknown => value(bench.directory, `PRAGMA ${name}`);
    expect([pragma('page_size'), pragma('auto_vacuum'), pragma('journal_mode'), pragma('application_id'), pragma('user_version')]).toEqual([
      1024,
      2,
      'wal',
      0x5053_544e,
      3,
    ]);
    expect(statSync(join(bench.directory, 'postern.db')).mode & 0o777).toBe(0o600);
    expect(rows(bench.directory, 'PRAGMA integrity_check')).toEqual([['ok']]);
  });

  test('a missing directory is made, for its owner only', async () => {
    const directory = join(bench.root, 'var', 'lib');
    await bench.close(bench.open({ directory }));
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  test('a path that is no directory is refused with what to do', () => {
    const directory = join(bench.root, 'file');
    writeFileSync(directory, '');
    const error = failure(() => bench.open({ directory }));
    expect([error.code, error.message]).toEqual(['STORE_UNAVAILABLE', expect.stringContaining(directory)]);
  });

  test('of a later version is left alone', async () => {
    await bench.close(await storeWith(1));
    withDatabase(bench.directory, (database) => database.exec("PRAGMA user_version = 99; DELETE FROM meta_copy WHERE key = 'schema'"));
    const error = failure(() => bench.open());
    expect([error.code, error.message]).toEqual(['STORE_UNAVAILABLE', expect.stringContaining('later version')]);
    expect(value(bench.directory, 'PRAGMA user_version')).toBe(99);
  });
});

describe('one process per directory', () => {
  test('a second store is refused and told who holds it', async () => {
    const store = bench.open();
    const error = failure(() => bench.open());
    expect([error.code, error.message]).toEqual(['STORE_UNAVAILABLE', expect.stringContaining(`process ${process.pid}`)]);
    await bench.close(store);
    bench.open();
  });

  test('so is another process, until this one is done', async () => {
    const store = bench.open();
    const script = `
      import { openSqliteStore } from './src/store/sqlite/open.ts';
      import { FakeClock } from './test/support/fake-clock.ts';
      import { MetricsTable } from './src/model/metrics.ts';
      import { silentLog } from './src/model/log.ts';
      openSqliteStore({ directory: process.argv[1], clock: new FakeClock(), log: silentLog, metrics: new MetricsTable() });
      process.kill(process.pid, 'SIGKILL');`;
    const other = () => spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script, bench.directory], { encoding: 'utf8' });
    expect(other().stderr).toContain(`in use by process ${process.pid}`);
    await bench.close(store);
    expect(other().signal).toBe('SIGKILL');
    expect(existsSync(join(bench.directory, 'postern.pid'))).toBe(true);
    expect(bench.open().boot).toMatchObject({ boot: 3, wasClean: false }); // what a killed process leaves does not lock anybody out
  });
});

test('a lock file that is no lock file any more locks nobody out', async () => {
  await bench.close(await storeWith(1));
  writeFileSync(join(bench.directory, 'postern.lock'), 'x'.repeat(5_000));
  expect(payloads(bench.open())).toEqual(['message 1']);
  expect(failure(() => bench.open()).message).toContain('in use by process');
});

describe('a group of the log', () => {
  test.each([
    ['was changed', "UPDATE segment SET bytes = CAST(substr(bytes, 1, 100) || x'ff' || substr(bytes, 102) AS BLOB) WHERE number = 3"],
    ['was cut off', 'UPDATE segment SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) AS BLOB) WHERE number = 3'],
    ['is of another type', "UPDATE segment SET bytes = 'text', next_sequence = 'text' WHERE number = 3"],
    ['is missing', 'DELETE FROM segment WHERE number = 3'],
  ])('that %s is reported by its number; every other is kept', async (_what, sql) => {
    await storeWith(4);
    const crash = await sameFiles(sql);
    const store = crash.open({ log });
    expect(payloads(store)).toEqual(['message 1', 'message 3', 'message 4']);
    expect(store.status().damagedGroups).toEqual([3]);
    expect(log.lines).toEqual([expect.objectContaining({ level: 'error', event: 'group of the log lost', group: '3' })]);
    await crash.end();
  });

  test('that is damaged after the checkpoint makes its messages unreadable, and no others', async () => {
    await bench.close(await storeWith(4));
    withDatabase(bench.directory, (database) =>
      database.exec("UPDATE segment SET bytes = CAST(substr(bytes, 1, 100) || x'ff' || substr(bytes, 102) AS BLOB) WHERE number = 3"),
    );
    const store = bench.open({ log });
    expect(payloads(store)).toEqual(['message 1', undefined, 'message 3', 'message 4']);
    expect(store.status().damagedGroups).toEqual([3]);
    expect(log.lines).toHaveLength(1);
  });

  /** The files of a kill now, changed by `sql`. */
  async function sameFiles(sql: string): Promise<SqliteBench> {
    const crash = new SqliteBench();
    const store = bench.copied(crash);
    expect(store.boot.boot).toBe(2);
    withDatabase(crash.directory, (database) => database.exec(sql));
    await crash.closeAsKilled(store);
    return crash;
  }
});

describe('a row of the tables', () => {
  test.each([
    ['session', "UPDATE session SET client_id = 'valve-2'"],
    ['session', "UPDATE session SET facts = x'ff'"],
    ['queue_chunk', "UPDATE queue_chunk SET live = x'0102' || substr(live, 3)"],
    ['queue_chunk', 'UPDATE queue_chunk SET first_sequence = first_sequence + 1'],
    ['queue_chunk', 'DELETE FROM queue_chunk'],
    ['queue_chunk_copy', 'DELETE FROM queue_chunk_copy'],
    ['meta', "UPDATE meta SET value = value + 1 WHERE key = 'next_sequence'"],
    ['meta', "DELETE FROM meta WHERE key = 'replay_from'"],
    ['meta_copy', "UPDATE meta_copy SET value = x'00' WHERE key = 'boot'"],
    ['meta_copy', 'DELETE FROM meta_copy'],
  ])('of %s that is damaged is taken from its copy: %s', async (_table, sql) => {
    const store = await storeWith(20);
    const before = contentsOf(store);
    await bench.close(store);
    withDatabase(bench.directory, (database) => database.exec(sql));
    const healed = bench.open({ log });
    expect(contentsOf(healed)).toEqual(before);
    expect(healed.boot).toEqual({ ...store.boot, boot: 2, wasClean: true, lastSequence: 20, gatewayTimeOffsetMs: 0 });
    expect(healed.status()).toMatchObject({ quarantined: ['postern.db.damaged-1'], damagedGroups: [] });
    expect(log.lines).toEqual([expect.objectContaining({ level: 'error', event: 'store is damaged: set aside, the rest moved to a fresh file' })]);
    await bench.reopened(healed);
    expect(readdirSync(bench.directory).filter((name) => name.includes('damaged'))).toEqual(['postern.db.damaged-1']);
  });

  test('that is whole and cannot be understood is left out and said so', async () => {
    await bench.close(await storeWith(2));
    withDatabase(bench.directory, (database) => {
      const row = sealed('session', [77, 'mqtt', 'broken', Uint8Array.of(0xff)]);
      for (const table of ['session', 'session_copy']) database.prepare(`INSERT INTO ${table}(id, realm, client_id, facts) VALUES (?, ?, ?, ?)`).run(...row);
    });
    const store = bench.open({ log });
    expect([...store.sessions.keys()]).toEqual(['mqtt\0valve-1']);
    expect(payloads(store)).toHaveLength(2);
    expect(log.lines).toEqual([expect.objectContaining({ event: 'row of the store is damaged', table: 'session', key: '77' })]);
  });
});

describe('a damaged database', () => {
  const path = (): string => join(bench.directory, 'postern.db');
  const scribble = (at: number, length: number): void => {
    const bytes = readFileSync(path());
    bytes.fill(0xa5, at, at + length);
    writeFileSync(path(), bytes);
  };

  test.each([
    ['header', () => scribble(0, 100)],
    ['schema', () => scribble(100, 900)],
    ['map of owners', () => scribble(1024, 1024)],
    ['root of a table', () => scribble(1024 * 2, 1024)],
    ['application id', () => scribble(68, 4)],
    ['version', () => scribble(60, 4)],
  ])('(%s) is set aside, and everything in it moves to a fresh one', async (_what, damage) => {
    const before = await storeWith(200);
    const contents = contentsOf(before);
    await bench.close(before);
    damage();
    const { size } = statSync(path());
    const store = bench.open({ log });
    expect(contentsOf(store)).toEqual(contents);
    expect(store.status()).toMatchObject({ quarantined: ['postern.db.damaged-1'], damagedGroups: [] });
    expect(log.lines).toEqual([expect.objectContaining({ level: 'error', event: 'store is damaged: set aside, the rest moved to a fresh file', bytes: size })]);
    expect(statSync(join(bench.directory, 'postern.db.damaged-1')).size).toBe(size);
    store.createSession(realm('mqtt'), clientId('again'), FACTS);
    expect((await bench.reopened(store)).sessions.size).toBe(2);
  });

  test('that is cut off keeps what lies before the cut; what lay behind is reported by number', async () => {
    await bench.close(await storeWith(400));
    truncateSync(path(), Math.floor(statSync(path()).size / 2 / 1024) * 1024);
    const store = bench.open({ log });
    const found = payloads(store).filter((text) => text !== undefined);
    expect(found.length + store.status().damagedGroupCount).toBeGreaterThanOrEqual(400);
    expect(store.status().damagedGroupCount).toBeLessThan(300);
  });

  test.each([
    ['empty', (): void => writeFileSync(path(), ''), []],
    [
      'of somebody else',
      (): void => void withDatabase(bench.directory, (database) => database.exec('CREATE TABLE theirs(x); PRAGMA application_id = 7')),
      ['postern.db.damaged-1'],
    ],
    ['no database', (): void => writeFileSync(path(), 'hello'), ['postern.db.damaged-1']],
    ['a directory', (): void => mkdirSync(path()), ['postern.db.damaged-1']],
  ])('that is %s does not keep the gateway from starting', async (_what, make, quarantined) => {
    if (!existsSync(path())) writeFileSync(path(), '');
    rmSync(path());
    make();
    const store = bench.open({ log });
    expect(store.status().quarantined).toEqual(quarantined);
    store.createSession(realm('mqtt'), clientId('again'), FACTS);
    expect((await bench.reopened(store)).sessions.size).toBe(1);
  });

  test('three are kept', async () => {
    for (let round = 1; round <= 5; round += 1) {
      await bench.close(bench.open());
      scribble(0, 100);
    }
    await bench.close(bench.open());
    expect(
      readdirSync(bench.directory)
        .filter((name) => name.includes('damaged'))
        .sort(),
    ).toEqual(['postern.db.damaged-3', 'postern.db.damaged-4', 'postern.db.damaged-5']);
  });
});

describe('gateway time', () => {
  const gatewayMs = (store: SessionStore, clock: FakeClock): number => clock.monotonicMs() + store.boot.gatewayTimeOffsetMs;
  const clockAt = async (nowMs: number, upMs: number): Promise<FakeClock> => {
    const clock = new FakeClock({ nowMs });
    await clock.advanceMs(upMs);
    return clock;
  };

  test('starts at the monotonic clock', async () => {
    const clock = await clockAt(0, 5_000);
    expect(gatewayMs(bench.open({ clock }), clock)).toBe(5_000);
  });

  test.each([
    ['counts the time off when the wall clock was right on both sides', true, true, HOUR_MS],
    ['does not when it was not right before', false, true, 0],
    ['does not when it is not right after', true, false, 0],
  ])('%s', async (_what, before, after, countedMs) => {
    const first = await clockAt(1_000_000, 0);
    first.isSynced = before;
    const store = bench.open({ clock: first });
    await first.advanceMs(20_000);
    await bench.close(store);
    const second = await clockAt(1_020_000 + HOUR_MS, 0);
    second.isSynced = after;
    expect(gatewayMs(bench.open({ clock: second }), second)).toBe(20_000 + countedMs);
  });

  test.each([-20, 20])('a wall clock that is wrong by %i years counts nothing', async (years) => {
    const first = await clockAt(1_800_000_000_000, 0);
    await bench.close(bench.open({ clock: first }));
    const second = await clockAt(1_800_000_000_000 + years * 365 * 24 * HOUR_MS, 0);
    expect(gatewayMs(bench.open({ clock: second }), second)).toBe(0);
  });

  test.each([
    ['counts by the uptime of the machine while it stays up, wherever the wall clock is', 7, 500_000, HOUR_MS],
    ['does not by that of another boot of the machine', 8, 500_000, 0],
    ['does not by an uptime that was set back', 7, -2 * HOUR_MS, 0],
  ])('%s', async (_what, bootId, moreMs, countedMs) => {
    const first = await clockAt(1_800_000_000_000, 0);
    let uptimeMs = 500_000;
    const store = bench.open({ clock: first, machine: { bootId: 7, uptimeMs: () => uptimeMs } });
    await first.advanceMs(20_000);
    await bench.close(store);
    uptimeMs = moreMs + 20_000 + HOUR_MS;
    const second = await clockAt(0, 0);
    second.isSynced = false;
    expect(gatewayMs(bench.open({ clock: second, machine: { bootId, uptimeMs: () => uptimeMs } }), second)).toBe(20_000 + countedMs);
  });

  test('never goes back, wherever the wall clock is set', async () => {
    const store = bench.open({ clock: await clockAt(1_000_000_000, 90_000) });
    await bench.close(store);
    const second = await clockAt(0, 0);
    expect(gatewayMs(bench.open({ clock: second }), second)).toBe(90_000);
  });

  test('goes on from the last group after a kill', async () => {
    const clock = await clockAt(0, 0);
    clock.isSynced = false;
    const store = bench.open({ clock });
    await clock.advanceMs(7_000);
    store.createSession(realm('mqtt'), clientId('valve-1'), FACTS);
    await durable(store);
    expect(bench.crashed().boot.gatewayTimeOffsetMs).toBe(7_000);
  });

  test('is noted by a store that has nothing to write', async () => {
    const clock = await clockAt(0, 0);
    clock.isSynced = false;
    const store = bench.open({ clock });
    await durable(store);
    await clock.advanceMs(HOUR_MS);
    expect(bench.crashed().boot.gatewayTimeOffsetMs).toBeGreaterThanOrEqual(HOUR_MS - 600_000);
  });
});
