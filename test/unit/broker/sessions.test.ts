import { describe, expect, test } from 'vitest';
import type { Will } from '../../../src/gateway/gateway.ts';
import { topicFilter, topicName } from '../../../src/model/topic.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;

function start() {
  const clock = new FakeClock();
  const core = startCore({ clock });
  const client = () => new TestClient(core.context('mqtt'));
  return { clock, core, client };
}

describe('MQTT 5 §3.1.2.4 Clean Start and §4.1 Session State', () => {
  test.each([
    ['MQTT-3.1.2-5: Clean Start 0 resumes', { cleanStart: false }, true],
    ['MQTT-3.1.2-4: Clean Start 1 drops', { cleanStart: true }, false],
  ])('%s', async (_, over, isPresent) => {
    const { client, core } = start();
    const first = client();
    await first.connect(requestOf('c'));
    first.subscribe('a/#');
    first.session.disconnect({ publishWill: false });
    const second = client();
    await second.connect(requestOf('c', over));
    expect(second.isSessionPresent).toBe(isPresent);
    const publisher = client();
    await publisher.connect(requestOf('p', TRANSIENT));
    publisher.publish('a/b', 'x', { qos: 0 });
    expect(second.payloads).toEqual(isPresent ? ['x'] : []);
    expect(core.store.sessions.size).toBe(1);
  });

  test("one session's subscriptions are not another's, who has none or had some", async () => {
    const { client } = start();
    const [subscriber, other, former] = [client(), client(), client()];
    await subscriber.connect(requestOf('s', TRANSIENT));
    await other.connect(requestOf('o', TRANSIENT));
    await former.connect(requestOf('f', TRANSIENT));
    former.subscribe('a/#');
    expect(former.session.unsubscribe(topicFilter('a/#'))).toBe(true);
    subscriber.subscribe('a/#');
    for (const { session } of [other, former]) expect(session.unsubscribe(topicFilter('a/#'))).toBe(false);
    other.publish('a/b', 'x', { qos: 0 });
    expect([subscriber.payloads, other.payloads, former.payloads]).toEqual([['x'], [], []]);
  });

  test('MQTT-4.1.0-2: a session ends when its expiry has passed, not before', async () => {
    const { clock, client, core } = start();
    const first = client();
    await first.connect(requestOf('c', { sessionExpirySeconds: 60 }));
    first.session.disconnect({ publishWill: false });
    await clock.advanceSeconds(59);
    expect(core.broker.sessionCount).toBe(1);
    await clock.advanceSeconds(1);
    expect(core.broker.sessionCount).toBe(0);
    expect(core.store.sessions.size).toBe(0);
    expect(core.metric('sessions.expired')).toBe(1);
  });

  test('§3.14.2.2.2: DISCONNECT may shorten the expiry to nothing', async () => {
    const { client, core } = start();
    const first = client();
    await first.connect(requestOf('c'));
    first.session.disconnect({ publishWill: false, sessionExpirySeconds: 0 });
    expect(core.store.sessions.size).toBe(0);
  });

  test('MQTT-3.1.4-3: a second connection takes the session over', async () => {
    const { client, core } = start();
    const first = client();
    await first.connect(requestOf('c'));
    first.subscribe('a/#');
    const second = client();
    await second.connect(requestOf('c'));
    expect(first.ends).toEqual(['taken-over']);
    expect(second.isSessionPresent).toBe(true);
    expect(core.metric('sessions.taken-over')).toBe(1);
  });

  test('two connections of one client at once: the later one wins, the earlier is refused', async () => {
    const { client } = start();
    const first = client();
    const second = client();
    const [one, two] = await Promise.all([first.connect(requestOf('c')), second.connect(requestOf('c'))]);
    expect(one).toEqual({ kind: 'refused', reason: 'unavailable' });
    expect(two.kind).toBe('accepted');
  });

  test('a stored session belongs to the principal that made it', async () => {
    const { client } = start();
    const owner = client();
    const request = requestOf('c');
    await owner.connect({ ...request, credentials: { ...request.credentials, username: 'alice' } });
    owner.session.disconnect({ publishWill: false });
    const thief = client();
    const outcome = await thief.connect({ ...request, credentials: { ...request.credentials, username: 'mallory' } });
    expect(outcome).toEqual({ kind: 'refused', reason: 'identifier-taken' });
  });

  test('a session is (realm, client id): the same id through another gateway is another session', async () => {
    const { core } = start();
    const mqtt = new TestClient(core.context('mqtt'));
    const sensor = new TestClient(core.context('mqtt-sn'));
    await mqtt.connect(requestOf('c'));
    await sensor.connect(requestOf('c'));
    expect(mqtt.ends).toEqual([]);
    expect(core.store.sessions.size).toBe(2);
  });

  test('at the bound of sessions a new client is refused, a known one is not', async () => {
    const clock = new FakeClock();
    const core = startCore({ clock, settings: { sessionsMax: 1 } });
    const first = new TestClient(core.context('mqtt'));
    await first.connect(requestOf('c'));
    const second = new TestClient(core.context('mqtt'));
    expect(await second.connect(requestOf('d'))).toEqual({ kind: 'refused', reason: 'busy' });
    expect((await second.connect(requestOf('c'))).kind).toBe('accepted');
  });
});

describe('MQTT 5 §3.1.2.5 the Will', () => {
  const will = (core: TestCore, delaySeconds: number): Will => ({
    draft: { topic: core.context('mqtt').topics.intern(topicName('will/c')), payload: Buffer.from('gone'), qos: 1, isRetain: false },
    delaySeconds,
  });

  async function watched(delaySeconds: number, over = {}) {
    const made = start();
    const watcher = made.client();
    await watcher.connect(requestOf('watcher', TRANSIENT));
    watcher.subscribe('will/#');
    const sensor = made.client();
    await sensor.connect(requestOf('c', { will: will(made.core, delaySeconds), ...over }));
    return { ...made, watcher, sensor };
  }

  test('MQTT-3.1.2-8: published when the link goes without goodbye', async () => {
    const { sensor, watcher } = await watched(0);
    sensor.session.disconnect({ publishWill: true });
    expect(watcher.payloads).toEqual(['gone']);
  });

  test('MQTT-3.14.4-3: not published after a goodbye', async () => {
    const { clock, sensor, watcher } = await watched(0);
    sensor.session.disconnect({ publishWill: false });
    await clock.advanceSeconds(1_000);
    expect(watcher.payloads).toEqual([]);
  });

  test('§3.1.3.2.2: waits for its delay, and a client that returns in time silences it', async () => {
    const { clock, client, sensor, watcher } = await watched(30);
    sensor.session.disconnect({ publishWill: true });
    await clock.advanceSeconds(29);
    expect(watcher.payloads).toEqual([]);
    const again = client();
    await again.connect(requestOf('c'));
    await clock.advanceSeconds(60);
    expect(watcher.payloads).toEqual([]);
  });

  test('§3.1.3.2.2: fires when the delay has passed', async () => {
    const { clock, sensor, watcher } = await watched(30);
    sensor.session.disconnect({ publishWill: true });
    await clock.advanceSeconds(30);
    expect(watcher.payloads).toEqual(['gone']);
    await clock.advanceSeconds(300);
    expect(watcher.payloads).toEqual(['gone']);
  });

  test('§3.1.3.2.2: fires with the end of the session when that comes first', async () => {
    const { clock, sensor, watcher } = await watched(30, { sessionExpirySeconds: 10 });
    sensor.session.disconnect({ publishWill: true });
    await clock.advanceSeconds(10);
    expect(watcher.payloads).toEqual(['gone']);
  });

  test.each([
    ['Clean Start 0 and no delay: it goes out', 0, { cleanStart: false }, ['gone']],
    ['Clean Start 0 and a delay: it is cancelled', 30, { cleanStart: false }, []],
    ['Clean Start 1 ends the session: it goes out', 30, { cleanStart: true }, ['gone']],
  ])('taken over, %s', async (_, delaySeconds, over, payloads) => {
    const { clock, client, watcher } = await watched(delaySeconds);
    await client().connect(requestOf('c', over));
    await clock.advanceSeconds(60);
    expect(watcher.payloads).toEqual(payloads);
  });

  test('permission is asked again when it fires', async () => {
    const { core, sensor, watcher } = await watched(0);
    core.access.forbids = (action) => action.kind === 'publish' && action.topic === 'will/c';
    core.access.revision += 1;
    sensor.session.disconnect({ publishWill: true });
    expect(watcher.payloads).toEqual([]);
    expect(core.metric('messages.denied')).toBe(1);
  });

  test('the will of a session that ends with its link is stored all the same, and forgotten with it', async () => {
    const { core, sensor } = await watched(0, TRANSIENT);
    expect(core.store.sessions.size).toBe(1);
    sensor.session.disconnect({ publishWill: false });
    await settled();
    expect(core.store.sessions.size).toBe(0);
  });
});

describe('MQTT 5 §3.3.1.3 RETAIN and §3.8.3.1 Retain Handling', () => {
  async function retaining() {
    const made = start();
    const publisher = made.client();
    await publisher.connect(requestOf('p', TRANSIENT));
    publisher.publish('a/1', 'one', { isRetain: true });
    publisher.publish('a/2', 'two', { isRetain: true });
    const subscriber = made.client();
    await subscriber.connect(requestOf('s', { inflightMax: 100 }));
    return { ...made, publisher, subscriber };
  }

  test('MQTT-3.3.1-5, §3.3.1.3: the last one of each topic comes with RETAIN set on subscribe', async () => {
    const { publisher, subscriber } = await retaining();
    publisher.publish('a/1', 'newer', { isRetain: true });
    subscriber.subscribe('a/#', { qos: 1 });
    expect(subscriber.delivered.map(({ payload, isRetain }) => [payload, isRetain]).sort()).toEqual([
      ['newer', true],
      ['two', true],
    ]);
  });

  test('MQTT-3.3.1-6, -7: an empty payload is delivered and clears', async () => {
    const { publisher, subscriber, core } = await retaining();
    publisher.publish('a/1', '', { isRetain: true });
    subscriber.subscribe('a/#', { qos: 1 });
    expect(subscriber.payloads).toEqual(['two']);
    await settled();
    expect([...core.store.retained.keys()]).toEqual(['a/2']);
  });

  test.each([
    ['MQTT-3.3.1-9: 0 sends always', 0, 4],
    ['MQTT-3.3.1-10: 1 only for a new subscription', 1, 2],
    ['MQTT-3.3.1-11: 2 never', 2, 0],
  ] as const)('%s', async (_, retainHandling, count) => {
    const { subscriber } = await retaining();
    subscriber.subscribe('a/#', { retainHandling, qos: 0 });
    subscriber.subscribe('a/#', { retainHandling, qos: 0 });
    expect(subscriber.payloads.length).toBe(count);
  });

  test.each([
    ['MQTT-3.3.1-12: Retain As Published 0 clears the flag', false],
    ['MQTT-3.3.1-13: Retain As Published 1 keeps it', true],
  ])('%s', async (_, retainAsPublished) => {
    const { publisher, subscriber } = await retaining();
    subscriber.subscribe('b', { retainAsPublished, qos: 0 });
    publisher.publish('b', 'x', { isRetain: true });
    expect(subscriber.delivered.map(({ isRetain }) => isRetain)).toEqual([retainAsPublished]);
  });

  test('a replay to a stored session is stored, and does not retain again', async () => {
    const { core, subscriber } = await retaining();
    subscriber.session.pause('link');
    subscriber.subscribe('a/1', { qos: 1 });
    expect(core.store.status().queuedMessages).toBe(1);
    expect([...core.store.retained.keys()].sort()).toEqual(['a/1', 'a/2']);
  });

  test('the bound of retained messages is named and counted; known topics still change', async () => {
    const clock = new FakeClock();
    const core = startCore({ clock, settings: { retainedLimits: { messagesMax: 1, bytesMax: 1_000 } } });
    const publisher = new TestClient(core.context('mqtt'));
    await publisher.connect(requestOf('p', TRANSIENT));
    publisher.publish('a', '1', { isRetain: true });
    publisher.publish('b', '1', { isRetain: true });
    publisher.publish('a', '2', { isRetain: true });
    expect(core.metric('retained.refused')).toBe(1);
    expect(core.metric('retained.messages')).toBe(1);
  });
});

describe('a restart of the gateway', () => {
  test('subscriptions, queue, retained and will are there; a clean session is not', async () => {
    const clock = new FakeClock();
    const first = startCore({ clock });
    const stays = new TestClient(first.context('mqtt'));
    const goes = new TestClient(first.context('mqtt'));
    await stays.connect(requestOf('stays'));
    await goes.connect(requestOf('goes', TRANSIENT));
    stays.subscribe('a/#', { qos: 1 });
    stays.session.pause('link');
    goes.publish('a/1', 'kept', { isRetain: true });
    await settled();

    const second = startCore({ clock, store: first.store.reopened({ wasClean: false }) });
    const again = new TestClient(second.context('mqtt'));
    await again.connect(requestOf('stays'));
    expect(again.isSessionPresent).toBe(true);
    expect(again.payloads).toEqual(['kept']);
    expect(second.broker.sessionCount).toBe(1);
    const late = new TestClient(second.context('mqtt'));
    await late.connect(requestOf('late', TRANSIENT));
    late.subscribe('a/#');
    expect(late.payloads).toEqual(['kept']);
  });

  test('what may have been sent before comes with DUP, under new ids', async () => {
    const clock = new FakeClock();
    const first = startCore({ clock });
    const subscriber = new TestClient(first.context('mqtt'));
    const publisher = new TestClient(first.context('mqtt'));
    await publisher.connect(requestOf('p', TRANSIENT));
    await subscriber.connect(requestOf('s', { inflightMax: 1 }));
    subscriber.subscribe('a/#', { qos: 1 });
    for (const payload of ['1', '2']) publisher.publish('a/b', payload);
    await settled();
    const second = startCore({ clock, store: first.store.reopened({ wasClean: false }) });
    const again = new TestClient(second.context('mqtt'));
    await again.connect(requestOf('s', { inflightMax: 10 }));
    expect(again.payloads).toEqual(['1', '2']);
    expect(again.delivered[0]?.isDuplicate).toBe(true);
    expect(subscriber.delivered[0]?.packetId).toBe(1);
    expect(again.delivered.map(({ packetId }) => packetId)).not.toContain(1); // the client may still acknowledge what it knows
  });

  test('ids begin with 1 again when nothing was left unsettled', async () => {
    const clock = new FakeClock();
    const first = startCore({ clock });
    const subscriber = new TestClient(first.context('mqtt'));
    await subscriber.connect(requestOf('s'));
    subscriber.subscribe('a/#', { qos: 1 });
    await settled();
    const second = startCore({ clock, store: first.store.reopened({ wasClean: true }) });
    const again = new TestClient(second.context('mqtt'));
    await again.connect(requestOf('s'));
    again.publish('a/b', '1');
    expect(again.delivered.map(({ packetId }) => packetId)).toEqual([1]);
  });

  test('STORE 6: wills wait for the grace, so that clients can return', async () => {
    const clock = new FakeClock();
    const first = startCore({ clock });
    const topic = first.context('mqtt').topics.intern(topicName('will/c'));
    const draft = { topic, payload: Buffer.from('gone'), qos: 1 as const, isRetain: false };
    for (const id of ['returns', 'lost']) {
      const client = new TestClient(first.context('mqtt'));
      await client.connect(requestOf(id, { will: { draft: { ...draft, payload: Buffer.from(id) }, delaySeconds: 0 } }));
    }
    const second = startCore({ clock, store: first.store.reopened({ wasClean: false }), settings: { willRestartGraceSeconds: 60 } });
    const watcher = new TestClient(second.context('mqtt'));
    await watcher.connect(requestOf('watcher', TRANSIENT));
    watcher.subscribe('will/#');
    await clock.advanceSeconds(30);
    await new TestClient(second.context('mqtt')).connect(requestOf('returns'));
    await clock.advanceSeconds(31);
    expect(watcher.payloads).toEqual(['lost']);
  });

  test('a gateway finds the sessions of its own realm that no link serves', async () => {
    const clock = new FakeClock();
    const first = startCore({ clock });
    const sensor = new TestClient(first.context('mqtt-sn'));
    await sensor.connect(requestOf('sensor'));
    sensor.session.state.put('topic/1', Buffer.from('t'));
    await new TestClient(first.context('mqtt')).connect(requestOf('other'));
    await settled();
    const second = startCore({ clock, store: first.store.reopened({ wasClean: false }) });
    const found = [...second.context('mqtt-sn').detachedSessions()];
    expect(found.map(({ clientId }) => clientId)).toEqual(['sensor']);
    expect(Buffer.from(found[0]?.state.get('topic/1') ?? []).toString()).toBe('t');
  });

  test('permission is asked again when a stored subscription resumes', async () => {
    const clock = new FakeClock();
    const first = startCore({ clock });
    const subscriber = new TestClient(first.context('mqtt'));
    await subscriber.connect(requestOf('s'));
    subscriber.subscribe('secret/#');
    await settled();
    const second = startCore({ clock, store: first.store.reopened({ wasClean: true }) });
    second.access.forbids = (action) => action.kind === 'subscribe';
    const again = new TestClient(second.context('mqtt'));
    await again.connect(requestOf('s'));
    const publisher = new TestClient(second.context('mqtt'));
    await publisher.connect(requestOf('p', TRANSIENT));
    publisher.publish('secret/1', 'x', { qos: 0 });
    expect(again.payloads).toEqual([]);
  });
});

describe('exactly once on links that duplicate and reorder', () => {
  test('a connection goes on with other ids: an acknowledgement from before settles nothing', async () => {
    const { core } = start();
    const ids = async (): Promise<number[]> => {
      const sensor = new TestClient(core.context('mqtt-sn'));
      await sensor.connect(requestOf('sensor', { ...TRANSIENT, isReliableLink: false }));
      sensor.subscribe('a/#', { qos: 1 });
      sensor.publish('a/1', 'x');
      return sensor.delivered.map(({ packetId }) => packetId);
    };
    const [first = 0] = await ids();
    expect(first).toBeGreaterThan(1);
    expect(await ids()).not.toEqual([first]);
  });

  test('a late copy of a completed QoS 2 message is answered and not delivered; another message with the id is', async () => {
    const { clock, client, core } = start();
    const watcher = client();
    await watcher.connect(requestOf('watcher', TRANSIENT));
    watcher.subscribe('a/#', { qos: 0 });
    const sensor = new TestClient(core.context('mqtt-sn'));
    await sensor.connect(requestOf('sensor', { isReliableLink: false }));
    sensor.publish('a/1', '21.5', { qos: 2, packetId: 9, token: 9 });
    sensor.session.release(9);
    sensor.publish('a/1', '21.5', { qos: 2, packetId: 9, token: 9 });
    await settled();
    expect(watcher.payloads).toEqual(['21.5']);
    sensor.session.release(9);
    sensor.publish('a/1', '22.0', { qos: 2, packetId: 9, token: 9 });
    expect(watcher.payloads).toEqual(['21.5', '22.0']);
    sensor.session.release(9);
    await clock.advanceSeconds(11);
    sensor.publish('a/1', '22.0', { qos: 2, packetId: 9, token: 9 });
    expect(watcher.payloads).toEqual(['21.5', '22.0', '22.0']);
    expect(core.metric('messages.duplicates')).toBe(1);
  });
});

describe('permissions', () => {
  test.each([['publish'], ['subscribe']] as const)('a forbidden %s is denied, told and counted', async (kind) => {
    const { client, core } = start();
    core.access.forbids = (action) => action.kind === kind;
    const someone = client();
    await someone.connect(requestOf('c'));
    if (kind === 'subscribe') expect(someone.subscribe('a')).toBe('denied');
    else {
      someone.publish('a', 'x', { token: 4 });
      expect(someone.outcomes).toEqual([[4, 'denied']]);
      expect(core.metric('messages.denied')).toBe(1);
    }
  });
});
