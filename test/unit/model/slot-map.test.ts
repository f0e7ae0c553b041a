import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SlotMap } from '../../../src/model/slot-map.ts';

const step = fc.record({ key: fc.integer({ min: 0, max: 9 }), value: fc.option(fc.string(), { nil: undefined }) });

test('holds what a Map would, in the same order', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const expected = new Map<number, string>();
      const map = new SlotMap<number, string>();
      for (const each of steps) {
        if (each.value === undefined) expect(map.delete(each.key)).toBe(expected.delete(each.key));
        else {
          expected.set(each.key, each.value);
          map.set(each.key, each.value);
        }
      }
      expect([...map]).toEqual([...expected]);
      expect([...map.keys()]).toEqual([...expected.keys()]);
      expect([...map.values()]).toEqual([...expected.values()]);
      expect(map.size).toBe(expected.size);
      for (let key = 0; key < 10; key += 1) expect([map.has(key), map.get(key)]).toEqual([expected.has(key), expected.get(key)]);
    }),
  );
});

test('may be changed while it is walked through, as a Map may', () => {
  const map = new SlotMap<string, number>();
  for (const [index, key] of ['a', 'b', 'c'].entries()) map.set(key, index);
  const seen: [string, number][] = [];
  map.forEach((value, key) => {
    seen.push([key, value]);
    map.delete(key);
    if (key === 'a') map.delete('b');
  });
  expect(seen).toEqual([
    ['a', 0],
    ['c', 2],
  ]);
  expect(map.size).toBe(0);
});
