import { describe, expect, test } from 'vitest';
import { RetainedIndex } from '../../../src/broker/retained-index.ts';
import { TURN_WORK_SHARED_MAX } from '../../../src/model/limits.ts';
import { topicFilter, topicName } from '../../../src/model/topic.ts';
import { REPLAY_STEP_WORK, REPLAYED_WORK } from '../../../src/model/work.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { messageOf } from '../../support/store-samples.ts';
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

describe('MQTT 5 §3.3.1.3 whether there is something to bring', () => {
  test.each([
    ['a/b/c', true],
    ['a/b', false],
    ['a/b/c/d', false],
    ['a/x', false],
    ['a/#', true],
    ['a/b/c/#', true], // MQTT 5 §4.7.1.2
    ['+/x', true], // as far as the levels before the wildcard tell
    ['x/+', false],
    ['#', true],
  ])('%s: %s', (filter, may) => {
    const index = new RetainedIndex();
    expect(index.maySelect(topicFilter(filter))).toBe(false);
    index.set(messageOf('a/b/c', 'x'));
    expect(index.maySelect(topicFilter(filter))).toBe(may);
    index.delete(topicName('a/b/c'));
    expect(index.maySelect(topicFilter(filter))).toBe(false);
  });
});

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

  test('of many subscribers at once come one slice a turn: it is the turn that has a bound, not each of them', async () => {
    const { clock, core, client } = await bench();
    const others = Array.from({ length: 10 }, () => new TestClient(core.context('mqtt')));
    const clients = [client, ...others];
    for (const [index, each] of clients.entries()) await each.connect(requestOf(`c${index}`, TRANSIENT));
    const timersBefore = clock.pendingTimers;
    for (const each of clients) each.subscribe('r/#', { qos: 0 });
    const slice = Math.ceil(TURN_WORK_SHARED_MAX / (REPLAY_STEP_WORK + REPLAYED_WORK));
    for (const each of clients) expect(each.delivered.length).toBeLessThanOrEqual(slice);
    expect(clock.pendingTimers - timersBefore).toBe(1);
    await clock.advanceMs(10);
    for (const each of clients) expect(each.delivered).toHaveLength(MANY);
    expect(clock.pendingTimers).toBe(timersBefore);
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

  test('MQTT 5 §3.8.3.1: a link that ends before SUBACK costs nothing of what Retain Handling 1 brings', async () => {
    const clock = new FakeClock();
    const { client, core } = await bench(new MemoryStore({ clock, autoCommit: true }), clock);
    await client.connect(requestOf('c'));
    client.session.pause('link');
    client.subscribe('r/#', { qos: 1, retainHandling: 1 });
    client.session.disconnect({ publishWill: false });
    const again = new TestClient(core.context('mqtt'));
    await again.connect(requestOf('c'));
    again.session.pause('link');
    again.subscribe('r/#', { qos: 1, retainHandling: 1 });
    await clock.advanceMs(10);
    const stored = [...core.store.sessions.values()].find(({ clientId }) => clientId === 'c');
    const written = stored?.queue.count ?? 0;
    expect(written).toBeGreaterThanOrEqual(MANY / 2);
    again.subscribe('r/#', { qos: 1, retainHandling: 1 });
    await clock.advanceMs(10);
    expect(stored?.queue.count).toBe(written);
  });

  test('acknowledgements that come meanwhile do not make a slice longer', async () => {
    const clock = new FakeClock();
    const { client, core } = await bench(new MemoryStore({ clock, autoCommit: true }), clock);
    await client.connect(requestOf('c'));
    client.subscribe('r/#', { qos: 1 });
    const stored = [...core.store.sessions.values()].find(({ clientId }) => clientId === 'c');
    const written = stored?.queue.count ?? 0;
    expect(written).toBeLessThan(MANY / 2);
    for (const { packetId } of client.delivered.slice(0, 10)) client.session.settle(packetId);
    expect(stored?.queue.count).toBe(written - 10);
    await clock.advanceMs(10);
    expect(stored?.queue.count).toBe(MANY / 2 - 10);
  });

  test.each(['r/#', 'r/+/none'])('what %s passes over makes a slice as long as what it takes', async (filter) => {
    const clock = new FakeClock();
    const { client } = await bench(new MemoryStore({ clock, autoCommit: true }), clock);
    await client.connect(requestOf('c'));
    client.session.pause('subscribing');
    client.subscribe(filter, { qos: 1 });
    let isAnswered = false;
    client.session.whenDurable(() => {
      isAnswered = true;
    });
    await settled();
    expect(isAnswered).toBe(false);
    await clock.advanceMs(10);
    await settled();
    expect(isAnswered).toBe(true);
  });

  test('MQTT-3.8.4-1: SUBACK comes although the subscription ends before all of them are written, and before UNSUBACK', async () => {
    const clock = new FakeClock();
    const { client } = await bench(new MemoryStore({ clock, autoCommit: true }), clock);
    await client.connect(requestOf('c'));
    const answers: string[] = [];
    client.subscribe('r/#', { qos: 1 });
    client.session.whenDurable(() => answers.push('SUBACK'));
    await settled();
    expect(answers).toEqual([]);
    client.session.unsubscribe(topicFilter('r/#'));
    client.session.whenDurable(() => answers.push('UNSUBACK'));
    await clock.advanceMs(10);
    await settled();
    expect(answers).toEqual(['SUBACK', 'UNSUBACK']);
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
