// A client's further queues: a window and a lifetime of their own, its rights, and nothing that makes them look like clients.
import { describe, expect, test } from 'vitest';
import { DEFAULT_BROKER_SETTINGS } from '../../../src/broker/broker.ts';
import { startCore } from '../../support/core.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

async function start() {
  const clock = new FakeClock();
  const core = startCore({ clock, store: new MemoryStore({ clock, autoCommit: true }), settings: DEFAULT_BROKER_SETTINGS });
  const context = core.context('stomp');
  const main = new TestClient(context);
  await main.connect(requestOf('app', { sessionExpirySeconds: 0 }));
  const publisher = new TestClient(core.context('mqtt'));
  await publisher.connect(requestOf('publisher'));
  const further = async (name: string, over: Parameters<typeof requestOf>[1] = {}): Promise<TestClient> => {
    const client = new TestClient(context);
    await client.connect(requestOf(name, { within: main.session, ...over }));
    return client;
  };
  return { core, main, publisher, further };
}

describe('a further queue of a client', () => {
  test('has its rights, with nobody asked who it is', async () => {
    const { core, main, further } = await start();
    core.access.authenticate = async () => ({ kind: 'deny', reason: 'bad-credentials' });
    core.access.forbids = ({ kind }, principal) => kind === 'subscribe' && principal.clientId !== 'app/1';
    const queue = await further('app/1');
    expect(queue.subscribe('a')).toBe('granted');
    expect(main.subscribe('a')).toBe('denied');
  });

  test('is no client that connects or goes', async () => {
    const { core, further } = await start();
    const queue = await further('app/1');
    expect(core.broker.connectedCount).toBe(2);
    queue.session.disconnect({ publishWill: false });
    expect(core.access.gone).toEqual([]);
  });

  test('has a window of its own and collects while nobody takes from it', async () => {
    const { publisher, further } = await start();
    const queue = await further('app/1', { inflightMax: 1 });
    queue.subscribe('a');
    for (const text of ['1', '2']) publisher.publish('a', text, { qos: 1 });
    expect(queue.payloads).toEqual(['1']);
    queue.session.disconnect({ publishWill: false });
    const again = await further('app/1', { inflightMax: 5 });
    expect(again.payloads).toEqual(['1', '2']);
  });

  test('is another user’s to take over as little as a session is', async () => {
    const { core, further } = await start();
    await further('app/1');
    const other = new TestClient(core.context('stomp'));
    const { credentials, ...request } = requestOf('other');
    await other.connect({ ...request, credentials: { ...credentials, username: 'mallory' } });
    const thief = new TestClient(core.context('stomp'));
    expect(await thief.connect(requestOf('app/1', { within: other.session }))).toEqual({ kind: 'refused', reason: 'identifier-taken' });
  });
});

test('what is done atomically is in one group of the store', async () => {
  const { core, main } = await start();
  const groups: number[] = [];
  const { store } = core;
  const together = store.together.bind(store);
  let depth = 0;
  store.together = <T>(run: () => T): T => {
    depth += 1;
    const result = together(run);
    depth -= 1;
    return result;
  };
  main.subscribe('a');
  main.session.atomically(() => {
    groups.push(depth);
    main.publish('a', '1', { qos: 1 });
    main.publish('a', '2', { qos: 1 });
  });
  expect(groups).toEqual([1]);
  expect(main.outcomes.map(([, outcome]) => outcome)).toEqual(['accepted', 'accepted']);
});
