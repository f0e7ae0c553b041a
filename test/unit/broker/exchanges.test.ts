import { describe, expect, test } from 'vitest';
import type { ConnectRequest } from '../../../src/gateway/gateway.ts';
import { RECEIVING_MAX } from '../../../src/model/limits.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;

interface Parties {
  readonly clock: FakeClock;
  readonly core: TestCore;
  readonly store: MemoryStore;
  readonly publisher: TestClient;
  readonly subscriber: TestClient;
}

async function connected(store: MemoryStore, client: TestClient, request: ConnectRequest): Promise<void> {
  const connecting = client.connect(request);
  await Promise.resolve();
  await Promise.resolve();
  store.commit();
  await connecting;
}

/** A publisher and a subscriber to `a/#`, over a disk that answers only when the test says `commit()`. */
async function slowDisk(over: Partial<ConnectRequest> = {}): Promise<Parties> {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock, autoCommit: false });
  const core = startCore({ clock, store });
  const publisher = new TestClient(core.context('mqtt'));
  const subscriber = new TestClient(core.context('mqtt'));
  await connected(store, publisher, requestOf('publisher', TRANSIENT));
  await connected(store, subscriber, requestOf('subscriber', over));
  subscriber.subscribe('a/#');
  store.commit();
  return { clock, core, store, publisher, subscriber };
}

const idOf = (client: TestClient, index = 0): number => client.delivered[index]?.packetId ?? 0;

describe('MQTT-4.3.3-2 a QoS 2 PUBLISH whose packet id is not on disk yet', () => {
  test.each([['upstream'], ['asleep'], ['link'], ['subscribing']] as const)(
    'does not leave while `%s` pauses the session, and leaves afterwards',
    async (reason) => {
      const { store, publisher, subscriber } = await slowDisk();
      for (const packetId of [1, 2]) publisher.publish('a/b', String(packetId), { qos: 2, packetId });
      subscriber.session.pause(reason);
      store.commit();
      expect(subscriber.payloads).toEqual([]);
      publisher.publish('a/b', '3', { qos: 2, packetId: 3 });
      store.commit();
      subscriber.session.resume(reason);
      store.commit();
      expect(subscriber.payloads).toEqual(['1', '2', '3']);
      expect(subscriber.delivered.map(({ isDuplicate }) => isDuplicate)).toEqual([false, false, false]);
    },
  );

  test('keeps its place before those that are sent again on a new connection', async () => {
    const { store, publisher, subscriber } = await slowDisk();
    publisher.publish('a/b', '1', { qos: 2, packetId: 1 });
    subscriber.session.pause('upstream');
    subscriber.session.resume('upstream');
    expect(subscriber.payloads).toEqual([]);
    publisher.publish('a/b', '2', { qos: 2, packetId: 2 });
    store.commit();
    store.commit();
    expect(subscriber.payloads).toEqual(['1', '2']);
  });

  test('is sent once when the link was replaced before the commit', async () => {
    const { core, store, publisher, subscriber } = await slowDisk();
    publisher.publish('a/b', '1', { qos: 2, packetId: 1 });
    const again = new TestClient(core.context('mqtt'));
    await connected(store, again, requestOf('subscriber'));
    store.commit();
    expect([...subscriber.payloads, ...again.payloads]).toEqual(['1']);
  });
});

describe('MQTT-4.3.3-4 PUBREL', () => {
  test('does not leave while the client sleeps; the next wake brings it', async () => {
    const { store, publisher, subscriber } = await slowDisk();
    publisher.publish('a/b', '1', { qos: 2, packetId: 1 });
    store.commit();
    subscriber.session.received(idOf(subscriber));
    subscriber.session.pause('asleep');
    store.commit();
    expect(subscriber.released).toEqual([]);
    subscriber.session.wake();
    expect(subscriber.released).toEqual([idOf(subscriber)]);
  });
});

describe('MQTT-4.6.0-1 order of what is given back', () => {
  test('nothing newer overtakes a delivery that was given back', async () => {
    const { store, publisher, subscriber } = await slowDisk();
    publisher.publish('a/b', '1');
    subscriber.session.giveBack(idOf(subscriber));
    publisher.publish('a/b', '2');
    store.commit();
    expect(subscriber.payloads).toEqual(['1']);
    subscriber.session.resume('link');
    expect(subscriber.payloads).toEqual(['1', '1', '2']);
  });

  test('several come again in the order they were first sent in', async () => {
    const { publisher, subscriber } = await slowDisk();
    for (const payload of ['1', '2', '3']) publisher.publish('a/b', payload);
    subscriber.session.pause('link');
    for (const index of [0, 2, 1]) subscriber.session.giveBack(idOf(subscriber, index));
    subscriber.session.resume('link');
    expect(subscriber.payloads.slice(3)).toEqual(['1', '2', '3']);
  });

  test('a delivery sent again on demand is not sent a second time by the resume', async () => {
    const { publisher, subscriber } = await slowDisk();
    publisher.publish('a/b', '1');
    subscriber.session.pause('link');
    subscriber.session.giveBack(idOf(subscriber));
    subscriber.session.resend(idOf(subscriber));
    subscriber.session.resume('link');
    expect(subscriber.payloads).toEqual(['1', '1']);
  });
});

describe('MQTT-4.3.3-10 incoming packet ids', () => {
  async function sensor(isReliableLink: boolean): Promise<{ clock: FakeClock; core: TestCore; client: TestClient }> {
    const clock = new FakeClock();
    const core = startCore({ clock });
    const client = new TestClient(core.context('mqtt-sn'));
    await client.connect(requestOf('sensor', { isReliableLink }));
    return { clock, core, client };
  }

  test('completed ids leave the quarantine when its time is over: they never fill the table', async () => {
    const { clock, core, client } = await sensor(false);
    for (let packetId = 1; packetId <= RECEIVING_MAX + 50; packetId += 1) {
      client.publish('a/b', String(packetId), { qos: 2, packetId, token: packetId });
      client.session.release(packetId);
      if (packetId % 100 === 0) await clock.advanceSeconds(11);
    }
    await settled();
    expect(client.outcomes.filter(([, outcome]) => outcome === 'quota-exceeded')).toEqual([]);
    const [stored] = core.store.sessions.values();
    expect(stored?.receiving.size).toBeLessThan(RECEIVING_MAX);
  });

  test('a second copy of an open id is answered as such even when the table is full', async () => {
    const { core, client } = await sensor(true);
    for (let packetId = 1; packetId <= RECEIVING_MAX; packetId += 1) client.publish('a/b', 'x', { qos: 2, packetId, token: packetId });
    client.publish('a/b', 'x', { qos: 2, packetId: 1, token: 9_001 });
    client.publish('a/b', 'x', { qos: 2, packetId: RECEIVING_MAX + 1, token: 9_002 });
    await settled();
    expect(client.outcomes.slice(-2)).toEqual([
      [9_001, 'accepted'],
      [9_002, 'quota-exceeded'],
    ]);
    expect(core.metric('messages.duplicates')).toBe(1);
  });
});

describe('MQTT-4.3.3-10 a second copy of a message that was taken over', () => {
  test('is answered as the first, whatever its publisher may do by now: its id would stay open, and swallow the next message', async () => {
    const clock = new FakeClock();
    const core = startCore({ clock });
    const watcher = new TestClient(core.context('mqtt'));
    await watcher.connect(requestOf('w', TRANSIENT));
    watcher.subscribe('#');
    const publisher = new TestClient(core.context('mqtt'));
    await publisher.connect(requestOf('p'));
    publisher.publish('a', '1', { qos: 2, packetId: 5, token: 1 });
    await settled();
    publisher.session.disconnect({ publishWill: false });
    core.access.forbids = (action) => action.kind === 'publish';
    core.access.revision += 1;
    await publisher.connect(requestOf('p'));
    publisher.publish('a', '1', { qos: 2, packetId: 5, token: 2 });
    await settled();
    expect(publisher.outcomes).toEqual([
      [1, 'accepted'],
      [2, 'accepted'],
    ]);
    expect(watcher.payloads).toEqual(['1']);
  });
});

describe('MQTT-3.2.2-5 a peer that began a new session', () => {
  test('an id it opened before is new: the next message with it is not swallowed', async () => {
    const { store, publisher, subscriber } = await slowDisk();
    subscriber.publish('in/x', 'old', { qos: 2, packetId: 7, token: 7 });
    store.commit();
    publisher.subscribe('in/#', { qos: 0 });
    subscriber.session.peerForgot();
    subscriber.publish('in/x', 'new', { qos: 2, packetId: 7, token: 7 });
    expect(publisher.payloads).toEqual(['new']);
  });

  test('what it received but did not complete is published again', async () => {
    const { store, publisher, subscriber } = await slowDisk();
    publisher.publish('a/b', '1', { qos: 2, packetId: 1 });
    publisher.publish('a/b', '2', { qos: 2, packetId: 2 });
    store.commit();
    subscriber.session.received(idOf(subscriber));
    store.commit();
    subscriber.session.pause('upstream');
    subscriber.session.peerForgot();
    subscriber.session.resume('upstream');
    store.commit();
    expect(subscriber.delivered.slice(2).map(({ payload, isDuplicate }) => [payload, isDuplicate])).toEqual([
      ['1', false],
      ['2', true],
    ]);
    expect(subscriber.released).toHaveLength(1);
  });
});
