import { describe, expect, test } from 'vitest';
import { Account } from '../../../scripts/soak/account.ts';
import { memoryTrend } from '../../../scripts/soak/memory.ts';
import { report, type SoakResult, violations } from '../../../scripts/soak/report.ts';

/** `begin`, `acked:1` and `received:1` in that order. */
function account(...events: readonly string[]): Account {
  const result = new Account('a QoS 1');
  for (const event of events) {
    const [what, number] = event.split(':');
    if (what === 'begin') result.begin();
    else if (what === 'acked') result.acknowledged(Number(number));
    else result.received(Number(number));
  }
  return result;
}

describe('what is owed', () => {
  test.each([
    [['begin', 'acked:1', 'received:1'], [], 0],
    [['begin', 'received:1', 'acked:1'], [], 0],
    [['begin', 'acked:1'], [1], 0],
    [['begin'], [], 0],
    [['begin', 'received:1'], [], 0],
    [['begin', 'received:1', 'received:1', 'acked:1'], [], 1],
    [['begin', 'received:1', 'acked:1', 'received:1'], [], 1],
    [['begin', 'begin', 'acked:2', 'acked:1', 'received:2'], [1], 0],
  ])('%j: missing %j, %d repeated', (events, missing, repeated) => {
    const result = account(...events);
    expect([result.missing(), result.repeatedCount]).toEqual([missing, repeated]);
  });
});

describe('the verdict', () => {
  const sound = account('begin', 'acked:1', 'received:1');
  const samples = (perSample: number) => Array.from({ length: 100 }, (_, index) => ({ seconds: index, megabytes: 80 + perSample * index }));
  const result = (changes: Partial<SoakResult>): SoakResult => ({
    ...{ heading: ['heading'], trend: memoryTrend(samples(0)), accounts: [sound], counts: new Map([['visits', 3]]), complaints: [] },
    ...changes,
  });

  test('flat and complete: passed', () => {
    expect(violations(result({}))).toEqual([]);
    expect(report(result({})).trimEnd().endsWith('PASSED')).toBe(true);
  });

  test.each([
    ['a message was lost', { accounts: [sound, account('begin', 'acked:1')] }, 'never received: 1'],
    ['memory grew', { trend: memoryTrend(samples(1)) }, 'memory grew by'],
    ['a retained message is wrong', { complaints: ['retained/1 is gone'] }, 'retained/1 is gone'],
    ['nothing came at all', { accounts: [new Account('silent')] }, 'nothing was received'],
  ])('%s: failed', (_, changes, words) => {
    expect(violations(result(changes)).join('\n')).toContain(words);
    expect(report(result(changes)).trimEnd().endsWith('FAILED')).toBe(true);
  });
});
