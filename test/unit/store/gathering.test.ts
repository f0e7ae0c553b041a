import { describe, expect, test } from 'vitest';
import { Gathering } from '../../../src/store/sqlite/gathering.ts';

const COMMIT_MS = 2;

describe('whether a group waits for the peers of the last one', () => {
  test('a lone peer never waits', () => {
    const gathering = new Gathering();
    gathering.landed(1, 0);
    expect(gathering.isWorthWaiting(1, 0, COMMIT_MS)).toBe(false);
  });

  test('one of eight waits for the others, for half of what a commit takes', () => {
    const gathering = new Gathering();
    gathering.landed(8, 0);
    expect(gathering.isWorthWaiting(1, 10, COMMIT_MS)).toBe(true);
    expect(gathering.isWorthWaiting(4, 10.9, COMMIT_MS)).toBe(true);
    expect(gathering.isWorthWaiting(4, 11, COMMIT_MS)).toBe(false);
  });

  test('three quarters are enough', () => {
    const gathering = new Gathering();
    gathering.landed(8, 0);
    expect(gathering.isWorthWaiting(6, 10, COMMIT_MS)).toBe(false);
  });

  test('those already waiting when the commit ended are counted, so that two halves become one whole', () => {
    const gathering = new Gathering();
    gathering.landed(64, 64);
    expect(gathering.isWorthWaiting(64, 0, COMMIT_MS)).toBe(true);
    expect(gathering.isWorthWaiting(128, 0.1, COMMIT_MS)).toBe(false);
  });

  test('never more than 2 ms, however slow the disk', () => {
    const gathering = new Gathering();
    gathering.landed(8, 0);
    expect(gathering.isWorthWaiting(1, 0, 200)).toBe(true);
    expect(gathering.isWorthWaiting(1, 2, 200)).toBe(false);
  });

  test('peers that do not come back are waited for less and less often', () => {
    const gathering = new Gathering();
    const waits: number[] = [];
    for (let group = 0; group < 20; group += 1) {
      gathering.landed(8, 0);
      if (gathering.isWorthWaiting(1, group * 10, COMMIT_MS)) waits.push(group);
      gathering.isWorthWaiting(1, group * 10 + 5, COMMIT_MS);
      gathering.launched();
    }
    expect(waits).toEqual([0, 2, 6, 14]);
  });
});
