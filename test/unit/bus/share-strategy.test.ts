import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { chooseMember, type ShareTurn } from '../../../src/bus/share-strategy.ts';
import type { ShareStrategy } from '../../../src/model/share-strategy.ts';

function turn(over: Partial<ShareTurn> = {}): ShareTurn {
  return { able: [0, 1, 2, 3], members: 4, last: -1, publisher: 'sensor', topic: 'a/b', random: () => 0, inflight: () => 0, ...over };
}

/** The topic whose hash names that member of four. */
function hashingTo(member: number): string {
  for (let number = 0; ; number += 1) if (crc32(`t${number}`) % 4 === member) return `t${number}`;
}

describe('the member a shared subscription gives a message to', () => {
  test.each<[ShareStrategy, Partial<ShareTurn>, number, string]>([
    ['round-robin', { last: -1 }, 0, 'the first to begin with'],
    ['round-robin', { last: 1 }, 2, 'the next'],
    ['round-robin', { last: 3 }, 0, 'around the end'],
    ['round-robin', { last: 0, able: [0, 3] }, 3, 'over those that cannot'],
    ['round-robin', { last: 3, able: [1, 2] }, 1, 'around the end, over those that cannot'],
    ['round-robin', { last: 2, able: [2] }, 2, 'the same again, alone'],
    ['random', { random: () => 0 }, 0, 'the lowest draw'],
    ['random', { random: () => 0.999 }, 3, 'the highest draw'],
    ['random', { random: () => 0.5, able: [0, 3] }, 3, 'spread over those that can'],
    ['sticky', { last: 2 }, 2, 'the one before'],
    ['sticky', { last: 2, able: [0, 1, 3] }, 3, 'the next, when it cannot'],
    ['sticky', { last: -1 }, 0, 'the first to begin with'],
    ['hash-topic', { topic: hashingTo(2), publisher: hashingTo(0) }, 2, 'of the topic'],
    ['hash-topic', { topic: hashingTo(3), able: [0, 1] }, 0, 'around the end, over those that cannot'],
    ['hash-client', { publisher: hashingTo(1), topic: hashingTo(0) }, 1, 'of the publisher'],
    ['hash-client', { publisher: hashingTo(1), able: [0, 2, 3] }, 2, 'the next, when it cannot'],
    ['least-inflight', { inflight: (member) => [3, 1, 2, 5][member] ?? 0 }, 1, 'the fewest'],
    ['least-inflight', { inflight: (member) => [3, 1, 2, 5][member] ?? 0, able: [0, 3] }, 0, 'the fewest of those that can'],
    ['least-inflight', { last: 1, inflight: () => 2 }, 2, 'in turn among equals'],
    ['least-inflight', { last: 3, inflight: (member) => (member === 0 ? 1 : 0) }, 1, 'in turn among equals, around the end'],
  ])('%s of %o is %i: %s', (strategy, over, member) => {
    expect(chooseMember(strategy, turn(over))).toBe(member);
  });

  test('hash-topic spreads topics over all members', () => {
    const chosen = new Set(Array.from({ length: 64 }, (_, number) => chooseMember('hash-topic', turn({ topic: `plant/${number}/temp` }))));
    expect([...chosen].sort()).toEqual([0, 1, 2, 3]);
  });
});
