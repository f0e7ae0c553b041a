import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHUNK_BYTES_MAX } from '../../../src/session/live-chunk.ts';
import { LiveSet } from '../../../src/session/live-set.ts';

/** What a store does with the rows of one queue: written by key, read in order of keys. */
class Rows {
  readonly bytes = new Map<number, Uint8Array>();

  checkpoint(set: LiveSet, rowsMax = Number.POSITIVE_INFINITY): number {
    return set.takeDirty(rowsMax, (key, live) => {
      if (live === undefined) this.bytes.delete(key);
      else this.bytes.set(key, live);
    });
  }

  read(): LiveSet {
    const set = new LiveSet();
    for (const key of [...this.bytes.keys()].sort((a, b) => a - b)) set.restore(key, this.bytes.get(key) ?? new Uint8Array());
    return set;
  }
}

function entriesOf(set: LiveSet): [sequence: number, size: number][] {
  const entries: [number, number][] = [];
  set.visit((sequence, size) => entries.push([sequence, size]));
  return entries;
}

function setOf(count: number, size = 100): LiveSet {
  const set = new LiveSet();
  for (let sequence = 1; sequence <= count; sequence += 1) set.add(sequence, size);
  return set;
}

describe('a queue is a set of live sequence numbers', () => {
  test('an empty one has nothing', () => {
    const set = new LiveSet();
    expect([set.count, set.bytes, set.last, set.next(0), set.has(1), set.remove(1)]).toEqual([0, 0, undefined, undefined, false, false]);
  });

  test('next goes over holes and chunks', () => {
    const set = setOf(2_000);
    for (let sequence = 10; sequence < 1_990; sequence += 1) set.remove(sequence);
    expect([set.next(0), set.next(9), set.next(1_989), set.next(2_000)]).toEqual([1, 1_990, 1_990, undefined]);
    expect([set.count, set.bytes, set.last]).toEqual([20, 2_000, 2_000]);
  });

  test('sequences may be 2^53 and far apart', () => {
    const set = new LiveSet();
    const far = [1, 2 ** 31, 2 ** 33, 2 ** 52, 2 ** 53 - 1];
    for (const sequence of far) set.add(sequence, 1);
    const rows = new Rows();
    rows.checkpoint(set);
    expect(entriesOf(rows.read()).map(([sequence]) => sequence)).toEqual(far);
  });

  test('what is there is not added again', () => {
    const set = setOf(3);
    expect(set.add(2, 5)).toBe(false);
    expect(set.bytes).toBe(300);
  });

  test('whatever is done to it, it equals a plain map, and so do its rows', () => {
    const pick = fc.nat();
    const size = fc.oneof(fc.nat(300), fc.nat(2_000_000));
    const step = fc.oneof(
      {
        weight: 60,
        arbitrary: fc.tuple(pick, size).map(
          ([gap, bytes]) =>
            (pair: Pair) =>
              pair.append(gap, bytes),
        ),
      },
      { weight: 50, arbitrary: pick.map((which) => (pair: Pair) => pair.remove(which)) },
      {
        weight: 10,
        arbitrary: fc.tuple(pick, size).map(
          ([where, bytes]) =>
            (pair: Pair) =>
              pair.insert(where, bytes),
        ),
      },
      { weight: 3, arbitrary: pick.map((rows) => (pair: Pair) => pair.checkpoint(1 + (rows % 4))) },
      { weight: 1, arbitrary: fc.constant((pair: Pair) => pair.reopen()) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 2_000, size: 'max' }), (steps) => {
        const pair = new Pair();
        for (const run of steps) run(pair);
        pair.compare();
        pair.reopen();
        pair.compare();
      }),
      { numRuns: 60 },
    );
  });
});

/** The set and what it must equal. */
class Pair {
  #set = new LiveSet();
  #last = 0;
  readonly #model = new Map<number, number>();
  readonly #rows = new Rows();

  append(gap: number, size: number): void {
    this.#last += 1 + (gap % 3 === 0 ? gap % 5_000 : 0);
    this.#set.add(this.#last, size);
    this.#model.set(this.#last, size);
  }

  insert(where: number, size: number): void {
    const sequence = 1 + (where % (this.#last + 1));
    expect(this.#set.add(sequence, size)).toBe(!this.#model.has(sequence));
    if (!this.#model.has(sequence)) this.#model.set(sequence, size);
    this.#last = Math.max(this.#last, sequence);
  }

  /** The oldest, or any. */
  remove(which: number): void {
    const entries = this.#sorted();
    const [sequence] = entries[which % 2 === 0 ? 0 : which % entries.length] ?? [];
    if (sequence === undefined) return;
    expect(this.#set.remove(sequence)).toBe(true);
    this.#model.delete(sequence);
  }

  checkpoint(rowsMax: number): void {
    this.#rows.checkpoint(this.#set, rowsMax);
  }

  reopen(): void {
    this.#rows.checkpoint(this.#set);
    this.#set = this.#rows.read();
  }

  compare(): void {
    const expected = this.#sorted();
    expect(entriesOf(this.#set)).toEqual(expected);
    expect([this.#set.count, this.#set.bytes]).toEqual([expected.length, expected.reduce((sum, [, size]) => sum + size, 0)]);
    for (const [index, [sequence]] of expected.entries()) expect(this.#set.next(sequence)).toBe(expected[index + 1]?.[0]);
  }

  #sorted(): [sequence: number, size: number][] {
    return [...this.#model].sort(([a], [b]) => a - b);
  }
}

describe('rows of a queue', () => {
  test(`none is longer than ${CHUNK_BYTES_MAX} bytes`, () => {
    for (const size of [0, 127, 128, 100_000, 2_000_000]) {
      const rows = new Rows();
      rows.checkpoint(setOf(3_000, size));
      expect(Math.max(...[...rows.bytes.values()].map((bytes) => bytes.length))).toBeLessThanOrEqual(CHUNK_BYTES_MAX);
    }
  });

  test('one settled entry writes one row', () => {
    const set = setOf(10_000);
    const rows = new Rows();
    rows.checkpoint(set);
    set.remove(5_000);
    expect(rows.checkpoint(set)).toBe(1);
    expect(rows.checkpoint(set)).toBe(0);
  });

  test('a queue filled and emptied between two checkpoints writes none', () => {
    const set = setOf(1_000);
    for (let sequence = 1; sequence <= 1_000; sequence += 1) set.remove(sequence);
    expect(new Rows().checkpoint(set)).toBe(0);
  });

  test('a row that is to be deleted and comes back is deleted when it empties again', () => {
    const set = setOf(1);
    const rows = new Rows();
    rows.checkpoint(set);
    set.remove(1);
    set.add(1, 7); // as replay does
    set.remove(1);
    rows.checkpoint(set);
    expect(rows.bytes.size).toBe(0);
  });

  test('overlapping rows of an interrupted checkpoint become one queue, and the rows are put right', () => {
    const whole = new Rows();
    whole.checkpoint(setOf(200));
    const upper = new LiveSet();
    for (let sequence = 100; sequence <= 260; sequence += 1) upper.add(sequence, 100);
    whole.checkpoint(upper);
    const set = whole.read();
    expect(set.count).toBe(260);
    whole.checkpoint(set);
    expect(entriesOf(whole.read())).toEqual(entriesOf(set));
  });

  test('bytes that are cut off give what can be read', () => {
    const rows = new Rows();
    rows.checkpoint(setOf(10));
    const set = new LiveSet();
    set.restore(1, (rows.bytes.get(1) ?? new Uint8Array()).subarray(0, 7));
    expect(entriesOf(set).map(([sequence]) => sequence)).toEqual([1, 2, 3]);
  });
});
