import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PartedMap } from '../../../src/model/parted-map.ts';

/** More than are kept in one piece. */
const MANY = 5_000;

test('holds what a Map would, however many there are', () => {
  const step = fc.record({ key: fc.nat({ max: MANY }), isSet: fc.boolean() });
  fc.assert(
    fc.property(fc.constantFrom(0, 2_000, MANY), fc.array(step, { maxLength: 200 }), (before, steps) => {
      const expected = new Map<string, number>();
      const map = new PartedMap<string, number>();
      const all = [...Array.from({ length: before }, (_, key) => ({ key, isSet: true })), ...steps];
      for (const [value, { key, isSet }] of all.entries()) {
        if (!isSet) expect(map.delete(`t/${key}`)).toBe(expected.delete(`t/${key}`));
        else {
          expected.set(`t/${key}`, value);
          map.set(`t/${key}`, value);
        }
      }
      expect(map.size).toBe(expected.size);
      expect(new Map(map)).toEqual(expected);
      expect(steps.every(({ key }) => map.get(`t/${key}`) === expected.get(`t/${key}`) && map.has(`t/${key}`) === expected.has(`t/${key}`))).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test('a walk that began before shows all there was, each once', () => {
  const map = new PartedMap<string, number>();
  for (let key = 0; key < 2_000; key += 1) map.set(`t/${key}`, key);
  const walk = map.values();
  const seen = [walk.next().value];
  for (let key = 2_000; key < MANY; key += 1) map.set(`t/${key}`, key);
  for (const value of walk) seen.push(value);
  expect(seen.filter((value) => value !== undefined && value < 2_000)).toHaveLength(2_000);
  expect(new Set(seen).size).toBe(seen.length);
});

test.each([
  ['the end', (index: number) => `plant/sensor/${index}`],
  ['the middle', (index: number) => `zigbee2mqtt/lamp-${index}/state`],
  ['a name of one character', (index: number) => String.fromCharCode(0x4e00 + index)],
])('names that differ in %s are held and found', (_, name) => {
  const map = new PartedMap<string, number>();
  for (let index = 0; index < MANY; index += 1) map.set(name(index), index);
  expect(map.size).toBe(MANY);
  expect(Array.from({ length: MANY }, (_each, index) => map.get(name(index)))).toEqual(Array.from({ length: MANY }, (_each, index) => index));
});
