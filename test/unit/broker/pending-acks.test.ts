import { describe, expect, test } from 'vitest';
import { PendingAcks } from '../../../src/broker/pending-acks.ts';

function told(acks: PendingAcks): number[] {
  const tokens: number[] = [];
  while (acks.isFirstComplete) acks.shift((token) => tokens.push(token));
  return tokens;
}

describe('MQTT-4.6.0-2, -3: answers in the order of the publishes', () => {
  test('what is complete waits for what was published before it', () => {
    const acks = new PendingAcks();
    const [first, second, third] = [1, 2, 3].map((token) => acks.push(token, 'accepted')) as [number, number, number];
    acks.complete(third);
    acks.complete(second);
    expect(told(acks)).toEqual([]);
    acks.complete(first);
    expect([told(acks), acks.length]).toEqual([[1, 2, 3], 0]);
  });

  test('what an earlier link asked for is nothing to the next', () => {
    const acks = new PendingAcks();
    const before = acks.push(1, 'accepted');
    acks.clear();
    const after = acks.push(2, 'accepted');
    acks.complete(before);
    expect(told(acks)).toEqual([]);
    acks.complete(after);
    expect(told(acks)).toEqual([2]);
  });

  test('under a publisher that never stops as well', () => {
    const acks = new PendingAcks();
    const waiting: number[] = [];
    const answered: number[] = [];
    for (let token = 0; token < 10_000; token += 1) {
      waiting.push(acks.push(token, 'accepted'));
      if (waiting.length < 20) continue;
      acks.complete(waiting.splice(token % 2, 1)[0] ?? -1); // by turns the oldest and the one behind it
      answered.push(...told(acks));
      expect(acks.length).toBeGreaterThan(0);
    }
    for (const number of waiting) acks.complete(number);
    expect([...answered, ...told(acks)]).toEqual(Array.from({ length: 10_000 }, (_, token) => token));
  });
});
