import { describe, expect, test } from 'vitest';
import type { ConnectRequest, Will } from '../../../src/gateway/gateway.ts';
import { topicName } from '../../../src/model/topic.ts';
import type { StoredSession } from '../../../src/session/session-store.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { policyOf, requestOf, TestClient } from '../../support/test-client.ts';

const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;
const BRIDGE: Partial<ConnectRequest> = { queue: policyOf({ messagesMax: 3, whenFull: 'refuse' }), queueQos0: true };

interface Parties {
  readonly clock: FakeClock;
  readonly core: TestCore;
  readonly bridge: TestClient;
  readonly publisher: TestClient;
}

/** A bridge whose upstream is down, subscribed to `up/#`, and a publisher. */
async function bridged(): Promise<Parties> {
  const clock = new FakeClock();
  const core = startCore({ clock, settings: { queue: { ...policyOf(), rules: [] } } });
  const bridge = new TestClient(core.context('bridge:centre'));
  const publisher = new TestClient(core.context('mqtt'));
  await bridge.connect(requestOf('bridge:centre', BRIDGE));
  bridge.session.pause('upstream');
  bridge.subscribe('up/#', { noLocal: true });
  await publisher.connect(requestOf('p', TRANSIENT));
  return { clock, core, bridge, publisher };
}

const will = (core: TestCore, topic: string): Will => ({
  draft: { topic: core.context('mqtt').topics.intern(topicName(topic)), payload: Buffer.from('gone'), qos: 1, isRetain: false },
  delaySeconds: 0,
});

describe('STORE 1: a queue that refuses', () => {
  test('refuses nobody whose message would not go into it: not its own session under No Local', async () => {
    const { bridge, publisher } = await bridged();
    for (const payload of ['1', '2', '3']) publisher.publish('up/a', payload);
    bridge.publish('up/a', 'from the remote', { token: 5 });
    publisher.publish('up/a', '4', { token: 4 });
    await settled();
    expect(bridge.outcomes).toEqual([[5, 'accepted']]);
    expect(publisher.outcomes).toContainEqual([4, 'quota-exceeded']);
  });

  test.each(['$share/g/up/#', '$queue/up/#'])('is no member of a group, whose queue drops its oldest: %s', async (filter) => {
    const { bridge } = await bridged();
    expect(bridge.subscribe(filter)).toBe('denied');
  });

  test('a will cannot be held back: it is taken all the same', async () => {
    const { core, bridge, publisher } = await bridged();
    const sensor = new TestClient(core.context('mqtt'));
    await sensor.connect(requestOf('sensor', { ...TRANSIENT, will: will(core, 'up/will') }));
    for (const payload of ['1', '2', '3']) publisher.publish('up/a', payload);
    sensor.session.disconnect({ publishWill: true });
    bridge.session.resume('upstream');
    await settled();
    for (const { packetId } of bridge.delivered) bridge.session.settle(packetId);
    expect(bridge.payloads).toEqual(['1', '2', '3', 'gone']);
  });

  test('a delayed message waits until there is room: it was acknowledged, and the queue keeps its bound', async () => {
    const { clock, core, bridge, publisher } = await bridged();
    publisher.publish('$delayed/1/up/a', '4');
    publisher.publish('$delayed/1/up/a', '5');
    publisher.publish('$delayed/1/down/a', 'elsewhere');
    publisher.subscribe('down/a');
    for (const payload of ['1', '2', '3']) publisher.publish('up/a', payload);
    await clock.advanceSeconds(10);
    const stored = [...core.store.sessions.values()].find(({ clientId }) => clientId === 'bridge:centre');
    expect(stored?.queue.count).toBe(3);
    expect(publisher.payloads).toEqual(['elsewhere']);
    bridge.session.resume('upstream');
    for (const { packetId } of bridge.delivered) bridge.session.settle(packetId);
    await clock.advanceSeconds(10);
    expect(bridge.payloads).toEqual(['1', '2', '3', '4', '5']);
    expect(core.metric('delayed.messages')).toBe(0);
  });

  test('goes on refusing after a restart, before its bridge is back, and drops nothing', async () => {
    const { clock, core, publisher } = await bridged();
    for (const payload of ['1', '2', '3']) publisher.publish('up/a', payload);
    await settled();
    const second = startCore({ clock, store: core.store.reopened({ wasClean: false }), settings: { queue: { ...policyOf(), rules: [] } } });
    const other = new TestClient(second.context('mqtt'));
    await other.connect(requestOf('p', TRANSIENT));
    other.publish('up/a', '4', { token: 4 });
    await settled();
    expect(other.outcomes).toEqual([[4, 'quota-exceeded']]);
    expect(second.store.status().queuedMessages).toBe(3);
  });

  test('goes on refusing on what an earlier version noted of it', async () => {
    const { clock, core } = await bridged();
    const stored = core.store.sessions.get('bridge:centre\0bridge:centre') as StoredSession;
    const noted = { queueQos0: true, whenQueueIsFull: 'refuse', queueLimits: { messagesMax: 1, bytesMax: 1_000_000 } };
    core.store.putState(stored, '\0queue', Buffer.from(JSON.stringify(noted)));
    await settled();
    const second = startCore({ clock, store: core.store.reopened({ wasClean: false }) });
    const other = new TestClient(second.context('mqtt'));
    await other.connect(requestOf('p', TRANSIENT));
    other.publish('up/a', 'zero', { qos: 0 });
    other.publish('up/a', '2', { token: 2 });
    await settled();
    expect(other.outcomes).toContainEqual([2, 'quota-exceeded']);
    expect(second.store.status().queuedMessages).toBe(1);
  });

  test('queues QoS 0 after a restart, before its bridge is back', async () => {
    const { clock, core } = await bridged();
    const second = startCore({ clock, store: core.store.reopened({ wasClean: false }) });
    const other = new TestClient(second.context('mqtt'));
    await other.connect(requestOf('p', TRANSIENT));
    other.publish('up/a', 'zero', { qos: 0 });
    expect(second.store.status().queuedMessages).toBe(1);
  });

  test('what a gateway finds in the state of its session is its own', async () => {
    const { bridge } = await bridged();
    bridge.session.state.put('key', Buffer.from('value'));
    expect([...bridge.session.state.entries()].map(([key]) => key)).toEqual(['key']);
  });
});

describe('a store that is behind', () => {
  test('takes no QoS 0 either, which no publisher can be asked to hold back: it is dropped, counted', async () => {
    const { core, bridge, publisher } = await bridged();
    core.store.isCongested = true;
    publisher.publish('up/a', 'queued', { qos: 0 });
    publisher.publish('else', 'retained', { qos: 0, isRetain: true });
    expect(core.store.status()).toMatchObject({ queuedMessages: 0, retainedMessages: 0 });
    expect(core.metric('messages.dropped.queue-full')).toBe(1);
    expect(core.metric('retained.refused')).toBe(1);
    bridge.session.resume('upstream');
    publisher.publish('up/a', 'live', { qos: 0 });
    expect(bridge.payloads).toEqual(['live']);
  });
});

describe('a bridge taken out of the configuration', () => {
  test('its full queue holds nobody back any more, and what it holds stays', async () => {
    const clock = new FakeClock();
    const first = startCore({ clock });
    const bridge = new TestClient(first.context('bridge:old'));
    await bridge.connect(requestOf('bridge:old', { queue: policyOf({ messagesMax: 1, whenFull: 'refuse' }) }));
    bridge.subscribe('a/#', { qos: 1 });
    bridge.session.pause('upstream');
    const publisher = new TestClient(first.context('mqtt'));
    await publisher.connect(requestOf('p', { cleanStart: true, sessionExpirySeconds: 0 }));
    publisher.publish('a/1', 'kept');
    await settled();

    const second = startCore({ clock, store: first.store.reopened({ wasClean: true }) });
    second.broker.retire((realm) => realm.startsWith('bridge:'));
    const again = new TestClient(second.context('mqtt'));
    await again.connect(requestOf('p', { cleanStart: true, sessionExpirySeconds: 0 }));
    again.publish('a/1', 'more', { token: 2 });
    await settled();
    expect(again.outcomes).toEqual([[2, 'no-subscribers']]);
    expect(second.store.status().queuedMessages).toBe(1);
  });
});
