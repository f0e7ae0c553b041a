import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ORDINARY, PRIORITIES, type Priority } from '../../../src/model/priority.ts';
import { QueueLanes } from '../../../src/session/queue-lanes.ts';

type Entry = readonly [sequence: number, priority: Priority];

function queueOf(entries: Iterable<Entry>): QueueLanes {
  const queue = new QueueLanes();
  for (const [sequence, priority] of entries) queue.add(priority, sequence, 10);
  return queue;
}

interface Operation {
  readonly sequence: number;
  readonly priority: Priority;
  readonly isAdded: boolean;
}

function operate(queue: QueueLanes, model: Map<number, Priority>, { sequence, priority, isAdded }: Operation): void {
  if (!isAdded) {
    expect(queue.remove(sequence)).toBe(model.get(sequence));
    model.delete(sequence);
  } else if (!model.has(sequence)) {
    expect(queue.add(priority, sequence, 10)).toBe(true);
    model.set(sequence, priority);
  }
}

function expectSame(queue: QueueLanes, model: ReadonlyMap<number, Priority>): void {
  const sorted = [...model.keys()].sort((a, b) => a - b);
  expect([queue.count, queue.bytes, queue.last]).toEqual([sorted.length, sorted.length * 10, sorted.at(-1)]);
  for (let at = 0; at <= 61; at += 1) {
    expect(queue.next(at)).toBe(sorted.find((each) => each > at));
    expect(queue.previous(at)).toBe(sorted.findLast((each) => each < at));
    expect([queue.has(at), queue.laneOf(at)]).toEqual([model.has(at), model.get(at)]);
  }
  for (const priority of PRIORITIES) expect(queue.lane(priority)?.count ?? 0).toBe(sorted.filter((each) => model.get(each) === priority).length);
}

describe('a queue in lanes', () => {
  test('of ordinary entries has one', () => {
    const queue = queueOf([
      [1, ORDINARY],
      [2, ORDINARY],
    ]);
    expect([queue.isOneLane, queue.lane(7), queue.lane(ORDINARY)?.count, queue.laneOf(2), queue.laneOf(3)]).toEqual([true, undefined, 2, ORDINARY, undefined]);
  });

  test('gives its rows in slices, each under its lane', () => {
    const queue = queueOf([
      [1, 0],
      [2, 7],
      [3, ORDINARY],
    ]);
    const rows: [Priority, number][] = [];
    queue.takeDirty(2, (priority, key) => rows.push([priority, key]));
    expect([rows.length, queue.isDirty]).toEqual([2, true]);
    queue.takeDirty(2, (priority, key) => rows.push([priority, key]));
    expect(rows).toEqual([
      [7, 2],
      [ORDINARY, 3],
      [0, 1],
    ]);
    expect(queue.isDirty).toBe(false);
  });

  test('answers as one set of entries, whatever lanes they are in', () => {
    const operation = fc.record({ sequence: fc.integer({ min: 1, max: 60 }), priority: fc.constantFrom(...PRIORITIES), isAdded: fc.boolean() });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
        const queue = new QueueLanes();
        const model = new Map<number, Priority>();
        for (const operation of operations) operate(queue, model, operation);
        expectSame(queue, model);
      }),
    );
  });
});
