import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FileToKeep } from '../../../src/model/backup.ts';
import { clientId, realm } from '../../../src/model/client.ts';
import { GatewayError } from '../../../src/model/errors.ts';
import { BACKUP_FILE_BYTES_MAX } from '../../../src/model/limits.ts';
import type { SessionStore, StoredSession } from '../../../src/session/session-store.ts';
import { type ArchiveOrder, makeArchive } from '../../../src/store/sqlite/archive/make-archive.ts';
import { lookIntoArchive, type RestoreOrder, restoreArchive } from '../../../src/store/sqlite/archive/restore-archive.ts';
import { SCHEMA_VERSION } from '../../../src/store/sqlite/schema.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { contentsOf, durable, FACTS, messageOf, QOS_1 } from '../../support/store-samples.ts';
import { GATEWAYS, operate } from '../../support/store-workload.ts';

const SEED = 11;
const MADE_AT_MS = 1_800_000_000_000;

let bench: SqliteBench;
let root: string;
let archive: string;

beforeEach(() => {
  bench = new SqliteBench();
  root = mkdtempSync(join(tmpdir(), 'postern-archive-'));
  archive = join(root, 'saved.backup');
});

afterEach(async () => {
  await bench.end();
  rmSync(root, { recursive: true });
});

function order(changes: Partial<ArchiveOrder> = {}): ArchiveOrder {
  const source = join(bench.directory, 'postern.db');
  return { source, target: archive, files: [], withSecrets: false, walBytesMax: 1e9, madeBy: '1.2.3', madeAtMs: MADE_AT_MS, ...changes };
}

function restored(changes: Partial<RestoreOrder> = {}) {
  return restoreArchive({ archive, directory: join(root, 'data'), clock: new FakeClock(), isForced: false, isTrial: false, ...changes });
}

async function refusal(run: () => Promise<unknown> | unknown): Promise<GatewayError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  expect.unreachable('it was to be refused');
}

/** Operations [from, to) of a life, each three of them a commit. */
async function live(store: SessionStore, from: number, to: number): Promise<void> {
  for (let number = from; number < to; number += 1) {
    operate(store, SEED, number);
    if (number % 3 === 0) await durable(store);
  }
  await durable(store);
}

interface Contents {
  readonly sessions: readonly (readonly [string, { readonly receiving: readonly unknown[] }])[];
}

function withoutReceived(contents: unknown): unknown {
  const { sessions, ...rest } = contents as Contents;
  return { ...rest, sessions: sessions.map(([key, session]) => [key, { ...session, receiving: [] }]) };
}

/** With a database that was changed behind everybody's back. */
function edit(path: string, sql: string): void {
  new Sqlite(path).exec(sql).close();
}

const file = (name: string, changes: Partial<FileToKeep> = {}): FileToKeep => ({
  name,
  key: `access.${name}`,
  path: join(root, name),
  place: '',
  isSecret: false,
  ...changes,
});

describe('a backup', () => {
  test('of a store that works meanwhile is the state after one of its commits, behind which nothing is in it', async () => {
    const store = bench.open({ limits: { checkpointLogBytes: 50_000 } });
    await live(store, 0, 900);
    const before = contentsOf(store, GATEWAYS);
    let next = 900;
    const slices: number[] = [];
    const report = await makeArchive(order(), ({ pagesLeft }) => {
      slices.push(pagesLeft);
      for (const end = next + 20; next < end; next += 1) operate(store, SEED, next);
    });
    await durable(store);
    expect(next).toBeGreaterThan(900);
    expect(contentsOf(store, GATEWAYS)).not.toEqual(before);
    await restored();
    const found = bench.open({ directory: join(root, 'data') });
    expect(contentsOf(found, GATEWAYS)).toEqual(withoutReceived(before));
    expect(report).toMatchObject({ sessions: found.sessions.size, queuedMessages: found.status().queuedMessages, damagedGroups: [], damagedRows: 0 });
    expect(report.groups).toBeGreaterThan(10);
  });

  test('is one file for its owner, and nothing lies beside it', async () => {
    await live(bench.open(), 0, 60);
    const { bytes } = await makeArchive(order(), () => undefined);
    expect([readdirSync(root), statSync(archive).mode & 0o777, statSync(archive).size]).toEqual([['saved.backup'], 0o600, bytes]);
  });

  test('of a closed store of schema 1 is one of the present schema, and the store stays as it was', async () => {
    const fixture = gunzipSync(readFileSync(join(import.meta.dirname, 'fixtures', 'schema-1-moved.db.gz')));
    writeFileSync(join(bench.directory, 'postern.db'), fixture);
    await makeArchive(order(), () => undefined);
    const versionOf = (path: string): unknown => new Sqlite(path, { readonly: true }).pragma('user_version', { simple: true });
    expect([versionOf(archive), versionOf(order().source)]).toEqual([SCHEMA_VERSION, 1]);
  });

  test('that would let the log of SQLite grow beyond its bound is given up, and nothing is left', async () => {
    const store = bench.open();
    await live(store, 0, 600);
    const refused = await refusal(() => makeArchive(order({ walBytesMax: 1_000 }), () => undefined));
    expect([refused.code, refused.message]).toEqual(['STORE_UNAVAILABLE', expect.stringContaining('more came in than the disk could copy')]);
    expect(readdirSync(root)).toEqual([]);
  });

  test('says which groups were damaged in the store already', async () => {
    const store = bench.open();
    await live(store, 0, 60);
    await bench.close(store);
    edit(order().source, 'UPDATE segment SET bytes = zeroblob(100) WHERE number = (SELECT max(number) FROM segment)');
    const report = await makeArchive(order(), () => undefined);
    expect([report.damagedGroups.length, report.damagedRows]).toEqual([1, 0]);
    expect((await refusal(() => restored())).message).toMatch(/is damaged \(1 groups and 0 rows cannot be read\): .* --force/);
    expect(await restored({ isForced: true })).toMatchObject({ damagedGroups: [expect.any(Number)] });
  });

  test('of a store with damaged rows is none: a start heals it first', async () => {
    const store = bench.open();
    await live(store, 0, 60);
    await bench.close(store);
    edit(order().source, "UPDATE session SET facts = 'text' WHERE id = (SELECT min(id) FROM session)");
    expect((await refusal(() => makeArchive(order(), () => undefined))).message).toContain('restart the gateway, which heals it');
  });

  test('with damaged rows is refused, and healed by force', async () => {
    const store = bench.open();
    await live(store, 0, 60);
    await bench.close(store);
    const { sessions } = await makeArchive(order(), () => undefined);
    edit(archive, "UPDATE session SET facts = 'text' WHERE id = (SELECT min(id) FROM session)");
    expect((await refusal(() => restored())).message).toMatch(/is damaged \(.*\): .* --force/);
    expect(await restored({ isForced: true })).toMatchObject({ sessions });
  });

  test('of a damaged page is none', async () => {
    const store = bench.open();
    await live(store, 0, 300);
    await bench.close(store);
    const bytes = readFileSync(order().source);
    writeFileSync(order().source, bytes.fill(0xa5, 4 * 1024, 12 * 1024));
    await expect(makeArchive(order(), () => undefined)).rejects.toThrow(/malformed|damaged|postern/i);
    expect(readdirSync(root)).toEqual([]);
  });

  test('does not open in the place of a store', async () => {
    await live(bench.open(), 0, 30);
    await makeArchive(order({ target: join(root, 'postern.db') }), () => undefined);
    const refused = await refusal(() => bench.open({ directory: root }));
    expect([refused.code, refused.message]).toEqual([
      'STORE_UNAVAILABLE',
      expect.stringContaining('is a backup: move it elsewhere and give it to `postern restore`'),
    ]);
    expect(readdirSync(root).filter((name) => name.includes('damaged'))).toEqual([]);
  });
});

describe('the files of a backup', () => {
  beforeEach(async () => {
    await live(bench.open(), 0, 30);
    for (const [name, content] of [
      ['acl', 'allow all #'],
      ['users.json', '{}'],
      ['both.pem', '-----BEGIN CERTIFICATE-----\n-----BEGIN EC PRIVATE KEY-----\n'],
    ] as const)
      writeFileSync(join(root, name), content);
  });

  const files = (): FileToKeep[] => [
    file('acl', { place: 'acl' }),
    file('users.json', { isSecret: true, place: 'users.json' }),
    file('both.pem'),
    file('not-there'),
    file('in-effect.yaml', { text: 'mqtt: {}\n' }),
  ];

  test.each([
    [false, ['acl', 'in-effect.yaml'], ['both.pem', 'users.json'], ['acl']],
    [true, ['acl', 'both.pem', 'in-effect.yaml', 'users.json'], [], ['acl', 'users.json']],
  ])('with secrets: %s; a certificate with its key in it is one, whatever its name says', async (withSecrets, kept, leftOut, placed) => {
    const report = await makeArchive(order({ files: files(), withSecrets }), () => undefined);
    const listed = (await lookIntoArchive(archive)).files;
    const names = (isKept: boolean): string[] => listed.filter((each) => each.isKept === isKept).map(({ name }) => name);
    expect([names(true), names(false)]).toEqual([kept, leftOut]);
    expect([report.filesKept.length, report.filesLeftOut.length]).toEqual([kept.length, leftOut.length]);
    for (const name of leftOut) expect(readFileSync(archive).includes(readFileSync(join(root, name)))).toBe(name === 'users.json'); // two bytes are anywhere
    const { filesPlaced } = await restored({ filesTo: join(root, 'out') });
    expect(filesPlaced).toEqual(placed);
    expect(readdirSync(join(root, 'out')).sort()).toEqual(kept);
    expect(readFileSync(join(root, 'out', 'in-effect.yaml'), 'utf8')).toBe('mqtt: {}\n');
    expect(readFileSync(join(root, 'data', 'acl'), 'utf8')).toBe('allow all #');
    expect(statSync(join(root, 'data', 'acl')).mode & 0o777).toBe(0o600);
  });

  test('are bounded', async () => {
    writeFileSync(join(root, 'acl'), Buffer.alloc(BACKUP_FILE_BYTES_MAX + 1));
    expect(await refusal(() => makeArchive(order({ files: files() }), () => undefined))).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('a backup takes files of'),
    });
  });

  test('that were changed in the backup are noticed', async () => {
    await makeArchive(order({ files: files() }), () => undefined);
    edit(archive, "UPDATE backup_file SET content = x'00' WHERE name = 'acl'");
    expect((await refusal(() => lookIntoArchive(archive))).message).toMatch(/is damaged: its copy of .*acl is not what it was/);
  });

  test('go nowhere but into the data directory, and never in the place of the store', async () => {
    const places = ['../elsewhere', 'postern.db', 'postern.lock', 'a/b', 'restore.ready-7', 'control.sock'];
    await makeArchive(order({ files: places.map((place, index) => file(`file-${index}`, { place, text: 'x' })) }), () => undefined);
    expect((await restored()).filesPlaced).toEqual([]);
    expect([existsSync(join(root, 'elsewhere')), readdirSync(join(root, 'data')).sort()]).toEqual([false, ['postern.db', 'postern.lock']]);
  });

  test('are not written over others', async () => {
    await makeArchive(order({ files: files() }), () => undefined);
    expect((await refusal(() => restored({ filesTo: root }))).message).toContain('exists: choose an empty directory for --files');
    expect(existsSync(join(root, 'data', 'postern.db'))).toBe(false);
  });
});

describe('a restore', () => {
  const data = (): string => join(root, 'data');

  async function saved(operations = 400): Promise<SessionStore> {
    const store = bench.open();
    await live(store, 0, operations);
    await makeArchive(order(), () => undefined);
    return store;
  }

  test('goes on beyond every sequence number and boot there may have been since', async () => {
    const store = await saved();
    const { nextSequence } = await restored();
    const found = bench.open({ directory: data() });
    expect(found.boot.boot).toBeGreaterThan(store.boot.boot + 100_000);
    expect(found.boot.lastSequence).toBe(nextSequence - 1);
    expect(nextSequence).toBe((MADE_AT_MS / 1_000 - Date.UTC(2020) / 1_000) * 2 ** 20); // the wall clock of FakeClock
    const again = await restored({ isForced: true, clock: new FakeClock({ nowMs: MADE_AT_MS + 1_000 }), directory: join(root, 'other') });
    expect(again.nextSequence).toBe(nextSequence + 2 ** 20);
  });

  test('does so without a clock too, and beyond the store it sets aside', async () => {
    await saved();
    const clock = new FakeClock({ nowMs: 0 });
    const first = await restored({ clock });
    const lived = bench.open({ directory: data() });
    await live(lived, 400, 500);
    const reached = lived.boot.lastSequence;
    await bench.close(lived);
    const second = await restored({ clock, isForced: true });
    expect(first.nextSequence).toBeGreaterThan(2 ** 40);
    expect(second.nextSequence).toBeGreaterThan(reached + 2 ** 40);
  });

  test('lives on: what follows the jump survives kills and checkpoints', async () => {
    await saved();
    await restored();
    const store = bench.open({ directory: data(), limits: { checkpointLogBytes: 20_000 } });
    await live(store, 400, 900);
    const contents = contentsOf(store, GATEWAYS);
    await bench.close(store);
    expect(contentsOf(bench.open({ directory: data() }), GATEWAYS)).toEqual(contents);
  });

  test('forgets ids of incoming QoS 2 messages, which may name others by now; outgoing ones and time stay', async () => {
    const store = bench.open();
    const session = store.createSession(realm('mqtt'), clientId('panel'), { ...FACTS, detachedAtMs: 5_000 });
    store.refer(session, { ...QOS_1, qos: 2 });
    const sequence = store.append(messageOf('plant/valve', 'open'));
    store.beginReceiving(session, 7, 99);
    store.beginSending(session, 9, sequence);
    await durable(store);
    await makeArchive(order(), () => undefined);
    expect((await restored()).exchangesForgotten).toBe(1);
    const clock = new FakeClock();
    const found = bench.open({ directory: data(), clock });
    const [panel] = [...found.sessions.values()] as [StoredSession];
    expect([[...panel.receiving], [...panel.sending.keys()], panel.queue.count]).toEqual([[], [9], 1]);
    expect(found.boot).toMatchObject({ gatewayTimeOffsetMs: store.boot.gatewayTimeOffsetMs });
  });

  test('sets aside what is there, by a number of its own, and only when it is told to', async () => {
    await saved();
    await restored();
    expect(await refusal(() => restored())).toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringContaining('has a database already: --force') });
    const first = readFileSync(join(data(), 'postern.db'));
    expect((await restored({ isForced: true })).setAside).toBe('before-restore-1');
    expect((await restored({ isForced: true })).setAside).toBe('before-restore-2');
    expect(readFileSync(join(data(), 'before-restore-1', 'postern.db')).equals(first)).toBe(true);
    expect(readdirSync(data()).sort()).toEqual(['before-restore-1', 'before-restore-2', 'postern.db', 'postern.lock']);
  });

  test('never lets the log of the former database meet the new one', async () => {
    await saved();
    const other = bench.open({ directory: data() });
    await live(other, 0, 50);
    await bench.close(other);
    writeFileSync(join(data(), 'postern.db-wal'), 'a log that was left');
    await restored({ isForced: true });
    expect(existsSync(join(data(), 'postern.db-wal'))).toBe(false);
    expect(existsSync(join(data(), 'before-restore-1', 'postern.db-wal'))).toBe(true);
  });

  test('on trial checks everything and touches nothing', async () => {
    await saved();
    const report = await restored({ isTrial: true });
    expect(report.sessions).toBeGreaterThan(0);
    expect(readdirSync(data())).toEqual([]);
    bench.open({ directory: data() });
    expect(await restored({ isTrial: true })).toMatchObject({ sessions: report.sessions, setAside: null }); // while the directory is in use too
  });

  test('leaves a directory alone that is in use', async () => {
    await saved();
    bench.open({ directory: data() });
    expect((await refusal(() => restored({ isForced: true }))).message).toMatch(/is in use by process \d+/);
  });

  test.each<readonly [string, (path: string) => void, string, RegExp]>([
    ['no SQLite file', (path) => writeFileSync(path, 'x'.repeat(5_000)), 'STORE_CORRUPT', /is no database or a damaged one/],
    ['the database of a store', (path) => edit(path, 'PRAGMA application_id = 0x5053544e'), 'STORE_CORRUPT', /is not a backup of Postern/],
    [
      'of a later schema',
      (path) => edit(path, `PRAGMA user_version = ${SCHEMA_VERSION + 1}`),
      'STORE_UNAVAILABLE',
      /is of a later version of Postern \(1\.2\.3; schema/,
    ],
    [
      'of a later form',
      (path) => edit(path, "UPDATE backup SET value = 2 WHERE key = 'version'"),
      'STORE_UNAVAILABLE',
      /was made by a later version of Postern \(1\.2\.3\)/,
    ],
    ['cut off', (path) => writeFileSync(path, readFileSync(path).subarray(0, 20_480)), 'STORE_CORRUPT', /is no database or a damaged one/],
    [
      'changed in a group',
      (path) => edit(path, 'UPDATE segment SET bytes = zeroblob(9) WHERE number = (SELECT max(number) FROM segment)'),
      'STORE_CORRUPT',
      /1 groups and 0 rows/,
    ],
  ])('refuses what is %s', async (_, spoil, code, message) => {
    await saved();
    spoil(archive);
    expect(await refusal(() => restored())).toMatchObject({ code, message: expect.stringMatching(message) });
    const left = existsSync(data()) ? readdirSync(data()) : [];
    expect(left.filter((name) => name !== 'postern.lock')).toEqual([]);
  });

  test('refuses what is not there', async () => {
    expect(await refusal(() => restored())).toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringMatching(/^cannot restore .*saved.backup into/) });
  });

  test('of a backup of an earlier schema brings it to the present one', async () => {
    await saved(30);
    const old = gunzipSync(readFileSync(join(import.meta.dirname, 'fixtures', 'schema-1-moved.db.gz')));
    writeFileSync(archive, old);
    edit(archive, 'PRAGMA journal_mode = DELETE');
    edit(
      archive,
      "CREATE TABLE backup(key, value); INSERT INTO backup VALUES ('version', 1), ('made_by', '0.0.1'), ('made_ms', 5); PRAGMA application_id = 0x50535442",
    );
    edit(archive, 'CREATE TABLE backup_file(name, key, path, place, is_secret, sha256, content)');
    expect(await restored()).toMatchObject({ madeBy: '0.0.1', sessions: 5 });
    expect(bench.open({ directory: data() }).status().queuedMessages).toBeGreaterThan(50);
  });
});
