import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ORDINARY } from '../../../src/model/priority.ts';
import type { SessionStore, StoredSession } from '../../../src/session/session-store.ts';
import { SCHEMA_VERSION } from '../../../src/store/sqlite/schema.ts';
import { value, withDatabase } from '../../support/raw-database.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { contentsOf, durable, messageOf, QOS_1 } from '../../support/store-samples.ts';
import { GATEWAYS } from '../../support/store-workload.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');

let bench: SqliteBench;
let log: RecordingLog;

beforeEach(() => {
  bench = new SqliteBench();
  log = new RecordingLog();
});

afterEach(() => bench.end());

interface Contents {
  readonly sessions: readonly (readonly [key: string, { readonly queue: readonly (readonly unknown[])[] }])[];
}

/** What a store held, in the words of `contentsOf` of its time: an entry had no class, and the stamps were those of a wall clock nobody knows anything of. */
function contentsBefore(name: string): unknown {
  const text = readFileSync(join(FIXTURES, name), 'utf8').replaceAll(/"publishedAtMs\\":\d+/g, '"publishedAtMs\\":null');
  const written = JSON.parse(text) as Contents;
  const sessions = written.sessions.map(([key, session]) => [key, { ...session, queue: session.queue.map((entry) => [...entry, ORDINARY]) }]);
  return { ...written, sessions };
}

const panelOf = (store: SessionStore): StoredSession => store.sessions.get('mqtt\0panel') as StoredSession;

describe('a database of schema 1, killed with nine groups behind its last checkpoint', () => {
  beforeEach(() => copyFileSync(join(FIXTURES, 'schema-1.db'), join(bench.directory, 'postern.db')));

  test('is opened with everything it held, each entry in the ordinary class', () => {
    const store = bench.open({ log });
    expect(JSON.parse(JSON.stringify(contentsOf(store, GATEWAYS)))).toEqual(contentsBefore('schema-1.json'));
    expect([value(bench.directory, 'PRAGMA user_version'), store.status().damagedGroups, log.lines]).toEqual([SCHEMA_VERSION, [], []]);
    expect(panelOf(store).queue.isOneLane).toBe(true);
  });

  test('lives on: old groups are replayed again after the next kill, with new classes behind them', async () => {
    const store = bench.open();
    const panel = panelOf(store);
    const oldest = panel.queue.next(0) as number;
    store.refer(panel, QOS_1, 7);
    const alarm = store.append(messageOf('alarm', 'fire'));
    store.settle(panel, oldest, 'delivered');
    await durable(store);
    const before = contentsOf(store, GATEWAYS);
    const killed = bench.crashed();
    expect(contentsOf(killed, GATEWAYS)).toEqual(before);
    expect(contentsOf(await bench.reopened(killed), GATEWAYS)).toEqual(before);
    expect(panelOf(bench.crashed()).queue.laneOf(alarm)).toBe(7);
  });

  test('is left as it was when the change cannot be finished', () => {
    withDatabase(bench.directory, (database) => database.exec('CREATE TABLE queue_chunk_before(something)'));
    expect(() => bench.open()).toThrow();
    withDatabase(bench.directory, (database) => {
      expect(database.pragma('user_version', { simple: true })).toBe(1);
      database.exec('DROP TABLE queue_chunk_before');
    });
    expect(JSON.parse(JSON.stringify(contentsOf(bench.open(), GATEWAYS)))).toEqual(contentsBefore('schema-1.json'));
  });
});

describe('a row of a queue', () => {
  test.each([['8'], ['-1'], ["'text'"], ['3.5']])('whose lane is %s is taken from its copy', async (lane) => {
    copyFileSync(join(FIXTURES, 'schema-1.db'), join(bench.directory, 'postern.db'));
    await bench.close(bench.open());
    const rows = Number(value(bench.directory, 'SELECT count(*) FROM queue_chunk'));
    withDatabase(bench.directory, (database) => database.exec(`UPDATE queue_chunk SET lane = ${lane} WHERE session = (SELECT min(session) FROM queue_chunk)`));
    const store = bench.open({ log });
    expect(rows).toBeGreaterThan(1);
    expect(JSON.parse(JSON.stringify(contentsOf(store, GATEWAYS)))).toEqual(contentsBefore('schema-1.json'));
    expect(log.lines).toHaveLength(1);
  });
});
