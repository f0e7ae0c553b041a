import { describe, expect, test } from 'vitest';
import { Places } from '../../../src/access/places.ts';

function places(): { readonly places: Places; readonly addressFull: () => number } {
  const counter = { value: 0 };
  return { places: new Places({ inAll: 4, perAddress: 2 }, counter), addressFull: () => counter.value };
}

describe('four places, two for one address', () => {
  test('an address that has its two is turned away and counted; others are let in', () => {
    const { places: line, addressFull } = places();
    const taken = ['192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.3'].map((address) => line.take(address) !== undefined);
    expect(taken).toEqual([true, true, false, true, true]);
    expect([line.taken, addressFull()]).toEqual([4, 1]);
  });

  test('when all are taken nobody gets one, and that is not the address’ doing', () => {
    const { places: line, addressFull } = places();
    for (const address of ['a', 'a', 'b', 'b']) line.take(address);
    expect(line.take('c')).toBeUndefined();
    expect(addressFull()).toBe(0);
  });

  test('a place is given back once', () => {
    const { places: line } = places();
    const [giveBack] = [line.take('a'), line.take('a')];
    giveBack?.();
    giveBack?.();
    expect(line.taken).toBe(1);
    expect([line.take('a'), line.take('a')].map((place) => place !== undefined)).toEqual([true, false]);
  });
});
