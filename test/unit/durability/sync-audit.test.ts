import { describe, expect, test } from 'vitest';
import { SyncAudit } from '../../durability/store/sync-audit.ts';

function violations(...calls: string[]): number {
  return new SyncAudit(calls.join('\n')).violations.length;
}

describe('a sync is trusted only for what was written since one that failed', () => {
  test.each<[name: string, calls: string[], expected: number]>([
    ['nothing failed', ['write a 100 10', 'sync a 0 0'], 0],
    ['only repeated', ['write a 100 10', 'failed sync a 0 0', 'sync a 0 0'], 1],
    ['written again', ['write a 100 10', 'failed sync a 0 0', 'write a 100 10', 'sync a 0 0'], 0],
    ['written again in other pieces', ['write a 100 10', 'failed sync a 0 0', 'write a 100 4', 'write a 104 20', 'sync a 0 0'], 0],
    ['written again in part', ['write a 100 10', 'failed sync a 0 0', 'write a 100 9', 'sync a 0 0'], 1],
    ['the write failed as well', ['write a 100 10', 'failed sync a 0 0', 'failed write a 100 10', 'sync a 0 0'], 1],
    ['another file', ['write a 100 10', 'failed sync a 0 0', 'write b 100 10', 'sync b 0 0'], 0],
    [
      'the header of the log alone, then the rest again',
      ['write a 32 10', 'failed sync a 0 0', 'write a 0 32', 'sync a 0 0', 'write a 32 10', 'sync a 0 0'],
      0,
    ],
    [
      'the header of the log alone, then something else',
      ['write a 32 10', 'failed sync a 0 0', 'write a 0 32', 'sync a 0 0', 'write a 50 10', 'sync a 0 0'],
      1,
    ],
    ['cut off', ['write a 105 10', 'failed sync a 0 0', 'truncate a 105 0', 'sync a 0 0'], 0],
    ['removed', ['write a 105 10', 'failed sync a 0 0', 'remove a 0 0', 'sync a 0 0'], 0],
    ['nothing was at stake', ['failed sync a 0 0', 'sync a 0 0'], 0],
  ])('%s', (_name, calls, expected) => {
    expect(violations(...calls)).toBe(expected);
  });
});
