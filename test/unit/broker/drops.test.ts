import { describe, expect, test } from 'vitest';
import { Drops, dropCounters } from '../../../src/broker/drops.ts';
import { DROP_REPORTS_MAX } from '../../../src/model/limits.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLog } from '../../support/recording-log.ts';

function dropsOf() {
  const clock = new FakeClock();
  const log = new RecordingLog();
  const metrics = new MetricsTable();
  return { clock, log, metrics, drops: new Drops({ counters: dropCounters(metrics), clock, log }) };
}

const MINUTE_MS = 60_000;

describe('what queues dropped', () => {
  test('is counted by cause, in all and for each', () => {
    const { metrics, drops } = dropsOf();
    const [a, b] = [drops.of({ realm: 'mqtt', clientId: 'a' }), drops.of({ realm: 'mqtt', clientId: 'b' })];
    a.add('superseded', 3);
    a.add('queue-full');
    b.add('queue-full', 2);
    b.add('expired', 0);
    expect([a.counts, b.counts]).toEqual([{ superseded: 3, 'queue-full': 1 }, { 'queue-full': 2 }]);
    expect(metrics.snapshot()).toMatchObject({ 'messages.dropped.superseded': 3, 'messages.dropped.queue-full': 3, 'messages.dropped.expired': 0 });
  });

  test('at a bound is told once a minute, by client and cause, with what else went meanwhile', async () => {
    const { clock, log, drops } = dropsOf();
    const queue = drops.of({ realm: 'mqtt', clientId: 'panel-1' });
    queue.add('superseded', 5);
    queue.add('queue-full', 2);
    queue.add('superseded');
    queue.add('queue-full-newest');
    await clock.advanceMs(MINUTE_MS);
    queue.add('queue-full', 7);
    await clock.advanceMs(MINUTE_MS);
    const line = { level: 'warn', event: 'queue dropped messages', realm: 'mqtt', clientId: 'panel-1' };
    expect(log.lines).toEqual([
      { ...line, 'queue-full': 2, 'queue-full-newest': 1, superseded: 1 },
      { ...line, 'queue-full': 7 },
    ]);
  });

  test('is told with the name of the queue and nothing else its owner knows', async () => {
    const { clock, log, drops } = dropsOf();
    const session = { realm: 'mqtt', clientId: 'panel-1', will: { payload: 'private' }, subscriptions: new Map() };
    drops.of(session).add('queue-full');
    await clock.advanceMs(MINUTE_MS);
    expect(log.lines).toEqual([{ level: 'warn', event: 'queue dropped messages', realm: 'mqtt', clientId: 'panel-1', 'queue-full': 1 }]);
  });

  test('on purpose is no event', async () => {
    const { clock, log, drops } = dropsOf();
    const queue = drops.of({ realm: 'mqtt', clientId: 'a' });
    for (const cause of ['superseded', 'expired', 'detached', 'refused-by-peer'] as const) queue.add(cause);
    await clock.advanceMs(10 * MINUTE_MS);
    expect(log.lines).toEqual([]);
  });

  test('by more clients than a person reads of is summed up', async () => {
    const { clock, log, drops } = dropsOf();
    for (let index = 0; index < DROP_REPORTS_MAX + 5; index += 1) drops.of({ realm: 'mqtt', clientId: `c${index}` }).add('queue-full');
    await clock.advanceMs(MINUTE_MS);
    expect(log.lines).toHaveLength(DROP_REPORTS_MAX + 1);
    expect(log.lines.at(-1)).toEqual({ level: 'warn', event: 'further queues dropped messages', queues: 5 });
  });
});
