import { expect, test } from 'vitest';
import { MetricsTable } from '../../../src/model/metrics.ts';
import { createAccess } from '../../../src/runtime/access-factory.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { configWith } from '../config/config-file.ts';

test('whoever was banned, or let in again, is in the log', () => {
  const clock = new FakeClock();
  const log = new RecordingLog();
  const access = createAccess(configWith({ yaml: '' }).access, { store: new MemoryStore({ clock }), clock, log, metrics: new MetricsTable() });
  const kicked: unknown[] = [];
  const book = access.banBook({ kick: (isMeant) => kicked.push(isMeant) });
  book.add({ kind: 'client', value: 'valve-1', seconds: 60, reason: 'too loud' });
  book.add({ kind: 'address', value: '192.0.2.0/24', seconds: Number.POSITIVE_INFINITY, reason: '' });
  book.remove('client', 'valve-1');
  book.remove('client', 'valve-1');
  expect(() => book.add({ kind: 'address', value: 'nowhere', seconds: 60, reason: '' })).toThrow();
  expect(log.lines).toEqual([
    { level: 'info', event: 'ban added', kind: 'client', value: 'valve-1', seconds: 60, reason: 'too loud', linksEnded: 1 },
    { level: 'info', event: 'ban added', kind: 'address', value: '192.0.2.0/24', seconds: 'for good', reason: undefined, linksEnded: 2 },
    { level: 'info', event: 'ban removed', kind: 'client', value: 'valve-1' },
  ]);
});
