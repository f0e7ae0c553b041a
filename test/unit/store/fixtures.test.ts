// Databases that stores of every schema left behind when they were killed, made by the code of the time (scripts/store-fixture.ts).
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ORDINARY } from '../../../src/model/priority.ts';
import { SCHEMA_VERSION } from '../../../src/store/sqlite/schema.ts';
import { value } from '../../support/raw-database.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { contentsOf } from '../../support/store-samples.ts';
import { GATEWAYS, operate } from '../../support/store-workload.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');

/** What `contentsOf` says of a session, as far as it is looked into here. */
interface SessionContents {
  readonly will: unknown;
  readonly queue: readonly (readonly unknown[])[];
  readonly subscriptions: readonly unknown[];
  readonly sending: readonly unknown[];
  readonly receiving: readonly unknown[];
  readonly state: readonly unknown[];
}

interface Contents {
  readonly sessions: readonly (readonly [key: string, session: SessionContents])[];
  readonly retained: readonly unknown[];
  readonly state: readonly (readonly [gateway: string, entries: readonly unknown[]])[];
}

const asWritten = (contents: Contents): Contents => contents;

/** A queue entry had no class yet. */
function inOneClass(contents: Contents): Contents {
  return { ...contents, sessions: contents.sessions.map(([key, session]) => [key, { ...session, queue: session.queue.map((entry) => [...entry, ORDINARY]) }]) };
}

/** A schema has one row or more; what was written then is said in the words of now by the last column. */
const LEFT_BEHIND: readonly (readonly [name: string, version: number, of: string, inWordsOfNow: (contents: Contents) => Contents])[] = [
  ['schema-1-first', 1, '230e961, the first store there was', inOneClass],
  ['schema-1-moved', 1, 'a7e30f1, the last before priority classes: entries may be moved', inOneClass],
  ['schema-2', 2, 'priority classes', asWritten],
  ['schema-3', 3, 'rows with checksums, and copies of them', asWritten],
];

let bench: SqliteBench;
let log: RecordingLog;

beforeEach(() => {
  bench = new SqliteBench();
  log = new RecordingLog();
});

afterEach(() => bench.end());

function unpacked(file: string): Buffer {
  return gunzipSync(readFileSync(join(FIXTURES, file)));
}

/** Up to schema 2 messages had a stamp of the wall clock, which says nothing in gateway time. */
function contentsIn(name: string, version: number): Contents {
  const text = unpacked(`${name}.json.gz`).toString();
  return JSON.parse(version > 2 ? text : text.replaceAll(/"publishedAtMs\\":\d+/g, '"publishedAtMs\\":null'));
}

/** As it would come back from a file. */
function found(store: Parameters<typeof contentsOf>[0]): unknown {
  return JSON.parse(JSON.stringify(contentsOf(store, GATEWAYS)));
}

describe.each(LEFT_BEHIND)('%s (schema %i, %s)', (name, version, _, inWordsOfNow) => {
  const expected = inWordsOfNow(contentsIn(name, version));
  beforeEach(() => writeFileSync(join(bench.directory, 'postern.db'), unpacked(`${name}.db.gz`)));

  test('is of that schema, and holds something of everything a store can hold', () => {
    expect(value(bench.directory, 'PRAGMA user_version')).toBe(version);
    const sessions = expected.sessions.map(([, session]) => session);
    for (const part of ['queue', 'subscriptions', 'sending', 'receiving', 'state'] as const) {
      expect(sessions.flatMap((session) => session[part]).length, part).toBeGreaterThan(0);
    }
    expect(sessions.filter(({ will }) => will !== 'none').length, 'wills').toBeGreaterThan(0);
    expect(expected.retained.length, 'retained').toBeGreaterThan(0);
    expect(expected.state.flatMap(([, entries]) => entries).length, 'state of gateways').toBeGreaterThan(0);
    const [behind, inTables] = ['>=', '<'].map((side) =>
      value(bench.directory, `SELECT count(*) FROM segment WHERE number ${side} (SELECT value FROM meta WHERE key = 'replay_from')`),
    );
    expect([Number(behind) > 0, Number(inTables) > 0], 'groups to replay, and groups the tables know').toEqual([true, true]);
  });

  test('is opened with everything it held, and not a word of complaint', () => {
    const store = bench.open({ log });
    expect(found(store)).toEqual(expected);
    expect(log.lines).toEqual([]);
    expect([value(bench.directory, 'PRAGMA user_version'), store.status().damagedGroups, store.status().quarantined]).toEqual([SCHEMA_VERSION, [], []]);
    expect(store.boot).toMatchObject({ boot: 2, wasClean: false });
  });

  test('is the same after a clean end, after a kill, and when both come again', async () => {
    const reopened = await bench.reopened(bench.open());
    expect(found(reopened)).toEqual(expected);
    const killed = bench.crashed();
    expect(found(killed)).toEqual(expected);
    expect(found(await bench.reopened(killed))).toEqual(expected);
  });

  test('lives on', async () => {
    const store = bench.open({ limits: { checkpointLogBytes: 5_000 } });
    for (let number = 1_000; number < 1_300; number += 1) operate(store, 5, number);
    await new Promise<void>((resolve) => store.whenDurable({ durable: () => resolve() }, 0));
    const before = contentsOf(store, GATEWAYS);
    expect(contentsOf(bench.crashed(), GATEWAYS)).toEqual(before);
  });
});

test('every schema there ever was has left something behind', () => {
  const versions = Array.from({ length: SCHEMA_VERSION }, (_, index) => index + 1);
  const missing = versions.filter((version) => !LEFT_BEHIND.some(([, of]) => of === version));
  const advice = `run \`node scripts/store-fixture.ts schema-${SCHEMA_VERSION}\` and add a row to LEFT_BEHIND`;
  expect(missing, advice).toEqual([]);
});
