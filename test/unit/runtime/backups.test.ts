import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BackupProgress } from '../../../src/model/backup.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import { Backups } from '../../../src/runtime/backups.ts';
import { BACKUP_WORKER } from '../../../src/runtime/thread-entries.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { durable } from '../../support/store-samples.ts';
import { operate } from '../../support/store-workload.ts';

const REQUEST = { files: [], withSecrets: false };
const AN_HOUR_MS = 3_600_000;

let bench: SqliteBench;
let clock: FakeClock;
let log: RecordingLog;
let metrics: MetricsTable;

beforeEach(() => {
  bench = new SqliteBench();
  clock = new FakeClock();
  log = new RecordingLog();
  metrics = new MetricsTable();
});

afterEach(() => bench.end());

function backups(directory = bench.directory): Backups {
  return new Backups({ directory, clock, log, metrics, version: '1.2.3', entry: BACKUP_WORKER });
}

async function finished(desk: Backups): Promise<BackupProgress> {
  await desk.finished(AN_HOUR_MS);
  return desk.progress();
}

describe('backups of a running gateway', () => {
  beforeEach(async () => {
    const store = bench.open();
    for (let number = 0; number < 300; number += 1) operate(store, 3, number);
    await durable(store);
  });

  test('are made one at a time, beside the gateway, and moved away by who asked', async () => {
    const desk = backups();
    expect(desk.progress()).toEqual({ state: 'none' });
    desk.start(REQUEST);
    expect(desk.progress().state).toBe('running');
    expect(() => desk.start(REQUEST)).toThrow('another backup is being made: wait for it');
    const done = await finished(desk);
    expect(done).toMatchObject({ state: 'done', file: join(bench.directory, 'postern.backup-1'), report: { damagedGroups: [], damagedRows: 0 } });
    expect(existsSync(join(bench.directory, 'postern.backup-1'))).toBe(true);
    expect(log.lines).toMatchObject([{ level: 'info', event: 'backup made', sessions: 4 }]);
    desk.start(REQUEST);
    expect(await finished(desk)).toMatchObject({ state: 'done', file: join(bench.directory, 'postern.backup-2') });
    expect(readdirSync(bench.directory).filter((name) => name.includes('backup'))).toEqual(['postern.backup-2']); // nobody came for the first
    expect(metrics.snapshot()).toMatchObject({ 'backups.made': 2, 'backups.failed': 0 });
  });

  test('are not waited for when the gateway stops, and leave nothing', async () => {
    const desk = backups();
    desk.start(REQUEST);
    await desk.stop();
    expect(desk.progress()).toMatchObject({ state: 'failed', message: expect.stringContaining('the gateway stopped before the backup was made') });
    expect(readdirSync(bench.directory).filter((name) => name.includes('backup'))).toEqual([]);
  });

  test('that a kill ended halfway are gone with the next start, and nothing else', () => {
    for (const name of ['postern.backup-7.partial', 'postern.backup-7.partial-journal', 'my.backup-1']) writeFileSync(join(bench.directory, name), '');
    backups().removeLeft();
    expect(readdirSync(bench.directory).filter((name) => name.includes('backup'))).toEqual(['my.backup-1']);
  });

  test('are waited for no longer than is said', async () => {
    const desk = backups();
    desk.start(REQUEST);
    const waited = desk.finished(5_000);
    await clock.advanceMs(5_000);
    await waited;
    await desk.stop();
  });
});

test('a backup that fails says why, counts, and does not hinder the next', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'postern-backups-'));
  writeFileSync(join(directory, 'postern.db'), 'x'.repeat(9_000));
  const desk = backups(directory);
  for (const failed of [1, 2]) {
    desk.start(REQUEST);
    expect(await finished(desk)).toMatchObject({
      state: 'failed',
      code: 'STORE_CORRUPT',
      message: expect.stringContaining('it is no database or a damaged one'),
    });
    expect(metrics.snapshot()).toMatchObject({ 'backups.failed': failed });
  }
  expect(log.lines).toMatchObject([{ event: 'backup failed' }, { event: 'backup failed' }]);
  expect(readdirSync(directory)).toEqual(['postern.db']);
  rmSync(directory, { recursive: true });
});
