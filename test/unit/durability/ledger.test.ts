import { describe, expect, test } from 'vitest';
import { Arrivals, Ledger } from '../../durability/e2e/ledger.ts';
import { payloadOf, type Reading, readingOf } from '../../durability/e2e/reading.ts';

const reading = (number: number, qos: 1 | 2 = 1, source = 's01'): Reading => ({ source, qos, number });
const TOPIC = 'readings/s01';

/** Publishes and acknowledges readings 1 to `count` at each QoS. */
function published(count: number): { readonly ledger: Ledger; readonly arrivals: Arrivals } {
  const ledger = new Ledger();
  for (let number = 1; number <= count; number += 1) {
    for (const qos of [1, 2] as const) {
      ledger.published(reading(number, qos), TOPIC);
      ledger.acknowledged(reading(number, qos));
    }
  }
  return { ledger, arrivals: new Arrivals(ledger) };
}

describe('a payload', () => {
  test('says which reading it is', () => {
    expect(payloadOf(reading(12, 2))).toBe('s01,2,12');
    expect(readingOf('s01,2,12')).toEqual(reading(12, 2));
  });

  test.each(['', 's01,2', 's01,0,1', 's01,3,1', 's01,1,x', 's01,1,1,'])('"%s" is none', (payload) => {
    expect(readingOf(payload)).toBeUndefined();
  });
});

describe('what was acknowledged beside what arrived', () => {
  test('everything once', () => {
    const { arrivals } = published(2);
    for (const payload of ['s01,1,1', 's01,2,1', 's01,2,2', 's01,1,2']) arrivals.record(TOPIC, payload);
    expect(arrivals.isComplete).toBe(true);
    expect(arrivals.findings()).toEqual({ lost: [], duplicates: { 1: 0, 2: 0 }, repeatedQos2: [], outOfOrder: [], strange: [] });
  });

  test('an acknowledged reading that never came is lost', () => {
    const { arrivals } = published(1);
    arrivals.record(TOPIC, 's01,1,1');
    expect(arrivals.isComplete).toBe(false);
    expect(arrivals.findings().lost).toEqual(['s01,2,1']);
  });

  test('one that was never acknowledged may come or not', () => {
    const ledger = new Ledger();
    ledger.published(reading(1), TOPIC);
    ledger.published(reading(2), TOPIC);
    const arrivals = new Arrivals(ledger);
    arrivals.record(TOPIC, 's01,1,2');
    expect(arrivals.findings()).toMatchObject({ lost: [], outOfOrder: [], strange: [] });
    expect(arrivals.isComplete).toBe(true);
  });

  test('copies are counted by QoS', () => {
    const { arrivals } = published(1);
    for (const payload of ['s01,1,1', 's01,1,1', 's01,2,1', 's01,2,1', 's01,2,1']) arrivals.record(TOPIC, payload);
    expect(arrivals.findings()).toMatchObject({ duplicates: { 1: 1, 2: 2 }, repeatedQos2: ['s01,2,1'], outOfOrder: [] });
  });

  test.each([
    ['a first arrival after a later one', ['s01,1,2', 's01,1,1'], ['s01,1,1']],
    ['a copy after a later one', ['s01,1,1', 's01,1,2', 's01,1,1'], []],
    ['QoS 1 and 2 are separate lanes', ['s01,1,2', 's01,2,1', 's01,2,2'], []],
  ])('order: %s', (_, payloads, outOfOrder) => {
    const { arrivals } = published(2);
    for (const payload of payloads) arrivals.record(TOPIC, payload);
    expect(arrivals.findings().outOfOrder).toEqual(outOfOrder);
  });

  test.each([
    ['was never published', TOPIC, 's01,1,9'],
    ['came under another topic', 'readings/s02', 's01,1,1'],
    ['is no reading', TOPIC, 'hello'],
  ])('what %s is strange', (_, topic, payload) => {
    const { arrivals } = published(1);
    arrivals.record(topic, payload);
    expect(arrivals.findings().strange).toEqual([`${topic}: ${payload}`]);
  });

  test('an acknowledgement counts once, and only for what was published', () => {
    const { ledger } = published(1);
    ledger.acknowledged(reading(1));
    expect(ledger.acknowledgedCount).toBe(2);
    expect(() => ledger.acknowledged(reading(5))).toThrow(RangeError);
  });
});
