import { describe, expect, test } from 'vitest';
import { TokenBucket } from '../../../src/access/token-bucket.ts';

describe('10 per second, 20 at once', () => {
  const bucket = () => new TokenBucket({ perSecond: 10, burst: 20, debtMax: 50 }, 0);

  test('takes the burst, then into debt, which time pays', () => {
    const full = bucket();
    expect(full.take(20, 0)).toBe(0);
    expect(full.take(1, 0)).toBe(100);
    expect(full.take(4, 0)).toBe(500);
    expect(full.take(0, 500)).toBe(0);
    expect(full.take(1, 600)).toBe(0);
  });

  test('holds no more than the burst after any time', () => {
    const full = bucket();
    expect(full.take(20, 1_000_000)).toBe(0);
    expect(full.take(1, 1_000_000)).toBe(100);
  });

  test('owes no more than may be owed', () => {
    const full = bucket();
    expect(full.take(69, 0)).toBe(4_900);
    expect(full.isDebtFull).toBe(false);
    expect(full.take(1_000, 0)).toBe(5_000);
    expect(full.isDebtFull).toBe(true);
    expect(full.take(0, 5_000)).toBe(0);
  });

  test('tryTake takes whole or nothing', () => {
    const full = bucket();
    expect(full.tryTake(20, 0)).toBe(true);
    expect(full.tryTake(1, 99)).toBe(false);
    expect(full.tryTake(1, 100)).toBe(true);
  });

  test('in the long run no more than the rate', () => {
    const paced = bucket();
    let now = 0;
    let taken = 0;
    while (now < 60_000) {
      now += paced.take(3, now) + 1;
      taken += 3;
    }
    expect(taken).toBeGreaterThan(600);
    expect(taken).toBeLessThanOrEqual(20 + 600 + 3);
  });
});
