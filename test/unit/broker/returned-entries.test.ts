import { describe, expect, test } from 'vitest';
import { ReturnedEntries } from '../../../src/broker/returned-entries.ts';

/** Returned in this order: class and sequence. */
const RETURNED = [
  [3, 20],
  [7, 30],
  [3, 10],
  [0, 5],
  [7, 25],
  [3, 15],
] as const;

function returned(): { entries: ReturnedEntries; queue: Set<number> } {
  const entries = new ReturnedEntries();
  for (const [priority, sequence] of RETURNED) entries.add(priority, sequence);
  return { entries, queue: new Set(RETURNED.map(([, sequence]) => sequence)) };
}

function drained(entries: ReturnedEntries, queue: Set<number>): number[] {
  const order: number[] = [];
  for (let next = entries.first(queue); next !== undefined; next = entries.first(queue)) {
    order.push(next.sequence);
    expect(entries.takeFirst(next.sequence)).toBe(true);
  }
  return order;
}

describe('what came back to a group', () => {
  test('goes out again by class, each class in order (MQTT-4.6.0-5)', () => {
    const { entries, queue } = returned();
    expect(drained(entries, queue)).toEqual([25, 30, 10, 15, 20, 5]);
  });

  test('is skipped where it has left the queue meanwhile', () => {
    const { entries, queue } = returned();
    for (const gone of [25, 15]) queue.delete(gone);
    expect(drained(entries, queue)).toEqual([30, 10, 20, 5]);
  });

  test('shows both ends of a class, past what has left', () => {
    const { entries, queue } = returned();
    expect([entries.oldest(queue, 3), entries.newest(queue, 3)]).toEqual([10, 20]);
    for (const gone of [10, 20]) queue.delete(gone);
    expect([entries.oldest(queue, 3), entries.newest(queue, 3)]).toEqual([15, 15]);
    queue.delete(15);
    expect([entries.oldest(queue, 3), entries.newest(queue, 3)]).toEqual([undefined, undefined]);
    expect([entries.oldest(queue, 5), entries.newest(queue, 0), entries.newest(queue, 7)]).toEqual([undefined, 5, 30]);
    expect(drained(entries, queue)).toEqual([25, 30, 5]);
  });

  test('that is not first is not taken as if it were', () => {
    const { entries } = returned();
    expect(entries.takeFirst(30)).toBe(false);
  });
});
