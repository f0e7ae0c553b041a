import { cpSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clientId, realm } from '../../../src/model/client.ts';
import type { SessionStore } from '../../../src/session/session-store.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { contentsOf, durable, FACTS, messageOf, QOS_1 } from '../../support/store-samples.ts';

const HEADER_BYTES = 32;
const FRAME_BYTES = 1048;

let bench: SqliteBench;
let killed: SqliteBench;
let log: RecordingLog;
let before: unknown;

/** Twenty groups, one message each, killed: everything is in SQLite's log. The index in shared memory is there as well. */
beforeEach(async () => {
  bench = new SqliteBench();
  killed = new SqliteBench();
  log = new RecordingLog();
  const store = bench.open();
  const session = store.createSession(realm('mqtt'), clientId('valve-1'), FACTS);
  await durable(store);
  for (let number = 1; number < 20; number += 1) {
    store.refer(session, QOS_1);
    store.append(messageOf('plant/temp', textOf(number)));
    await durable(store);
  }
  before = contentsOf(store);
  for (const name of ['postern.db', 'postern.db-wal', 'postern.db-shm']) cpSync(join(bench.directory, name), join(killed.directory, name));
});

afterEach(async () => {
  await bench.end();
  await killed.end();
});

/** So long that most of it lies in a page of its own. */
const textOf = (number: number): string => `${number},`.repeat(600);
const onlyCopyOf = (number: number): number => readFileSync(walPath()).indexOf(`,${number}`.repeat(300)) + 100;
const walPath = (): string => join(killed.directory, 'postern.db-wal');
const opened = (): SessionStore => killed.open({ log });

function flip(at: number): void {
  const bytes = readFileSync(walPath());
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  writeFileSync(walPath(), bytes);
}

function frames(): { readonly count: number; readonly page: (index: number) => number; readonly at: (index: number) => number } {
  const bytes = readFileSync(walPath());
  const at = (index: number): number => HEADER_BYTES + index * FRAME_BYTES;
  return { count: Math.floor((bytes.length - HEADER_BYTES) / FRAME_BYTES), page: (index) => bytes.readUInt32BE(at(index)), at };
}

describe("SQLite's log, of which SQLite reads nothing behind the first bad frame", () => {
  test.each([
    ['in the checksum of a frame', () => flip(frames().at(30) + 17)],
    ['in the salt of a frame', () => flip(frames().at(30) + 9)],
    ['in the header of the log: magic', () => flip(0)],
    ['in the header of the log: salt', () => flip(17)],
    ['in the header of the log: checksum', () => flip(25)],
    ['in a page that is written again later', () => flip(frames().at(firstIndexOf(4)) + 24 + 5)],
  ])('a bit that turned %s costs nothing', (_where, turn) => {
    turn();
    const store = opened();
    expect(contentsOf(store)).toEqual(before);
    expect(store.status()).toMatchObject({ damagedGroups: [], cutOffGroups: [] });
  });

  test('a bit that turned in the only copy of a message costs its group, which is told, and none of those behind it', () => {
    flip(onlyCopyOf(7));
    const store = opened();
    expect(store.status()).toMatchObject({ damagedGroups: [8], queuedMessages: 18 });
    expect(log.lines).toContainEqual(expect.objectContaining({ level: 'error', event: 'group of the log lost', group: '8' }));
  });

  test('a bit that turned in the last commit is told with the number it may have cost', () => {
    flip(onlyCopyOf(19));
    const store = opened();
    expect(store.status()).toMatchObject({ damagedGroups: [], cutOffGroups: [20], queuedMessages: 18 });
    expect(log.lines).toEqual([expect.objectContaining({ level: 'warn', event: 'last commit of the log is not whole' })]);
  });

  test('an end that is missing is told: the index in shared memory knew of it', () => {
    truncateSync(walPath(), frames().at(frames().count - 12));
    const store = opened();
    expect(store.status().damagedGroupCount).toBe(1);
    expect(log.lines).toContainEqual(expect.objectContaining({ event: 'end of the log is missing', from: store.status().damagedGroups[0] }));
    expect(store.boot.lastSequence).toBeGreaterThan(19);
  });

  test.each([0, 1])('a log beside a database of %i bytes is not thrown away', (bytes) => {
    truncateSync(join(killed.directory, 'postern.db'), bytes);
    expect(contentsOf(opened())).toEqual(before);
  });

  test('a salvage that was interrupted is begun again from the log that was kept', () => {
    flip(frames().at(30) + 17);
    cpSync(walPath(), join(killed.directory, 'postern.db.wal-kept'));
    truncateSync(walPath(), frames().at(10));
    expect(contentsOf(opened())).toEqual(before);
    expect(existsSync(join(killed.directory, 'postern.db.wal-kept'))).toBe(false);
  });

  test('a fresh database that was complete takes its place', async () => {
    const store = opened();
    await killed.close(store);
    cpSync(join(killed.directory, 'postern.db'), join(killed.directory, 'postern.db.whole'));
    writeFileSync(join(killed.directory, 'postern.db'), 'half of something');
    const again = killed.open();
    expect(contentsOf(again)).toEqual(before);
    expect(again.status().quarantined).toEqual(['postern.db.damaged-1']);
  });
});

function firstIndexOf(page: number): number {
  const all = frames();
  let index = 20;
  while (index < all.count && all.page(index) !== page) index += 1;
  return index;
}
