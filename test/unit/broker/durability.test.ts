import { describe, expect, test } from 'vitest';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

/** A core whose disk answers only when the test says `commit()`. */
async function slowDisk(): Promise<{ core: TestCore; store: MemoryStore; publisher: TestClient; subscriber: TestClient }> {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock, autoCommit: false });
  const core = startCore({ clock, store });
  const context = core.context('mqtt');
  const publisher = new TestClient(context);
  const subscriber = new TestClient(context);
  await connected(store, publisher, 'publisher');
  await connected(store, subscriber, 'subscriber');
  subscriber.subscribe('a/#');
  store.commit();
  return { core, store, publisher, subscriber };
}

async function connected(store: MemoryStore, client: TestClient, id: string): Promise<void> {
  const connecting = client.connect(requestOf(id));
  await Promise.resolve();
  await Promise.resolve();
  store.commit();
  await connecting;
}

describe('acknowledge after disk', () => {
  test('PUBACK waits for the commit; QoS 1 is delivered before it', async () => {
    const { store, publisher, subscriber } = await slowDisk();
    publisher.publish('a/1', 'x', { qos: 1, token: 7 });
    expect(publisher.outcomes).toEqual([]);
    expect(subscriber.payloads).toEqual(['x']);
    store.commit();
    expect(publisher.outcomes).toEqual([[7, 'accepted']]);
  });

  test('MQTT-3.1.4-5: CONNACK to a clean session waits until the stored one it ends is gone from the disk', async () => {
    const { core, store } = await slowDisk();
    const again = new TestClient(core.context('mqtt'));
    let isAnswered = false;
    const connecting = again.connect(requestOf('subscriber', { cleanStart: true, sessionExpirySeconds: 0 })).then(() => {
      isAnswered = true;
    });
    await settled();
    expect(isAnswered).toBe(false);
    store.commit();
    await connecting;
    expect(isAnswered).toBe(true);
  });

  test('an outgoing QoS 2 PUBLISH waits for the commit that holds its packet id', async () => {
    const { store, publisher, subscriber } = await slowDisk();
    publisher.publish('a/1', 'x', { qos: 2, token: 7, packetId: 7 });
    expect(subscriber.payloads).toEqual([]);
    store.commit();
    expect(subscriber.payloads).toEqual(['x']);
  });

  test('PUBREL waits for the commit that records PUBREC', async () => {
    const { store, publisher, subscriber } = await slowDisk();
    publisher.publish('a/1', 'x', { qos: 2, packetId: 7 });
    store.commit();
    const packetId = subscriber.delivered[0]?.packetId ?? 0;
    subscriber.session.received(packetId);
    expect(subscriber.released).toEqual([]);
    store.commit();
    expect(subscriber.released).toEqual([packetId]);
  });

  test('PUBCOMP waits for the commit that forgets the packet id', async () => {
    const { store, publisher } = await slowDisk();
    publisher.publish('a/1', 'x', { qos: 2, token: 7, packetId: 7 });
    store.commit();
    publisher.session.release(7);
    expect(publisher.completions).toEqual([]);
    store.commit();
    expect(publisher.completions).toEqual([[7, true]]);
  });

  test('MQTT-4.6.0-2: an answer that needs no disk does not overtake one that waits', async () => {
    const { store, publisher } = await slowDisk();
    publisher.publish('a/1', 'x', { token: 1 });
    publisher.publish('nobody/listens', 'y', { token: 2 });
    expect(publisher.outcomes).toEqual([]);
    store.commit();
    expect(publisher.outcomes).toEqual([
      [1, 'accepted'],
      [2, 'no-subscribers'],
    ]);
  });

  test('a message that matches no stored queue is answered at once', async () => {
    const { publisher } = await slowDisk();
    publisher.publish('nobody/listens', 'y', { token: 2 });
    expect(publisher.outcomes).toEqual([[2, 'no-subscribers']]);
  });

  test('MQTT-4.3.3-10: a second copy of an open QoS 2 id is answered after the first one is on disk, and not delivered again', async () => {
    const { store, publisher, subscriber } = await slowDisk();
    publisher.publish('a/1', 'x', { qos: 2, token: 7, packetId: 7 });
    publisher.publish('a/1', 'x', { qos: 2, token: 7, packetId: 7 });
    expect(publisher.outcomes).toEqual([]);
    store.commit();
    expect(publisher.outcomes).toEqual([
      [7, 'accepted'],
      [7, 'accepted'],
    ]);
    store.commit();
    expect(subscriber.payloads).toEqual(['x']);
  });

  test('an answer for a link that is gone reaches no later link', async () => {
    const { store, publisher } = await slowDisk();
    publisher.publish('a/1', 'x', { token: 7 });
    publisher.session.disconnect({ publishWill: false });
    const reconnecting = publisher.connect(requestOf('publisher'));
    await Promise.resolve();
    await Promise.resolve();
    store.commit();
    await reconnecting;
    expect(publisher.outcomes).toEqual([]);
  });
});
