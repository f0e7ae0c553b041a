import { describe, expect, test } from 'vitest';
import { QUEUES_LISTED_MAX } from '../../../src/model/limits.ts';
import { startCore } from '../../support/core.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { policyOf, requestOf, TestClient } from '../../support/test-client.ts';

const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;

async function away(settings: Parameters<typeof startCore>[0]['settings'], ...ids: readonly string[]) {
  const core = startCore({ clock: new FakeClock(), ...(settings && { settings }) });
  const publisher = new TestClient(core.context('mqtt'));
  await publisher.connect(requestOf('publisher', TRANSIENT));
  for (const id of ids) {
    const client = new TestClient(core.context('mqtt'));
    await client.connect(requestOf(id));
    client.subscribe(`${id}/#`, { qos: 1 });
    client.session.disconnect({ publishWill: false });
  }
  return { core, publisher };
}

describe('the list of queues', () => {
  test('names those that hold or dropped something, greatest loss first, with what and why', async () => {
    const { core, publisher } = await away({ queue: { ...policyOf(), rules: [] } }, 'idle', 'full', 'waiting');
    for (const payload of ['1', '2', '3']) publisher.publish('full/a', payload);
    publisher.publish('waiting/a', '1');
    expect(core.broker.queues(undefined)).toEqual({
      queues: [
        { realm: 'mqtt', clientId: 'full', isConnected: false, messages: 2, bytes: 14, messagesInMemory: 0, inflight: 0, dropped: { 'queue-full': 1 } },
        { realm: 'mqtt', clientId: 'waiting', isConnected: false, messages: 1, bytes: 10, messagesInMemory: 0, inflight: 0, dropped: {} },
      ],
      further: 0,
    });
  });

  test('of one client is told even when it is empty', async () => {
    const { core } = await away(undefined, 'idle');
    expect(core.broker.queues('idle').queues).toMatchObject([{ clientId: 'idle', messages: 0, dropped: {} }]);
    expect(core.broker.queues('nobody')).toEqual({ queues: [], further: 0 });
  });

  test('shows what is in flight and in memory, and shared groups under their filter', async () => {
    const { core, publisher } = await away(undefined);
    const client = new TestClient(core.context('mqtt'));
    await client.connect(requestOf('slow', { inflightMax: 1 }));
    for (const filter of ['a', '$share/g/b']) client.subscribe(filter, { qos: 1 });
    publisher.publish('a', '1');
    publisher.publish('a', '2');
    client.session.pause('link');
    publisher.publish('a', '0', { qos: 0 });
    publisher.publish('b', '1');
    expect(core.broker.queues(undefined).queues).toMatchObject([
      { clientId: 'slow', isConnected: true, messages: 2, messagesInMemory: 1, inflight: 1 },
      { realm: '$share', clientId: '$share/g/b', isConnected: true, messages: 1 },
    ]);
  });

  test('a bridge whose remote is out of reach is not connected, in the list and in the figures', async () => {
    const { core } = await away(undefined);
    const bridge = new TestClient(core.context('bridge:centre'));
    await bridge.connect(requestOf('bridge:centre'));
    const seen = () => [core.broker.queues('bridge:centre').queues[0]?.isConnected, core.broker.connectedCount, core.metric('sessions.connected')];
    expect(seen()).toEqual([true, 2, 2]);
    bridge.session.pause('upstream');
    expect(seen()).toEqual([false, 1, 1]);
    bridge.session.resume('upstream');
    expect(seen()).toEqual([true, 2, 2]);
    bridge.session.pause('upstream');
    await bridge.connect(requestOf('bridge:centre'));
    expect(seen()).toEqual([true, 2, 2]);
  });

  test('is bounded', async () => {
    const ids = Array.from({ length: QUEUES_LISTED_MAX + 3 }, (_, index) => `c${index}`);
    const { core, publisher } = await away(undefined, ...ids);
    for (const id of ids) publisher.publish(`${id}/a`, 'x');
    const { queues, further } = core.broker.queues(undefined);
    expect([queues.length, further]).toEqual([QUEUES_LISTED_MAX, 3]);
  });
});
