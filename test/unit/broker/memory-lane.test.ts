import { describe, expect, test } from 'vitest';
import { MemoryLane, type WaitingDelivery } from '../../../src/broker/memory-lane.ts';
import { clientId } from '../../../src/model/client.ts';
import { Message } from '../../../src/model/message.ts';
import { topicName } from '../../../src/model/topic.ts';

const ORIGIN = { gateway: 'mqtt', clientId: clientId('p') };
const STAMPS = { publishedAtMs: 0, expiresAtMs: Number.POSITIVE_INFINITY };

function entry(name: string, payload: string): WaitingDelivery {
  const topic = { name: topicName(name), utf8: Buffer.from(name) };
  const message = new Message({ topic, payload: Buffer.from(payload), qos: 0, isRetain: false, properties: undefined }, ORIGIN, STAMPS);
  return { message, qos: 0, isRetain: false, identifiers: [] };
}

function waiting(lane: MemoryLane): string[] {
  return [...lane].map(({ message }) => `${message.topic.name} ${Buffer.from(message.payload)}`);
}

describe('a lane in memory', () => {
  test('takes no more room for a topic whose newest is kept, however often it comes behind an entry that waits', () => {
    const lane = new MemoryLane();
    lane.pushLatest(entry('first', '0'));
    for (let n = 0; n < 20_000; n += 1) lane.pushLatest(entry('often', String(n)));
    expect(waiting(lane)).toEqual(['first 0', 'often 19999']);
    expect(lane.slotCount).toBeLessThan(2_100);
  });

  test('knows the newest of each topic after it closed its gaps, and what came in between stays in order', () => {
    const lane = new MemoryLane();
    lane.pushLatest(entry('a', '0'));
    lane.push(entry('plain', '0'));
    for (let n = 0; n < 1_025; n += 1) lane.pushLatest(entry('b', String(n)));
    lane.push(entry('plain', '1'));
    lane.pushLatest(entry('b', 'last'));
    lane.pushLatest(entry('a', 'last'));
    expect(waiting(lane)).toEqual(['plain 0', 'plain 1', 'b last', 'a last']);
    expect(lane.count).toBe(4);
    for (let left = 4; left > 0; left -= 1) lane.shift();
    expect([lane.count, lane.bytes]).toEqual([0, 0]);
  });

  test('closes the gap before its first entry', () => {
    const lane = new MemoryLane();
    for (let n = 0; n < 3_000; n += 1) lane.push(entry('t', String(n)));
    for (let n = 0; n < 2_000; n += 1) lane.shift();
    expect(lane.slotCount).toBeLessThan(2_000);
    expect(waiting(lane)[0]).toBe('t 2000');
    expect(lane.peek()).toBe([...lane][0]);
  });
});
