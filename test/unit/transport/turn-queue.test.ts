import { expect, test } from 'vitest';
import { TurnQueue } from '../../../src/transport/turn-queue.ts';

/** The end of a turn. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('each piece has a turn of its own, in order, and what is put off again comes last', async () => {
  const queue = new TurnQueue();
  const ran: string[] = [];
  queue.later(() => {
    ran.push('a');
    queue.later(() => ran.push('a again'));
  });
  queue.later(() => ran.push('b'));
  expect(ran).toEqual([]);
  const seen: string[][] = [];
  for (let turns = 0; turns < 4; turns += 1) {
    await turn();
    seen.push([...ran]);
  }
  expect(seen).toEqual([['a'], ['a', 'b'], ['a', 'b', 'a again'], ['a', 'b', 'a again']]);
});
