// What every committer owes the log, whichever thread it writes in.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CommitFailure, Committer, CommitUnit, SegmentRow } from '../../src/store/sqlite/committer.ts';
import { DATABASE_FILE, openDatabase } from '../../src/store/sqlite/database.ts';
import { STATEMENTS, type StatementName, TABLES, type TableWrite } from '../../src/store/sqlite/schema.ts';
import { sealed } from '../../src/store/sqlite/sealed-row.ts';
import { rows, value } from '../support/raw-database.ts';

/** @param database - the connection of the main thread; it belongs to the test. */
export type NewCommitter = (database: Database, path: string) => Committer;

const ROWS: readonly TableWrite[] = [
  { statement: 'putMeta', values: ['boot', 7] },
  { statement: 'putState', values: ['mqtt-sn', 0, 'k', Buffer.from([1, 2, 3])] },
];

export function committerContract(name: string, create: NewCommitter): void {
  describe(`a committer: ${name}`, () => {
    let directory: string;
    let database: Database;
    let committer: Committer;

    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), 'postern-committer-'));
      const path = join(directory, DATABASE_FILE);
      database = openDatabase(path, 'off');
      committer = create(database, path);
    });

    afterEach(async () => {
      await committer.close();
      database.close();
      rmSync(directory, { recursive: true });
    });

    const commit = (unit: Partial<CommitUnit>): Promise<CommitFailure | undefined> =>
      new Promise((resolve) => committer.commit({ segment: undefined, writes: [], vacuumPages: 0, ...unit }, resolve));

    test('what it said is done is in the file: the segment, its bytes whole, and the rows', async () => {
      const slab = Buffer.alloc(4_096, 'x');
      const bytes = slab.subarray(100, 1_300).fill('y');
      const state = sealed('state', ['mqtt-sn', 0, 'k', Uint8Array.of(1, 2, 3)]);
      expect(await commit({ segment: segmentOf(3, bytes), writes: ROWS })).toBeUndefined();
      expect(rows(directory, 'SELECT number, first_sequence, next_sequence, bytes FROM segment')).toEqual([[3, 30, 33, Buffer.alloc(1_200, 'y')]]);
      expect(rows(directory, 'SELECT key, value FROM meta')).toEqual([['boot', 7]]);
      expect(rows(directory, 'SELECT gateway, session, key, value FROM state')).toEqual([state]);
      expect(rows(directory, 'SELECT gateway, session, key, value FROM state_copy')).toEqual([state]);
    });

    test('a unit stays its owner’s: the slab it lies in is read and written on', async () => {
      const slab = Buffer.alloc(4_096, 'x');
      await commit({ segment: segmentOf(1, slab.subarray(0, 100)), writes: ROWS });
      slab.fill('z', 100);
      expect(slab.subarray(98, 102).toString()).toBe('xxzz');
      expect(ROWS[1]?.values[3]).toEqual(Buffer.from([1, 2, 3]));
    });

    test('the connection of the main thread sees it', async () => {
      const read = database.prepare('SELECT count(*) FROM segment').pluck();
      expect(read.get()).toBe(0);
      await commit({ segment: segmentOf(1) });
      expect(read.get()).toBe(1);
    });

    test('units are answered once each, in order', async () => {
      const answers: number[] = [];
      for (let number = 1; number <= 30; number += 1) {
        await commit({ segment: segmentOf(number) });
        answers.push(Number(value(directory, 'SELECT max(number) FROM segment')));
      }
      expect(answers).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
    });

    test('a unit that is refused leaves nothing behind, and is taken when it is given again', async () => {
      const other = openDatabase(join(directory, DATABASE_FILE), 'off');
      other.exec('BEGIN IMMEDIATE');
      const failure = await commit({ segment: segmentOf(1), writes: ROWS });
      expect(failure).toMatchObject({ code: 'SQLITE_BUSY' });
      other.exec('ROLLBACK');
      other.close();
      expect(rows(directory, 'SELECT key FROM meta')).toEqual([]);
      expect(await commit({ segment: segmentOf(1), writes: ROWS })).toBeUndefined();
      expect(value(directory, 'SELECT count(*) FROM segment')).toBe(1);
    });

    test.each(Object.keys(STATEMENTS) as StatementName[])('%s may be repeated: the outcome of a commit may be unknown', async (statement) => {
      for (const each of Object.keys(STATEMENTS) as StatementName[]) if (each.startsWith('put')) await commit({ writes: [writeOf(each)] });
      await commit({ writes: [writeOf(statement)] });
      const once = TABLES.map((table) => rows(directory, `SELECT * FROM ${table}`));
      expect(await commit({ writes: [writeOf(statement)] })).toBeUndefined();
      expect(TABLES.map((table) => rows(directory, `SELECT * FROM ${table}`))).toEqual(once);
    });

    test('free pages go back to the file system', async () => {
      await commit({ segment: segmentOf(1, Buffer.alloc(200_000)) });
      await commit({ writes: [{ statement: 'dropSegments', values: [1, 1] }] });
      const before = Number(value(directory, 'PRAGMA page_count'));
      await commit({ vacuumPages: 100 });
      expect(Number(value(directory, 'PRAGMA page_count'))).toBeLessThanOrEqual(before - 100);
    });

    test('a reader that keeps its statements does not make the log of SQLite grow', async () => {
      const read = database.prepare('SELECT bytes FROM segment WHERE number = ?').pluck();
      for (let number = 1; number <= 120; number += 1) {
        await commit({ segment: segmentOf(number, Buffer.alloc(120_000)) });
        expect(read.get(number)).toHaveLength(120_000);
      }
      expect(Number(value(directory, 'PRAGMA page_count'))).toBeGreaterThan(12_000);
      expect(walPages(database)).toBeLessThan(4_500);
    });

    test('closed, it has let go of the file', async () => {
      await commit({ segment: segmentOf(1) });
      await committer.close();
      database.pragma('locking_mode = EXCLUSIVE');
      database.exec('BEGIN EXCLUSIVE; COMMIT');
    });
  });
}

function segmentOf(number: number, bytes: Uint8Array = Buffer.alloc(100)): SegmentRow {
  return { number, firstSequence: 10 * number, nextSequence: 10 * number + 3, bytes };
}

/** Frames SQLite has in its log since it last began it anew. */
function walPages(database: Database): number {
  const [{ log }] = database.pragma('wal_checkpoint(PASSIVE)') as [{ readonly log: number }];
  return log;
}

/** A row for any statement: texts, numbers and bytes go into any column. */
function writeOf(statement: StatementName): TableWrite {
  const count = STATEMENTS[statement].split('?').length - 1;
  return { statement, values: Array.from({ length: count }, (_, index) => (statement.startsWith('put') && index === count - 1 ? Buffer.of(index) : 1)) };
}
