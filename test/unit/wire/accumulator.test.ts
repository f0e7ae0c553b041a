import { expect, test } from 'vitest';
import { Accumulator } from '../../../src/wire/accumulator.ts';

const SOURCE = Buffer.from('0123456789');

test('an accumulator joins what is appended, and gives it away', () => {
  const accumulator = new Accumulator();
  accumulator.append(SOURCE, { start: 2, end: 5 }, 100);
  accumulator.append(SOURCE, { start: 9, end: 10 }, 100);
  const taken = accumulator.take();
  accumulator.append(SOURCE, { start: 0, end: 1 }, 100);
  expect(taken.toString()).toBe('2349');
  expect(accumulator.take().toString()).toBe('0');
  expect(accumulator.take().length).toBe(0);
});

test('room is taken ahead by doubling, up to the bound', () => {
  const accumulator = new Accumulator();
  const sizes: number[] = [];
  for (let appended = 0; appended < 300; appended += 10) {
    accumulator.append(SOURCE, { start: 0, end: 10 }, 300);
    sizes.push(accumulator.bytes.length);
  }
  expect([...new Set(sizes)]).toEqual([64, 128, 256, 300]);
});
