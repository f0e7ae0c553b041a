import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CommitUnit } from '../../../src/store/sqlite/committer.ts';
import { DATABASE_FILE, openConnection, openDatabase } from '../../../src/store/sqlite/database.ts';
import { LogSyncError } from '../../../src/store/sqlite/log-sync.ts';
import { UnitWriter, type UnitWriterOptions } from '../../../src/store/sqlite/unit-writer.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let directory: string;
let database: Database;
let opened: Database[];
let writer: UnitWriter;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'postern-writer-'));
  const path = join(directory, DATABASE_FILE);
  database = openDatabase(path, 'off');
  opened = [];
  writer = new UnitWriter(database, new FakeClock(), { reopen: () => opening(path) });
});

afterEach(() => {
  writer.close();
  database.close();
  rmSync(directory, { recursive: true });
});

function opening(path: string): Database {
  const fresh = openConnection(path, 'off');
  opened.push(fresh);
  return fresh;
}

function unit(number: number, bytes = 100): CommitUnit {
  return { segment: { number, firstSequence: number, nextSequence: number + 1, bytes: Buffer.alloc(bytes) }, writes: [], vacuumPages: 0 };
}

function count(): unknown {
  return database.prepare('SELECT count(*) FROM segment').pluck().get();
}

/** Whatever is wrong with the connection or the disk: any error that is not one of a full or busy one. */
function fail(): void {
  database.exec('ALTER TABLE segment RENAME TO gone');
  expect(writer.write(unit(1)).failure).toMatchObject({ code: 'SQLITE_ERROR' });
  database.exec('ALTER TABLE gone RENAME TO segment');
}

describe('a connection that met an error of the disk', () => {
  test('is left for a fresh one, and that for another; whoever opened the first goes on reading', () => {
    fail();
    expect(writer.write(unit(1)).failure).toBeUndefined();
    expect([opened.length, opened[0]?.open, database.open, count()]).toEqual([1, true, true, 1]);
    fail();
    expect(writer.write(unit(2)).failure).toBeUndefined();
    expect([opened.length, opened[0]?.open, opened[1]?.open, count()]).toEqual([2, false, true, 2]);
    writer.close();
    expect(opened.map(({ open }) => open)).toEqual([false, false]);
  });

  test('stays when the disk is full, or somebody else writes', () => {
    database.pragma('max_page_count = 20');
    expect(writer.write(unit(1, 100_000)).failure).toMatchObject({ code: 'SQLITE_FULL' });
    database.pragma('max_page_count = 1000000');
    const other = openConnection(join(directory, DATABASE_FILE), 'off');
    other.exec('BEGIN IMMEDIATE');
    expect(writer.write(unit(1)).failure).toMatchObject({ code: 'SQLITE_BUSY' });
    other.close();
    expect(writer.write(unit(1)).failure).toBeUndefined();
    expect([opened.length, count()]).toEqual([0, 1]);
  });
});

describe('a log that is synced outside of SQLite', () => {
  test('is synced with each unit; one whose sync failed is in the file, may be given again, and the log proves itself before', () => {
    const calls: string[] = [];
    let refusal: LogSyncError | undefined;
    const log: UnitWriterOptions['log'] = {
      sync: () => {
        calls.push(`sync of ${count()}`);
        if (refusal !== undefined) throw refusal;
      },
      prove: () => void calls.push(`proof of ${count()}`),
      close: () => void calls.push('close'),
    };
    const path = join(directory, DATABASE_FILE);
    const outside = new UnitWriter(database, new FakeClock(), { reopen: () => opening(path), log });
    expect(outside.write(unit(1)).failure).toBeUndefined();
    refusal = new LogSyncError('SQLITE_IOERR_FSYNC', 'no');
    expect(outside.write(unit(2)).failure).toEqual({ code: 'SQLITE_IOERR_FSYNC', message: 'no' });
    refusal = undefined;
    expect(outside.write({ ...unit(2), provesLog: true }).failure).toBeUndefined();
    expect(calls).toEqual(['sync of 1', 'sync of 2', 'close', 'proof of 2', 'sync of 2']);
    expect([database.pragma('synchronous', { simple: true }), opened[0]?.pragma('synchronous', { simple: true })]).toEqual([1, 1]);
    outside.close();
  });
});

describe('the log of SQLite', () => {
  test('is copied when it has grown, and what reads meanwhile is no failure', () => {
    const reading = openConnection(join(directory, DATABASE_FILE), 'off');
    const rows = reading.prepare('SELECT * FROM meta UNION ALL SELECT number, bytes FROM segment').iterate();
    for (let number = 1; number <= 40; number += 1) expect(writer.write(unit(number, 60_000))).toMatchObject({ failure: undefined, copyFailure: undefined });
    rows.return?.();
    reading.close();
    for (let number = 41; number <= 80; number += 1) expect(writer.write(unit(number, 60_000)).copyFailure).toBeUndefined();
    const [{ log }] = database.pragma('wal_checkpoint(PASSIVE)') as [{ readonly log: number }];
    expect(log).toBeLessThan(2_500);
  });
});
