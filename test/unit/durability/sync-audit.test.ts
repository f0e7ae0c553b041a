import { describe, expect, test } from 'vitest';
import { SyncAudit } from '../../durability/store/sync-audit.ts';

function violations(...calls: string[]): number {
  return new SyncAudit(calls.join('\n')).violations.length;
}

describe('a sync is trusted only for what was written since one that failed', () => {
  test.each<[name: string, calls: string[], expected: number]>([
    ['nothing failed', ['write a 0 10', 'sync a 0 0'], 0],
    ['only repeated', ['write a 0 10', 'failed sync a 0 0', 'sync a 0 0'], 1],
    ['written again', ['write a 0 10', 'failed sync a 0 0', 'write a 0 10', 'sync a 0 0'], 0],
    ['written again in other pieces', ['write a 0 10', 'failed sync a 0 0', 'write a 0 4', 'write a 4 20', 'sync a 0 0'], 0],
    ['written again in part', ['write a 0 10', 'failed sync a 0 0', 'write a 0 9', 'sync a 0 0'], 1],
    ['the write failed as well', ['write a 0 10', 'failed sync a 0 0', 'failed write a 0 10', 'sync a 0 0'], 1],
    ['another file', ['write a 0 10', 'failed sync a 0 0', 'write b 0 10', 'sync b 0 0'], 0],
    ['cut off', ['write a 5 10', 'failed sync a 0 0', 'truncate a 5 0', 'sync a 0 0'], 0],
    ['removed', ['write a 5 10', 'failed sync a 0 0', 'remove a 0 0', 'sync a 0 0'], 0],
    ['nothing was at stake', ['failed sync a 0 0', 'sync a 0 0'], 0],
  ])('%s', (_name, calls, expected) => {
    expect(violations(...calls)).toBe(expected);
  });
});
