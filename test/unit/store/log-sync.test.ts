import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DATABASE_FILE, LOG_SUFFIX, openDatabase } from '../../../src/store/sqlite/database.ts';
import { LogSync, LogSyncError, leavesLogInDoubt } from '../../../src/store/sqlite/log-sync.ts';

let directory: string;
let path: string;
let database: Database;
let log: LogSync;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'postern-sync-'));
  path = join(directory, DATABASE_FILE);
  database = openDatabase(path, 'off');
  log = new LogSync(path);
});

afterEach(() => {
  log.close();
  database.close();
  rmSync(directory, { recursive: true });
});

function codeOf(run: () => void): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (!(error instanceof LogSyncError)) throw error;
    return error.failure.code;
  }
}

test('a log that cannot be synced leaves what was committed in doubt, a full disk does not', () => {
  const code = codeOf(() => new LogSync(join(directory, 'elsewhere')).sync());
  expect([code, leavesLogInDoubt(code ?? ''), leavesLogInDoubt('SQLITE_FULL')]).toEqual(['SQLITE_IOERR_FSYNC', true, false]);
});

describe('after a sync that failed, the log', () => {
  test('is what it was when nothing of it is lost', () => {
    const before = readFileSync(path + LOG_SUFFIX);
    log.prove();
    expect(readFileSync(path + LOG_SUFFIX).equals(before)).toBe(true);
  });

  test('may be empty, or used again', () => {
    database.pragma('wal_checkpoint(TRUNCATE)');
    log.prove();
    database.exec("UPDATE meta SET value = value WHERE key = 'schema'");
    log.prove();
  });

  test.each([
    ['its end', (bytes: Buffer) => truncateSync(path + LOG_SUFFIX, bytes.length - 500)],
    ['all of it', () => truncateSync(path + LOG_SUFFIX, 0)],
    ['its header, so that what an earlier use left is taken for it', () => writeFileSync(path + LOG_SUFFIX, logOfAnother())],
  ])('has lost %s: nothing may be written behind that', (_, lose) => {
    lose(readFileSync(path + LOG_SUFFIX));
    expect(codeOf(() => log.prove())).toBe('SQLITE_CORRUPT');
  });
});

/** Whole, as many frames, other salts. */
function logOfAnother(): Buffer {
  const other = join(directory, 'other.db');
  const database = openDatabase(other, 'off');
  const log = readFileSync(other + LOG_SUFFIX);
  database.close();
  return log;
}
