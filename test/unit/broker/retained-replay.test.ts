import { describe, expect, test } from 'vitest';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;
const MANY = 2_500;

interface Bench {
  readonly clock: FakeClock;
  readonly core: TestCore;
  readonly publisher: TestClient;
  readonly client: TestClient;
}

async function bench(store?: MemoryStore, clock = new FakeClock(), count = MANY): Promise<Bench> {
  const core = startCore({ clock, ...(store === undefined ? {} : { store }) });
  const publisher = new TestClient(core.context('mqtt'));
  await publisher.connect(requestOf('p', TRANSIENT));
  for (let n = 0; n < count; n += 1) publisher.publish(`r/${n}`, String(n), { qos: n % 2 === 0 ? 0 : 1, isRetain: true });
  store?.commit();
  await settled();
  return { clock, core, publisher, client: new TestClient(core.context('mqtt')) };
}

describe('MQTT 5 §3.8.4 many retained messages', () => {
  test('come in slices, and other clients get their turns between them', async () => {
    const { clock, client, publisher } = await bench();
    await client.connect(requestOf('c', TRANSIENT));
    client.subscribe('r/#', { qos: 0 });
    const first = client.delivered.length;
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(MANY);
    publisher.publish('other', 'in between', { qos: 0 });
    await clock.advanceMs(10);
    expect(new Set(client.payloads).size).toBe(MANY);
    expect(client.delivered).toHaveLength(MANY);
  });

  test('wait in the index while the link is full: nothing is queued for them', async () => {
    const { clock, core, client } = await bench();
    await client.connect(requestOf('c', TRANSIENT));
    client.session.pause('link');
    client.subscribe('r/#', { qos: 0 });
    await clock.advanceSeconds(1);
    expect(client.delivered).toEqual([]);
    client.session.resume('link');
    await clock.advanceSeconds(1);
    expect(client.delivered).toHaveLength(MANY);
    expect(core.metric('messages.dropped.queue-full')).toBe(0);
  });

  test('follow the in-flight window', async () => {
    const { clock, client } = await bench(undefined, new FakeClock(), 20);
    await client.connect(requestOf('c', { ...TRANSIENT, inflightMax: 2 }));
    client.subscribe('r/#', { qos: 1 });
    while (client.delivered.length < 20) {
      const open = client.delivered.filter(({ packetId }) => packetId !== 0).at(-1);
      expect(client.session.settle(open?.packetId ?? 0)).toBe(true);
      await clock.advanceMs(1);
    }
    expect(new Set(client.payloads).size).toBe(20);
  });

  test('what is published meanwhile comes once, as it is published', async () => {
    const { clock, client, publisher } = await bench();
    await client.connect(requestOf('c', TRANSIENT));
    client.subscribe('r/#', { qos: 0 });
    publisher.publish(`r/${MANY - 1}`, 'new', { qos: 0, isRetain: true });
    publisher.publish('r/x', 'more', { qos: 0, isRetain: true });
    await clock.advanceMs(10);
    const last = client.delivered.filter(({ topic }) => topic === `r/${MANY - 1}`);
    expect(last.map(({ payload, isRetain }) => [payload, isRetain])).toEqual([['new', false]]);
    expect(client.delivered.filter(({ topic }) => topic === 'r/x')).toHaveLength(1);
    expect(client.delivered).toHaveLength(MANY + 1);
  });

  test('end with the subscription, and begin anew when it is repeated', async () => {
    const { clock, client } = await bench();
    await client.connect(requestOf('c', TRANSIENT));
    client.subscribe('r/#', { qos: 0 });
    client.subscribe('r/#', { qos: 0 });
    await clock.advanceMs(10);
    expect(client.delivered.length).toBeLessThan(2 * MANY);
    expect(new Set(client.payloads).size).toBe(MANY);
  });

  test('STORE 2: those of a stored session are on disk before SUBACK', async () => {
    const clock = new FakeClock();
    const { client, core } = await bench(new MemoryStore({ clock, autoCommit: true }), clock);
    await client.connect(requestOf('c'));
    client.session.pause('subscribing');
    client.subscribe('r/#', { qos: 1 });
    let isAnswered = false;
    client.session.whenDurable(() => {
      isAnswered = true;
    });
    await settled();
    expect(isAnswered).toBe(false);
    await clock.advanceMs(10);
    await settled();
    expect(isAnswered).toBe(true);
    const stored = [...core.store.sessions.values()].find(({ clientId }) => clientId === 'c');
    expect(stored?.queue.count).toBe(MANY / 2);
    client.session.resume('subscribing');
    for (let at = 0; at < client.delivered.length; at += 1) client.session.settle(client.delivered[at]?.packetId ?? 0);
    await clock.advanceMs(10);
    expect(client.delivered.filter(({ qos }) => qos === 0)).toHaveLength(MANY / 2);
    expect(new Set(client.payloads).size).toBe(MANY);
  });
});
