import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ImportedSequences } from '../../../src/broker/imported-sequences.ts';
import { IMPORTED_BYTES_MAX, IMPORTED_ERAS_MAX } from '../../../src/model/limits.ts';

const ERA = '00112233445566ff';

/** What a queue keeps; each `asked` is another request. */
function place() {
  const state = new Map<string, Uint8Array>();
  const forgotten = { value: 0 };
  const putState = (_owner: unknown, key: string, value: Uint8Array | undefined): void => {
    if (value === undefined) state.delete(key);
    else state.set(key, Uint8Array.from(value));
  };
  const asked = () => new ImportedSequences({ putState }, { owner: { gateway: 'test' }, state: () => state }, forgotten);
  const bytes = () => [...state].reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  return { state, forgotten, asked, bytes };
}

describe('what was imported', () => {
  test('is known to later requests, of its era only', () => {
    const { asked } = place();
    const first = asked();
    first.add(ERA, 5);
    expect(first.has(ERA, 5)).toBe(true);
    first.save();
    const second = asked();
    expect([second.has(ERA, 5), second.has(ERA, 4), second.has('ffffffffffffffff', 5)]).toEqual([true, false, false]);
  });

  test('is exactly what was added, in whatever order and pieces', () => {
    const batches = fc.array(fc.array(fc.integer({ min: 1, max: 2_000 }), { maxLength: 300 }), { maxLength: 5 });
    fc.assert(
      fc.property(batches, (pieces) => {
        const { asked } = place();
        for (const piece of pieces) {
          const request = asked();
          for (const each of piece) request.add(ERA, each);
          request.save();
        }
        const known = asked();
        const expected = new Set(pieces.flat());
        for (let sequence = 1; sequence <= 2_000; sequence += 1) expect(known.has(ERA, sequence)).toBe(expected.has(sequence));
      }),
      { numRuns: 30 },
    );
  });

  test('takes one row, whether it is a thousand messages or a million', () => {
    const { state, asked, bytes } = place();
    for (let from = 1; from < 1_000_000; from += 1_000) {
      const request = asked();
      for (let sequence = from; sequence < from + 1_000; sequence += 1) request.add(ERA, sequence);
      request.save();
    }
    expect(state.size).toBe(2);
    expect(bytes()).toBeLessThan(100);
  });

  test('is bounded: of the era imported from longest ago the lowest numbers go, and are counted', () => {
    const { forgotten, asked, bytes } = place();
    const old = asked();
    old.add('aaaaaaaaaaaaaaaa', 1);
    old.save();
    const request = asked();
    const numbers = Array.from({ length: IMPORTED_BYTES_MAX / 6 }, (_, index) => 1 + index * 2 ** 30); // six bytes each, and the key of their row
    for (const each of numbers) request.add(ERA, each);
    request.save();
    expect(bytes()).toBeLessThan(IMPORTED_BYTES_MAX + 1_000);
    const known = asked();
    expect([known.has('aaaaaaaaaaaaaaaa', 1), known.has(ERA, 1), known.has(ERA, numbers.at(-1) ?? 0)]).toEqual([false, false, true]);
    expect(forgotten.value).toBeGreaterThan(1);
  });

  test('is of a bounded number of eras', () => {
    const { asked } = place();
    for (let at = 0; at <= IMPORTED_ERAS_MAX; at += 1) {
      const request = asked();
      request.add(at.toString(16).padStart(16, '0'), 7);
      request.save();
    }
    const known = asked();
    expect([known.has('0000000000000000', 7), known.has('0000000000000001', 7)]).toEqual([false, true]);
  });
});
