import { expect, test } from 'vitest';
import { RouteIndex, topicHash } from '../../../src/bus/route-index.ts';
import type { Topic } from '../../../src/model/topic.ts';
import { topicName } from '../../../src/model/topic.ts';

const COUNT = 30_000;

interface Known {
  readonly topic: Topic;
  readonly bytes: Buffer;
  readonly hash: number;
}

function known(name: string): Known {
  const bytes = Buffer.from(name);
  return { topic: { name: topicName(name), utf8: undefined }, bytes, hash: topicHash(bytes, 0, bytes.length) };
}

test('it grows with what comes: nearly all is found by its bytes at any size, and nothing is found by others', () => {
  const index = new RouteIndex<Topic>();
  const all = Array.from({ length: COUNT }, (_, number) => known(`plant/${number % 97}/sensor/${number}`));
  const find = ({ hash, bytes }: Known): Topic | undefined => index.find(hash, bytes, 0, bytes.length);
  for (const [number, each] of all.entries()) {
    index.growFor(number + 1);
    index.add(each.hash, each.topic);
    if ((number + 1) % 5_000 !== 0) continue;
    const soFar = all.slice(0, number + 1);
    expect(soFar.every((one) => [one.topic, undefined].includes(find(one)))).toBe(true);
    expect(soFar.filter((one) => find(one) === one.topic).length).toBeGreaterThan(0.95 * soFar.length);
  }
  expect(find(known('plant/none'))).toBeUndefined();
});

test('what is removed is not found, wherever growing has put it', () => {
  const index = new RouteIndex<Topic>();
  const all = Array.from({ length: COUNT }, (_, number) => known(`t/${number}`));
  for (const [number, each] of all.entries()) {
    index.growFor(number + 1);
    index.add(each.hash, each.topic);
  }
  for (const { hash, topic } of all) index.remove(hash, topic);
  expect(all.every(({ hash, bytes }) => index.find(hash, bytes, 0, bytes.length) === undefined)).toBe(true);
});
