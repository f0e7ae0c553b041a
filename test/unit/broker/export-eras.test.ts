import { describe, expect, test } from 'vitest';
import { ExportEras } from '../../../src/broker/export-eras.ts';
import { EXPORT_ERAS_MAX } from '../../../src/model/limits.ts';

/** One boot of a store, as far as eras ask it. */
function boot(state = new Map<string, Uint8Array>(), { lastSequence = 0, oldest = 1 } = {}) {
  const sessions = new Map([['panel', { queue: { next: () => oldest } }]]);
  const store = {
    boot: { lastSequence },
    sessions,
    gatewayState: () => state,
    putState: (_owner: unknown, key: string, value: Uint8Array) => void state.set(key, value),
  };
  return { eras: new ExportEras(store as unknown as ConstructorParameters<typeof ExportEras>[0]), copy: () => new Map(state), state };
}

describe('an era', () => {
  test('names all numbers up to the last that was given, and grows within its boot', () => {
    const { eras } = boot();
    eras.nameUpTo(5);
    const first = eras.eraOf(1);
    expect(first).toMatch(/^[0-9a-f]{16}$/);
    expect([eras.eraOf(5), eras.eraOf(6)]).toEqual([first, undefined]);
    eras.nameUpTo(9);
    eras.nameUpTo(7);
    expect([eras.eraOf(6), eras.eraOf(9), eras.eraOf(10)]).toEqual([first, first, undefined]);
  });

  test('is shared by two stores that came from one for what they share, and for nothing else', () => {
    const one = boot();
    one.eras.nameUpTo(5);
    const [left, right] = [boot(one.copy(), { lastSequence: 5 }), boot(one.copy(), { lastSequence: 5 })];
    left.eras.nameUpTo(8);
    right.eras.nameUpTo(8);
    expect([left.eras.eraOf(5), right.eras.eraOf(5)]).toEqual([one.eras.eraOf(5), one.eras.eraOf(5)]);
    expect(left.eras.eraOf(6)).not.toBe(right.eras.eraOf(6));
  });

  test('ends where a damaged store does: those numbers are given again', () => {
    const before = boot();
    before.eras.nameUpTo(9);
    const after = boot(before.state, { lastSequence: 6 });
    after.eras.nameUpTo(9);
    expect([after.eras.eraOf(6) === before.eras.eraOf(6), after.eras.eraOf(7) === before.eras.eraOf(7)]).toEqual([true, false]);
    expect(boot(before.state, { lastSequence: 9 }).eras.eraOf(7)).toBe(after.eras.eraOf(7));
  });

  test('that nothing is queued of any more is forgotten', () => {
    const before = boot();
    before.eras.nameUpTo(5);
    const after = boot(before.state, { lastSequence: 5, oldest: 6 });
    after.eras.nameUpTo(7);
    expect([after.eras.eraOf(5), after.eras.eraOf(6) === undefined]).toEqual([undefined, false]);
  });

  test('is one of a bounded number, and every message keeps one', () => {
    const state = new Map<string, Uint8Array>();
    for (let at = 1; at <= EXPORT_ERAS_MAX + 3; at += 1) boot(state, { lastSequence: at }).eras.nameUpTo(at);
    const { eras } = boot(state, { lastSequence: EXPORT_ERAS_MAX + 3 });
    const named = Array.from({ length: EXPORT_ERAS_MAX + 3 }, (_, index) => eras.eraOf(index + 1));
    expect(named).not.toContain(undefined);
    expect(new Set(named).size).toBe(EXPORT_ERAS_MAX);
  });

  test('row that cannot be read is as none', () => {
    expect(boot(new Map([['eras', Buffer.from('{')]])).eras.eraOf(1)).toBeUndefined();
  });
});
