// End to end and in short; `npm run diskfull` fills the disk in every way there is.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileFailingDisk } from '../../scripts/bench/generator.ts';
import { RUNTIME_OPTIONS } from '../../scripts/runtime-options.ts';
import { SystemClock } from '../../src/observe/system-clock.ts';
import { describeWithPeers, peer } from '../support/peers.ts';
import { runBounded } from './diskfull/bounded.ts';
import { DiskFullRun } from './diskfull/disk-full.ts';
import { obstacleToDisks } from './diskfull/small-disk.ts';
import { COMMITTERS } from './store/process.ts';

const obstacle = obstacleToDisks();

describeWithPeers(['gcc', '/usr/include/stdio.h'], 'a gateway on a small disk', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'postern-disk-full-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(COMMITTERS)('store.maxBytes holds, committer %s', async (committer) => {
    const maxBytes = 16 * 1024 * 1024;
    const report = await runBounded({
      entry: [...RUNTIME_OPTIONS, resolve('src/main.ts')],
      committer,
      clock: new SystemClock(),
      directory: mkdtempSync(join(folder, 'run-')),
      maxBytes,
    });
    expect(report.storeBytesMost).toBeLessThanOrEqual(maxBytes);
    expect(report.acknowledged).toBeGreaterThan(1_000);
  });

  describe.skipIf(obstacle !== undefined)(obstacle === undefined ? 'that runs full' : `that runs full (${obstacle})`, () => {
    test.each(COMMITTERS)('goes the steps in order, tells its clients, comes back by itself and loses nothing uncounted, committer %s', async (committer) => {
      const report = await new DiskFullRun({
        entry: [...RUNTIME_OPTIONS, resolve('src/main.ts')],
        committer,
        clock: new SystemClock(),
        directory: mkdtempSync(join(folder, 'run-')),
        failingDisk: compileFailingDisk(peer('gcc'), folder),
        phases: ['away-session', 'somebody-else', 'read-only'],
        say: () => undefined,
      }).run();
      expect(report.violations).toEqual([]);
      expect(report.evicted).toBeGreaterThan(100);
      expect(report.acknowledged).toBeGreaterThan(4_000);
    });
  });
});
