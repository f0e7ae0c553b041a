import { describe, expect, test } from 'vitest';
import type { DurableWaiter } from '../../../src/session/session-store.ts';
import { Gathering } from '../../../src/store/sqlite/gathering.ts';

const COMMIT_MS = 1.5;
const peers = (count: number): DurableWaiter[] => Array.from({ length: count }, () => ({ durable: () => undefined }));

/** After a commit at 10 ms that told `told`. */
function afterCommit(told: readonly DurableWaiter[], commitMs = COMMIT_MS): Gathering {
  const gathering = new Gathering();
  gathering.landed(told, 10, commitMs);
  return gathering;
}

function ask(gathering: Gathering, waiters: readonly DurableWaiter[]): void {
  for (const waiter of waiters) gathering.asked(waiter);
}

describe('whether a group waits for the peers of the last one', () => {
  test('a lone peer never waits', () => {
    const [lone] = [peers(1)];
    const gathering = afterCommit(lone);
    ask(gathering, lone);
    expect(gathering.isWorthWaiting(10)).toBe(false);
  });

  test('one of eight waits for the others, for as long as a commit takes', () => {
    const eight = peers(8);
    const gathering = afterCommit(eight);
    ask(gathering, eight.slice(0, 1));
    expect(gathering.isWorthWaiting(10)).toBe(true);
    ask(gathering, eight.slice(0, 4));
    expect(gathering.isWorthWaiting(11)).toBe(true);
    expect(gathering.isWorthWaiting(11.5)).toBe(false);
  });

  test('three quarters are enough, however many messages each of them sends', () => {
    const eight = peers(8);
    const gathering = afterCommit([...eight, ...eight]);
    ask(gathering, [...eight.slice(0, 6), ...eight.slice(0, 6)]);
    expect(gathering.isWorthWaiting(10)).toBe(false);
  });

  test('two halves become one whole: those that were waiting already wait for those just told', () => {
    const [told, others] = [peers(4), peers(4)];
    const gathering = afterCommit(told);
    ask(gathering, others);
    expect(gathering.isWorthWaiting(10)).toBe(true);
    ask(gathering, told);
    expect(gathering.isWorthWaiting(10.1)).toBe(false);
  });

  test('never more than 2 ms, however slow the disk', () => {
    const gathering = afterCommit(peers(8), 200);
    expect(gathering.isWorthWaiting(11.9)).toBe(true);
    expect(gathering.isWorthWaiting(12)).toBe(false);
  });

  test('long after the commit nobody is waited for', () => {
    expect(afterCommit(peers(8)).isWorthWaiting(1_000)).toBe(false);
  });

  test('peers that do not come back are waited for less and less often', () => {
    const gathering = new Gathering();
    const waits: number[] = [];
    for (let group = 0; group < 20; group += 1) {
      gathering.landed(peers(8), group * 10, COMMIT_MS);
      if (gathering.isWorthWaiting(group * 10)) waits.push(group);
      gathering.isWorthWaiting(group * 10 + 5);
      gathering.launched();
    }
    expect(waits).toEqual([0, 2, 6, 14]);
  });
});
