import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileSlowFsync } from '../../../scripts/bench/generator.ts';
import { describeWithPeers, peer } from '../../support/peers.ts';
import type { Fault } from './faults.ts';
import { killStore, slowSync } from './harness.ts';
import { COMMITTERS } from './process.ts';

/** Small, so that kills meet checkpoints, compaction, dropped segments and groups that were split. */
const LIMITS = { checkpointLogBytes: 20_000, groupBytesMax: 4_000, compactGainBytes: 0 };
const SYNC_MS = 200;

describe.each(COMMITTERS)('a store that is killed with SIGKILL, committer %s', (committer) => {
  test('comes back with what it acknowledged, once, in every part of its state', async () => {
    const report = await killStore({ kills: 6, seed: 20_260, committer, limits: LIMITS, operationsPerKillMax: 200 });
    expect(report).toMatchObject({ kills: 6, outOfOrder: 0, violations: [] });
    expect(report.acknowledged).toBeGreaterThan(200);
    expect(report.killsBetween).toBeGreaterThanOrEqual(2);
  });

  test.each<Fault>(['acknowledge-before-commit', 'forgotten-receiver-id', 'settled-at-send', 'early-completion'])('the harness sees %s', async (fault) => {
    const report = await killStore({ kills: 60, seed: 4, committer, fault, limits: LIMITS, operationsPerKillMax: 60 });
    expect(report.violations.join('\n')).toMatch(/was acknowledged, but .*(loss|duplicate|instead of)/);
  });
});

describeWithPeers(['gcc', '/usr/include/stdio.h'], `a store whose disk takes ${SYNC_MS} ms to sync`, () => {
  let folder = '';
  let library = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'postern-fsync-'));
    library = compileSlowFsync(peer('gcc'), folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  describe.each(COMMITTERS)('committer %s', (committer) => {
    test('acknowledges nothing before', async () => {
      const report = await slowSync({ library, syncMs: SYNC_MS, operations: 24, seed: 1, committer });
      expect(report).toMatchObject({ acknowledged: 24, violations: [] });
      expect(report.soonestMs).toBeLessThan(10 * SYNC_MS);
    });

    test.each<Fault>(['synchronous-off', 'acknowledge-before-commit'])('the harness sees %s', async (fault) => {
      expect((await slowSync({ library, syncMs: SYNC_MS, operations: 24, seed: 1, committer, fault })).violations).toHaveLength(1);
    });
  });
});
