import { describe, expect, test } from 'vitest';
import { SegmentIndex } from '../../../src/store/sqlite/segment-index.ts';

/** Segments 1 to `count` with ten sequences and 100 bytes each, every sequence referred to once. */
function indexOf(count: number): SegmentIndex {
  const index = new SegmentIndex();
  for (let number = 1; number <= count; number += 1) {
    index.add({ number, firstSequence: number * 10, nextSequence: number * 10 + 10, bytes: 100, live: 10, liveBytes: 100 });
  }
  return index;
}

function settle(index: SegmentIndex, number: number): void {
  for (let sequence = number * 10; sequence < number * 10 + 10; sequence += 1) index.dropReference(sequence, 10);
}

describe('the index of segments', () => {
  test('finds the segment of a sequence', () => {
    const index = indexOf(1_000);
    expect([9, 10, 19, 20, 5_555, 10_009, 10_010].map((sequence) => index.find(sequence))).toEqual([undefined, 1, 1, 2, 555, 1_000, undefined]);
  });

  test('is not confused by groups without messages', () => {
    const index = indexOf(1);
    index.add({ number: 2, firstSequence: 20, nextSequence: 20, bytes: 80, live: 0, liveBytes: 0 });
    index.add({ number: 3, firstSequence: 20, nextSequence: 21, bytes: 80, live: 1, liveBytes: 80 });
    index.add({ number: 4, firstSequence: 21, nextSequence: 21, bytes: 80, live: 0, liveBytes: 0 });
    expect([index.find(19), index.find(20), index.find(21)]).toEqual([1, 3, undefined]);
  });

  test('gives up a segment only when it is in the tables and nothing of it is live', () => {
    const index = indexOf(6);
    for (const number of [2, 3, 5]) settle(index, number);
    expect(index.takeDead(1e9)).toEqual([]);
    index.replayFrom(5);
    expect(index.takeDead(1e9)).toEqual([{ from: 2, to: 3 }]);
    settle(index, 4);
    expect(index.deadCount).toBe(1);
    index.replayFrom(6);
    expect(index.takeDead(1e9)).toEqual([{ from: 4, to: 5 }]);
    expect([index.count, index.deadCount, index.find(25), index.find(15)]).toEqual([2, 0, undefined, 1]);
  });

  test('gives up no more than it is asked for, but always one', () => {
    const index = indexOf(50);
    for (let number = 1; number <= 50; number += 1) settle(index, number);
    index.replayFrom(100);
    expect(index.takeDead(1)).toEqual([{ from: 1, to: 1 }]);
    expect(index.takeDead(1_000)).toEqual([{ from: 2, to: 11 }]);
    expect(index.takeDead(1e9)).toEqual([{ from: 12, to: 50 }]);
    expect(index.count).toBe(0);
  });

  test('goes on after most of it is gone', () => {
    const index = indexOf(500);
    index.replayFrom(400);
    for (let number = 1; number <= 390; number += 1) settle(index, number);
    index.takeDead(1e9);
    expect([index.find(3_905), index.find(3_910), index.find(5_000)]).toEqual([undefined, 391, 500]);
    settle(index, 391);
    expect(index.takeDead(1e9)).toEqual([{ from: 391, to: 391 }]);
  });
});
