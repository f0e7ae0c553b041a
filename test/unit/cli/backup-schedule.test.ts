import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BackupSchedule } from '../../../src/cli/backup-schedule.ts';
import type { BackupProgress } from '../../../src/model/backup.ts';
import { GatewayError } from '../../../src/model/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { configWith } from '../config/config-file.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let root: string;
let directory: string;
let clock: FakeClock;
let log: RecordingLog;
/** What was begun, by name. */
let made: string[];
let outcome: 'done' | 'failed' | 'refused';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'postern-schedule-'));
  directory = join(root, 'backups');
  clock = new FakeClock({ nowMs: Date.UTC(2026, 10, 30, 12) });
  log = new RecordingLog();
  made = [];
  outcome = 'done';
});

afterEach(() => rmSync(root, { recursive: true }));

/** What lies there once `count` are left: files are removed beside the turns. */
async function left(count: number): Promise<string[]> {
  while (readdirSync(directory).length > count) await new Promise((resolve) => setImmediate(resolve));
  return readdirSync(directory);
}

/** One whose backups are files that are there at once. */
function schedule(...set: string[]): BackupSchedule {
  const settings = configWith({ set: [`backup.directory=${directory}`, ...set] }).backup;
  const progress = (): BackupProgress => (outcome === 'failed' ? { state: 'failed', code: 'STORE_UNAVAILABLE', message: 'full' } : done);
  const backUp = (target: string): void => {
    if (outcome === 'refused') throw new GatewayError('LIMIT_EXCEEDED', 'another backup is being made: wait for it');
    made.push(target.slice(directory.length + 1));
    if (outcome === 'done') writeFileSync(target, '');
  };
  return new BackupSchedule({ settings, desk: { start: () => undefined, progress, finished: async () => undefined }, backUp, clock, log });
}

const examined = { sessions: 0, queuedMessages: 0, retainedMessages: 0, groups: 0, damagedGroups: [], damagedRows: 0 };
const done: BackupProgress = { state: 'done', file: '', report: { ...examined, bytes: 0, writtenBytes: 0, filesKept: [], filesLeftOut: [] } };

describe('backups by themselves', () => {
  test('are made soon after the start, then every interval, and no more are kept than wanted', async () => {
    schedule('backup.intervalHours=6', 'backup.keep=2').start();
    await clock.advanceMs(59_000);
    expect([made, existsSync(directory)]).toEqual([[], false]);
    await clock.advanceMs(1_000);
    expect(made).toEqual(['postern-000001-20261130T120100Z.backup']);
    await clock.advanceMs(12 * HOUR_MS);
    expect(made).toHaveLength(3);
    expect(await left(2)).toEqual(made.slice(-2));
  });

  test('are none without a directory', async () => {
    const settings = configWith({}).backup;
    const desk = { start: () => undefined, progress: () => done, finished: async () => undefined };
    new BackupSchedule({ settings, desk, backUp: (target) => made.push(target), clock, log }).start();
    expect(clock.pendingTimers).toBe(0);
  });

  test.each([
    ['the last is young: the interval goes on', 20 * HOUR_MS, 4 * HOUR_MS],
    ['the last is old: soon', 30 * HOUR_MS, 60_000],
    ['the last is of the future, by this clock: an interval from now', -5 * HOUR_MS, DAY_MS],
  ])('after a restart, %s', async (_, ageMs, dueMs) => {
    const before = schedule();
    before.start();
    await clock.advanceMs(60_000);
    before.stop();
    const [first = ''] = made;
    const atSeconds = (clock.nowMs() - ageMs) / 1_000;
    utimesSync(join(directory, first), atSeconds, atSeconds);
    made = [];
    schedule().start();
    await clock.advanceMs(dueMs - 1);
    expect(made).toEqual([]);
    await clock.advanceMs(1);
    expect(made.map((name) => name.slice(0, 14))).toEqual(['postern-000002']);
  });

  test('keep their order when the clock starts in 1970', async () => {
    schedule('backup.keep=1').start();
    await clock.advanceMs(60_000);
    clock.stepWallClock(-clock.nowMs());
    await clock.advanceMs(DAY_MS);
    expect(await left(1)).toEqual(['postern-000002-19700102T000000Z.backup']);
  });

  test.each(['failed', 'refused'] as const)('that are %s take none of the old ones away, and are tried again', async (how) => {
    schedule('backup.keep=1').start();
    await clock.advanceMs(60_000);
    outcome = how;
    await clock.advanceMs(DAY_MS);
    expect(readdirSync(directory)).toEqual(made.slice(0, 1));
    expect(log.lines.filter(({ event }) => event === 'no backup was made')).toHaveLength(how === 'refused' ? 1 : 0); // the other is logged where it failed
    outcome = 'done';
    await clock.advanceMs(15 * 60_000);
    expect((await left(1)).map((name) => name.slice(0, 14))).toEqual(['postern-000002']);
  });

  test('leave files of others alone, and end with the gateway', async () => {
    const running = schedule('backup.keep=1');
    running.start();
    await clock.advanceMs(60_000);
    writeFileSync(join(directory, 'postern-notes.backup'), '');
    await clock.advanceMs(2 * DAY_MS);
    running.stop();
    expect([(await left(2)).at(-1), clock.pendingTimers]).toEqual(['postern-notes.backup', 0]);
  });
});
