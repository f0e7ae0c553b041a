import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GatewayError } from '../../../src/model/errors.ts';
import { COMMIT_WORKER_STAY_MS } from '../../../src/model/limits.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import type { CommitUnit } from '../../../src/store/sqlite/committer.ts';
import { DATABASE_FILE, openDatabase } from '../../../src/store/sqlite/database.ts';
import { PlacedCommitter } from '../../../src/store/sqlite/placed-committer.ts';
import { UnitWriter } from '../../../src/store/sqlite/unit-writer.ts';
import { ScriptedThread } from '../../support/commit-thread.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { value } from '../../support/raw-database.ts';
import { RecordingLog } from '../../support/recording-log.ts';

const SLOW_MS = 50;
const OK = { failure: undefined, syncMs: 0 };

let directory: string;
let database: Database;
let clock: FakeClock;
let log: RecordingLog;
let metrics: MetricsTable;
let thread: ScriptedThread;
let committer: PlacedCommitter;
let answers: (string | undefined)[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'postern-placed-'));
  database = openDatabase(join(directory, DATABASE_FILE), 'off');
  clock = new FakeClock();
  log = new RecordingLog();
  metrics = new MetricsTable();
  thread = new ScriptedThread();
  answers = [];
  committer = placed({ isAlways: false });
});

afterEach(() => {
  database.close();
  rmSync(directory, { recursive: true });
});

function placed({ isAlways }: { readonly isAlways: boolean }): PlacedCommitter {
  return new PlacedCommitter({ clock, log, metrics, writer: new UnitWriter(database, clock), thread: { start: thread.start, isAlways } });
}

function commit(number: number): void {
  const segment = { number, firstSequence: number, nextSequence: number + 1, bytes: Buffer.alloc(10) };
  committer.commit({ segment, writes: [], vacuumPages: 0 }, (failure) => answers.push(failure?.code));
}

const inFile = (): unknown => value(directory, 'SELECT count(*) FROM segment');
const sent = (): (number | undefined)[] => thread.units.map(({ segment }: CommitUnit) => segment?.number);

/** The disk was seen to be slow, and the thread is up. */
function moved(): void {
  committer.synced(SLOW_MS);
  thread.events?.ready();
}

describe('commits move to a thread of their own', () => {
  test('not before one is needed: it takes memory', () => {
    commit(1);
    expect([thread.starts, committer.place, answers]).toEqual([0, 'inline', [undefined]]);
  });

  test('once it is up: its start holds no commit up', () => {
    committer.synced(SLOW_MS);
    commit(1);
    expect([thread.starts, committer.place, inFile()]).toEqual([1, 'inline', 1]);
    thread.events?.ready();
    commit(2);
    expect([committer.place, sent(), answers]).toEqual(['worker', [2], [undefined]]);
    thread.events?.written(OK);
    expect(answers).toEqual([undefined, undefined]);
  });

  test('and back when the disk has been fast for a minute: the thread is closed', async () => {
    moved();
    for (let number = 1; committer.place === 'worker' && number < 2_000; number += 1) {
      commit(number);
      await clock.advanceMs(100);
      thread.events?.written(OK);
    }
    expect(clock.monotonicMs()).toBeGreaterThan(COMMIT_WORKER_STAY_MS);
    expect([committer.place, thread.isClosed, thread.starts]).toEqual(['inline', true, 1]);
    commit(5_000);
    expect(inFile()).toBe(1);
    expect(log.lines.map(({ event }) => event)).toEqual(['commits run in a thread of their own', 'commits run in the main thread again']);
  });

  test('where it is asked for, from the first one on: they wait for it', () => {
    committer = placed({ isAlways: true });
    commit(1);
    expect([sent(), inFile(), answers, committer.place]).toEqual([[1], 0, [], 'worker']);
  });

  test('what the disk refuses there comes back as it is', () => {
    moved();
    commit(1);
    thread.events?.written({ failure: { code: 'SQLITE_FULL', message: 'no' }, syncMs: 0 });
    expect([answers, committer.place]).toEqual([['SQLITE_FULL'], 'worker']);
  });
});

describe('behind a sync that failed', () => {
  const proves = (): boolean[] => thread.units.map(({ provesLog }: CommitUnit) => provesLog === true);

  test('units have the log prove itself first, until one succeeds', () => {
    moved();
    for (const code of [undefined, 'SQLITE_IOERR_FSYNC', 'SQLITE_FULL', undefined, undefined]) {
      commit(1);
      thread.events?.written(code === undefined ? OK : { failure: { code, message: 'no' }, syncMs: 0 });
    }
    expect([proves(), answers]).toEqual([
      [false, false, true, true, false],
      [undefined, 'SQLITE_IOERR_FSYNC', 'SQLITE_FULL', undefined, undefined],
    ]);
  });

  test('or a committer of the same log that is there no more', () => {
    moved();
    committer.doubtLog();
    commit(1);
    expect(proves()).toEqual([true]);
  });
});

describe('a committing thread that dies', () => {
  test('costs nothing: the main thread commits the unit it had, and says why', () => {
    moved();
    commit(1);
    thread.events?.died('it ended with 1');
    expect([answers, inFile(), committer.place]).toEqual([[undefined], 1, 'inline']);
    expect(log.lines.at(-1)).toMatchObject({ level: 'error', event: 'committing thread ended', reason: 'it ended with 1' });
    expect(metrics.snapshot()).toMatchObject({ 'store.commit-thread.started': 1, 'store.commit-thread.died': 1 });
  });

  test('is started again after a while, later each time', async () => {
    moved();
    const startsAt: number[] = [];
    for (let second = 0; second < 20; second += 1) {
      const { starts } = thread;
      committer.synced(SLOW_MS);
      if (thread.starts > starts) {
        startsAt.push(second);
        thread.events?.died('again');
      } else if (second === 0) thread.events?.died('first');
      await clock.advanceMs(1_000);
    }
    expect(startsAt).toEqual([1, 3, 7, 15]);
  });

  test('is no end where it is asked for either', async () => {
    committer = placed({ isAlways: true });
    thread.events?.died('no');
    commit(1);
    expect([answers, inFile(), committer.place]).toEqual([[undefined], 1, 'inline']);
    await clock.advanceMs(1_000);
    commit(2);
    expect([thread.starts, committer.place, sent()]).toEqual([2, 'worker', []]);
    commit(3);
    expect(sent()).toEqual([3]);
  });

  test('or that cannot be started leaves commits where they are', () => {
    thread.refusal = new GatewayError('STORE_UNAVAILABLE', 'no thread to commit in');
    committer.synced(SLOW_MS);
    commit(1);
    expect([answers, committer.place, metrics.snapshot()['store.commit-thread.died']]).toEqual([[undefined], 'inline', 1]);
  });
});
