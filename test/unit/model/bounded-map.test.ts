import { expect, test } from 'vitest';
import { BoundedMap } from '../../../src/model/bounded-map.ts';

test('a new entry takes the place of the one that was set longest ago', () => {
  const map = new BoundedMap<string, number>(2);
  map.set('a', 1).set('b', 2).set('a', 3).set('c', 4);
  expect([...map]).toEqual([
    ['a', 3],
    ['c', 4],
  ]);
});

test('an undefined key is an entry like others', () => {
  const map = new BoundedMap<string | undefined, number>(1);
  map.set(undefined, 1).set('a', 2);
  expect([...map]).toEqual([['a', 2]]);
});
