// In short; `npm run diskfull` fails calls at hundreds of places.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileFailingDisk } from '../../../scripts/bench/generator.ts';
import { describeWithPeers, peer } from '../../support/peers.ts';
import { type Call, type Errno, failCalls } from './io-faults.ts';
import { COMMITTERS } from './process.ts';

const ALL: readonly Call[] = ['write', 'sync', 'truncate', 'open', 'remove'];

describeWithPeers(['gcc', '/usr/include/stdio.h'], 'a store whose disk fails', () => {
  let folder = '';
  let library = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'postern-failing-'));
    library = compileFailingDisk(peer('gcc'), folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  describe.each(COMMITTERS)('committer %s', (committer) => {
    test.each<[Errno, readonly Call[], readonly number[]]>([
      ['ENOSPC', ['write'], [1, 2, 3, 40, 700]],
      ['EIO', ['sync'], [1, 2, 3, 4, 5]],
      ['EIO', ['write'], [2, 5, 90, 1_100]],
      ['EIO', ['sync:postern.db'], [1, 2, 1]],
      ['ENOSPC', ['write:postern.db'], [1, 0]],
      ['short', ['write'], [1, 4, 60]],
      ['EIO', ALL, [0, 1, 0]],
      ['EROFS', ['write', 'open', 'truncate'], [0, 0]],
    ])('%s of %j at %j: nothing acknowledged is lost, and it goes on by itself', async (errno, calls, places) => {
      const report = await failCalls({ library, committer, seed: 20_262, errno, calls, places });
      expect(report).toMatchObject({ faults: places.length, violations: [] });
    });

    test('killed while syncs fail: the next boot trusts nothing that it has not written again', async () => {
      const report = await failCalls({ library, committer, seed: 5, errno: 'EIO', calls: ['sync'], places: [0, 0, 0], isKilledMeanwhile: true });
      expect(report).toMatchObject({ faults: 3, violations: [] });
    });
  });
});
