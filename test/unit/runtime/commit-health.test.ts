import { describe, expect, test } from 'vitest';
import { CommitHealth } from '../../../src/runtime/commit-health.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { MemoryStore } from '../../support/memory-store.ts';

describe('what the watchdog is told of a store', () => {
  const of = (looks: readonly { readonly isCongested: boolean; readonly groups: number; readonly writeFailure?: string }[]): boolean[] => {
    const status = new MemoryStore({ clock: new FakeClock() }).status();
    let now = looks[0];
    const health = new CommitHealth({
      get isCongested() {
        return now?.isCongested === true;
      },
      status: () => ({ ...status, groupsCommitted: now?.groups ?? 0, writeFailure: now?.writeFailure ?? '' }),
    });
    return looks.map((look) => {
      now = look;
      return health.look();
    });
  };

  test('idle, it is well', () => {
    expect(of(Array(3).fill({ isCongested: false, groups: 7 }))).toEqual([true, true, true]);
  });

  test('congested at every look and committing in between, it is busy', () => {
    expect(of([1, 2, 3].map((groups) => ({ isCongested: true, groups })))).toEqual([true, true, true]);
  });

  test('refused by the disk, it is well: it goes on by itself, and another process would fare no better', () => {
    const refused = { isCongested: true, groups: 1, writeFailure: 'SQLITE_FULL: database or disk is full (ENOSPC)' };
    expect(of([refused, refused, refused])).toEqual([true, true, true]);
  });

  test('congested without a commit since the last look, it is ill until the next one', () => {
    expect(of([1, 1, 1, 2].map((groups) => ({ isCongested: true, groups })))).toEqual([true, false, false, true]);
  });
});
