import { describe, expect, test } from 'vitest';
import { AddressRanges, isAddressRange } from '../../../src/model/address-ranges.ts';

describe('an address lies in a range', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '::ffff:10.0.0.1', true], // RFC 4291 §2.5.5.2
    ['::ffff:10.0.0.0/104', '10.0.0.1', true],
    ['0.0.0.0/0', '203.0.113.1', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['fd00::/8', 'fd12:3456::1', true],
    ['fd00::/8', 'fe80::1', false],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['::/0', 'localhost', false],
    ['::/0', '', false],
  ])('%s: %s', (range, host, isIn) => {
    const ranges = new AddressRanges();
    expect(ranges.add(range)).toBe(true);
    expect(ranges.has(host)).toBe(isIn);
  });

  test('of several', () => {
    const ranges = new AddressRanges();
    for (const range of ['10.0.0.0/8', 'fd00::/8']) ranges.add(range);
    expect(['10.0.0.1', 'fd00::1', '11.0.0.1'].map((host) => ranges.has(host))).toEqual([true, true, false]);
  });
});

test.each(['', '10', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/8/8', '10.0.0.256', 'fd00::/129', 'gateway', '/dev/ttyUSB0'])(
  '%s is neither an address nor a range',
  (text) => {
    expect([isAddressRange(text), new AddressRanges().add(text)]).toEqual([false, false]);
  },
);
