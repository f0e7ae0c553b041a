import { describe, expect, test } from 'vitest';
import type { Findings } from '../../durability/e2e/ledger.ts';
import { type ChaosReport, summary, violations, weaknesses } from '../../durability/e2e/report.ts';

const CLEAN: Findings = { lost: [], duplicates: { 1: 3, 2: 0 }, repeatedQos2: [], outOfOrder: [], strange: [] };

function report(over: Partial<ChaosReport> = {}, findings: Partial<Findings> = {}, isExactlyOnce = true): ChaosReport {
  return {
    seed: 7,
    centre: 'mosquitto',
    bridgeQos: isExactlyOnce ? 2 : 1,
    seconds: 60,
    kills: 12,
    killsBeforeAnswer: 4,
    acknowledged: 1_000,
    commandsAcknowledged: 10,
    sensorReconnects: 4,
    batches: { acknowledged: 5, unknown: 1 },
    disturbances: { centreDown: 1, cuts: 2, silences: 3 },
    ways: [{ name: 'at the centre', isExactlyOnce, findings: { ...CLEAN, ...findings } }],
    complaints: [],
    ...over,
  };
}

describe('the verdict on a run', () => {
  test('copies at QoS 1 are allowed', () => {
    expect(violations(report())).toEqual([]);
  });

  test.each<[string, Partial<Findings>, string]>([
    ['lost', { lost: ['s01,1,4'] }, 'lost at the centre: 1 (s01,1,4)'],
    ['repeated at QoS 2', { duplicates: { 1: 0, 2: 1 }, repeatedQos2: ['s01,2,4'] }, 'QoS 2 more than once at the centre: 1 (s01,2,4)'],
    ['out of order', { outOfOrder: ['s01,1,4'] }, 'out of order at the centre: 1 (s01,1,4)'],
    ['strange', { strange: ['x: y'] }, 'never published so, at the centre: 1 (x: y)'],
  ])('%s', (_, findings, line) => {
    expect(violations(report({}, findings))).toEqual([line]);
  });

  test('QoS 2 ends where the bridge is at QoS 1', () => {
    expect(violations(report({}, { duplicates: { 1: 0, 2: 1 }, repeatedQos2: ['s01,2,4'] }, false))).toEqual([]);
  });

  test('a difference in state is a violation', () => {
    expect(violations(report({ complaints: ['will of will-3 forgotten'] }))).toEqual(['will of will-3 forgotten']);
  });

  test('a long list is shown in part, and counted in full', () => {
    const lost = Array.from({ length: 30 }, (_, index) => `s01,1,${index}`);
    expect(violations(report({}, { lost }))[0]).toMatch(/^lost at the centre: 30 \(s01,1,0 .* s01,1,9 \.\.\.\)$/);
  });

  test.each<[string, Partial<ChaosReport>, readonly string[]]>([
    ['a third between receipt and acknowledgement is enough', {}, []],
    ['less is too little', { killsBeforeAnswer: 3 }, ['only 3 of 12 kills came between receipt and acknowledgement']],
    ['of few kills no share is asked', { kills: 9, killsBeforeAnswer: 0 }, []],
    ['so are few messages', { acknowledged: 999 }, ['only 999 readings were acknowledged, wanted are 1000']],
  ])('%s', (_, over, weak) => {
    expect(weaknesses(report(over), 1_000)).toEqual(weak);
  });

  test('the summary says what was lost, repeated and out of order, and how often it was killed', () => {
    const text = summary(report({}, { lost: ['s01,1,4'] }));
    expect(text).toContain('kills                     12, of which between receipt and acknowledgement 4 (33 %)');
    expect(text).toContain('at the centre: lost 1, repeated QoS 1 3 (allowed), QoS 2 0, out of order 0, strange 0');
    expect(text).toContain('VIOLATION lost at the centre: 1 (s01,1,4)');
  });
});
