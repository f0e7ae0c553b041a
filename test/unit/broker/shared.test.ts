import { describe, expect, test } from 'vitest';
import type { BrokerSettings } from '../../../src/broker/broker.ts';
import type { ConnectRequest } from '../../../src/gateway/gateway.ts';
import type { PriorityRule } from '../../../src/model/queue-policy.ts';
import { topicFilter } from '../../../src/model/topic.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { policyOf, requestOf, TestClient } from '../../support/test-client.ts';

const SHARE = '$share/g/job/+';
const CLEAN = { sessionExpirySeconds: 0, cleanStart: true };

class Stage {
  readonly clock = new FakeClock();
  core: TestCore;
  publisher: TestClient;

  constructor(settings: Partial<BrokerSettings> = {}) {
    this.core = startCore({ clock: this.clock, settings });
    this.publisher = new TestClient(this.core.context('mqtt'));
  }

  static async with(settings: Partial<BrokerSettings> = {}): Promise<Stage> {
    const stage = new Stage(settings);
    await stage.publisher.connect(requestOf('publisher', CLEAN));
    return stage;
  }

  async client(id: string, over: Partial<ConnectRequest> = {}): Promise<TestClient> {
    const client = new TestClient(this.core.context('mqtt'));
    await client.connect(requestOf(id, over));
    return client;
  }

  async member(id: string, over: Partial<ConnectRequest> = {}, options: Parameters<TestClient['subscribe']>[1] = {}): Promise<TestClient> {
    const client = await this.client(id, over);
    expect(client.subscribe(SHARE, options)).toBe('granted');
    return client;
  }

  publish(...payloads: string[]): void {
    for (const payload of payloads) this.publisher.publish('job/1', payload);
  }

  /** The gateway is killed and starts again; whatever it wrote is on disk. */
  async restarts(): Promise<void> {
    await settled();
    const store = this.core.store.reopened({ wasClean: false });
    this.core = startCore({ clock: this.clock, store });
    this.publisher = new TestClient(this.core.context('mqtt'));
    await this.publisher.connect(requestOf('publisher', CLEAN));
  }

  get queued(): number {
    return this.core.store.status().queuedMessages;
  }
}

/** Acknowledges everything that was delivered at QoS 1, also what comes because of it. */
function acknowledgesAll(client: TestClient): void {
  for (let at = 0; at < client.delivered.length; at += 1) client.session.settle(client.delivered[at]?.packetId ?? 0);
}

function acknowledges(client: TestClient, payload: string): void {
  client.session.settle(client.delivered.find((delivery) => delivery.payload === payload)?.packetId ?? 0);
}

function leaves(client: TestClient): void {
  client.session.disconnect({ publishWill: false });
}

describe('each message goes to one member', () => {
  test.each([0, 1, 2] as const)('of QoS %i, in turn', async (qos) => {
    const stage = await Stage.with();
    const a = await stage.member('a');
    const b = await stage.member('b', CLEAN);
    for (const payload of ['1', '2', '3', '4']) stage.publisher.publish('job/1', payload, { qos });
    await settled();
    expect([a.payloads, b.payloads]).toEqual([
      ['1', '3'],
      ['2', '4'],
    ]);
    expect(a.delivered.map((delivery) => delivery.qos)).toEqual([qos, qos]);
  });

  test('each group gets it, and so does a plain subscription of the same session', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a');
    a.subscribe('$share/other/job/#', { identifier: 7 });
    a.subscribe('job/1', { identifier: 8 });
    stage.publisher.publish('job/1', 'x', { qos: 2 });
    await settled();
    expect(a.delivered.map(({ payload, identifiers }) => [payload, identifiers])).toEqual(
      expect.arrayContaining([
        ['x', []],
        ['x', [7]],
        ['x', [8]],
      ]),
    );
    expect(a.delivered).toHaveLength(3);
    for (const { packetId } of a.delivered) a.session.received(packetId);
    await settled();
    for (const { packetId } of a.delivered) expect(a.session.settle(packetId)).toBe(true);
    expect(stage.queued).toBe(0);
  });

  test('$queue is a group of its own name', async () => {
    const stage = await Stage.with();
    const [a, b] = [await stage.client('a'), await stage.client('b')];
    for (const client of [a, b]) client.subscribe('$queue/job/#');
    stage.publish('1', '2');
    expect([a.payloads, b.payloads]).toEqual([['1'], ['2']]);
  });

  test.each(['$share/g', '$share/g/', '$share//a', '$share/+/a', '$queue/', '$exclusive/$share/g/a'])('%s is refused', async (filter) => {
    const stage = await Stage.with();
    expect((await stage.client('a')).subscribe(filter)).toBe('denied');
  });

  test('permission is asked about the inner filter', async () => {
    const stage = await Stage.with();
    stage.core.access.forbids = (action) => action.kind === 'subscribe' && action.filter.startsWith('secret/');
    const a = await stage.client('a');
    expect([a.subscribe('$share/g/secret/#'), a.subscribe('$share/secret/open')]).toEqual(['denied', 'granted']);
  });
});

describe('members that cannot take it now are passed over', () => {
  test('a full window', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a', { inflightMax: 1 });
    const b = await stage.member('b', { inflightMax: 10 });
    stage.publish('1', '2', '3', '4');
    expect([a.payloads, b.payloads]).toEqual([['1'], ['2', '3', '4']]);
  });

  test('a paused link, one that is away', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a');
    const b = await stage.member('b');
    const c = await stage.member('c');
    a.session.pause('link');
    leaves(b);
    stage.publish('1', '2', '3');
    expect([a.payloads, b.payloads, c.payloads]).toEqual([[], [], ['1', '2', '3']]);
  });

  test('nobody can: it waits in the group, and goes to the first who has room, oldest first', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a', { inflightMax: 1 });
    const b = await stage.member('b', { inflightMax: 1 });
    stage.publish('1', '2', '3', '4', '5');
    expect([a.payloads, b.payloads]).toEqual([['1'], ['2']]);
    acknowledgesAll(b);
    expect([a.payloads, b.payloads]).toEqual([['1'], ['2', '3', '4', '5']]);
    acknowledgesAll(a);
    expect(stage.queued).toBe(0);
  });

  test('nobody is online: it waits for the first who comes', async () => {
    const stage = await Stage.with();
    leaves(await stage.member('a'));
    leaves(await stage.member('b'));
    stage.publish('1', '2');
    expect(stage.queued).toBe(2);
    const b = await stage.client('b');
    acknowledgesAll(b);
    expect(b.payloads).toEqual(['1', '2']);
    expect((await stage.client('a')).payloads).toEqual([]);
  });

  test('of QoS 0 it does not wait', async () => {
    const stage = await Stage.with();
    leaves(await stage.member('a'));
    stage.publisher.publish('job/1', 'x', { qos: 0 });
    expect((await stage.client('a')).payloads).toEqual([]);
    expect(stage.core.metric('messages.dropped.detached')).toBe(1);
  });

  test('a sleeper that keeps QoS 0 keeps it when nobody else is there', async () => {
    const stage = await Stage.with();
    leaves(await stage.member('a', { queueQos0: true }, { qos: 0 }));
    stage.publisher.publish('job/1', 'x', { qos: 0 });
    expect((await stage.client('a', { queueQos0: true })).payloads).toEqual(['x']);
  });

  test('without a stored session among the members it waits in memory with one that is online', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a', { ...CLEAN, inflightMax: 1 });
    stage.publish('1', '2', '3');
    expect(stage.queued).toBe(0);
    acknowledgesAll(a);
    expect(a.payloads).toEqual(['1', '2', '3']);
  });

  test('several groups of one member take turns', async () => {
    const stage = await Stage.with();
    const a = await stage.client('a', { inflightMax: 1 });
    for (const group of ['x', 'y']) a.subscribe(`$share/${group}/${group}`);
    for (const topic of ['x', 'x', 'x', 'y', 'y', 'y']) stage.publisher.publish(topic, topic);
    acknowledgesAll(a);
    expect(a.payloads).toEqual(['x', 'y', 'x', 'y', 'x', 'y']);
  });
});

describe('a member goes', () => {
  test.each([
    ['stored', {}],
    ['clean', CLEAN],
  ])('what a %s one did not acknowledge goes to another at once; what it did does not', async (_, over) => {
    const stage = await Stage.with();
    const a = await stage.member('a', over);
    stage.publish('1', '2', '3');
    a.session.settle(a.delivered[0]?.packetId ?? 0);
    const b = await stage.member('b', over);
    leaves(a);
    expect(b.payloads).toEqual(['2', '3']);
    expect(b.delivered.map(({ isDuplicate }) => isDuplicate)).toEqual([false, false]);
  });

  test('what waited in the memory of a clean one goes to another', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a', { ...CLEAN, inflightMax: 1 });
    for (const payload of ['1', '2', '3']) stage.publisher.publish('job/1', payload, { qos: 2 });
    const b = await stage.member('b', CLEAN);
    leaves(a);
    await settled();
    expect([a.payloads, b.payloads]).toEqual([['1'], ['2', '3']]); // MQTT-4.8.2-5: 1 ended with its session
    expect(stage.core.metric('messages.dropped.detached')).toBe(0);
  });

  test('nobody else is there: it comes back to the queue, before what came later', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a', { inflightMax: 2 });
    stage.publish('1', '2', '3');
    leaves(a);
    const again = await stage.client('a');
    expect(again.payloads).toEqual(['1', '2', '3']);
    acknowledgesAll(again);
    expect(stage.queued).toBe(0);
  });

  test('MQTT-4.8.2-4: QoS 2 is finished with the same member when it returns', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a');
    stage.publisher.publish('job/1', 'x', { qos: 2 });
    await settled();
    const packetId = a.delivered[0]?.packetId ?? 0;
    const b = await stage.member('b');
    leaves(a);
    expect(b.payloads).toEqual([]);
    const again = await stage.client('a');
    expect(again.delivered).toMatchObject([{ payload: 'x', packetId, isDuplicate: true }]);
  });

  test('MQTT-4.8.2-5: QoS 2 whose member is gone for good goes to nobody', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a', { sessionExpirySeconds: 10 });
    stage.publisher.publish('job/1', 'x', { qos: 2 });
    await settled();
    const b = await stage.member('b');
    leaves(a);
    await stage.clock.advanceMs(11_000);
    expect([b.payloads, stage.queued]).toEqual([[], 0]);
  });

  test('QoS 2 that waited moves to the member that takes it, and is in one queue only', async () => {
    const stage = await Stage.with();
    leaves(await stage.member('a'));
    stage.publisher.publish('job/1', 'x', { qos: 2 });
    expect(stage.queued).toBe(1);
    const a = await stage.client('a');
    await settled();
    expect(stage.queued).toBe(1);
    const packetId = a.delivered[0]?.packetId ?? 0;
    expect([...(stage.core.store.sessions.get('mqtt\0a')?.sending.keys() ?? [])]).toEqual([packetId]);
    a.session.received(packetId);
    await settled();
    a.session.settle(packetId);
    expect([a.payloads, stage.queued]).toEqual([['x'], 0]);
  });

  test('QoS 2 that waited leaves to a clean member only when the queue has let go of it', async () => {
    const stage = await Stage.with();
    leaves(await stage.member('a'));
    stage.publisher.publish('job/1', 'x', { qos: 2 });
    const b = await stage.member('b', CLEAN);
    expect([b.payloads, stage.queued]).toEqual([[], 0]);
    await settled();
    expect(b.delivered).toMatchObject([{ payload: 'x', qos: 2 }]);
  });

  test('a clean member that goes before that gives it back', async () => {
    const stage = await Stage.with();
    leaves(await stage.member('a'));
    stage.publisher.publish('job/1', 'x', { qos: 2 });
    const b = await stage.member('b', CLEAN);
    leaves(b);
    const a = await stage.client('a');
    await settled();
    expect([b.payloads, a.payloads]).toEqual([[], ['x']]);
  });

  test('MQTT-4.8.2-6: what a member refuses goes to nobody', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a');
    stage.publish('1');
    a.session.refused(a.delivered[0]?.packetId ?? 0);
    const b = await stage.member('b');
    leaves(a);
    expect([b.payloads, stage.queued]).toEqual([[], 0]);
    expect(stage.core.store.settled.get('refused-by-peer')).toBe(1);
  });

  test('MQTT-3.10.4-3: who unsubscribes finishes what it has and gets nothing more; the group ends with its last member', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a', { inflightMax: 1 });
    stage.publish('1', '2');
    expect(a.session.unsubscribe('$share/g/job/+' as Parameters<TestClient['session']['unsubscribe']>[0])).toBe(true);
    expect([stage.queued, stage.core.metric('shared.groups')]).toEqual([1, 1]);
    acknowledgesAll(a);
    expect([stage.queued, stage.core.metric('shared.groups')]).toEqual([0, 0]);
    expect(a.payloads).toEqual(['1']);
    stage.publish('3');
    await settled();
    expect(stage.publisher.outcomes.at(-1)).toEqual([1, 'no-subscribers']);
  });

  test('MQTT-3.10.4-3: what the last member had when it unsubscribed comes again after its link was lost, and is sent again on the same', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a', { inflightMax: 1 });
    stage.publish('1', '2');
    a.session.unsubscribe(SHARE as Parameters<TestClient['session']['unsubscribe']>[0]);
    expect(a.session.resend(a.delivered[0]?.packetId ?? 0)).toBe(true);
    expect(a.payloads).toEqual(['1', '1']);
    leaves(a);
    expect([stage.queued, stage.core.metric('shared.groups')]).toEqual([1, 0]);
    const back = await stage.client('a', { cleanStart: false });
    expect(back.payloads).toEqual(['1']);
    acknowledgesAll(back);
    expect(stage.queued).toBe(0);
  });

  test('a group whose last member left takes new ones while that one finishes', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a');
    stage.publish('1');
    a.session.unsubscribe(SHARE as Parameters<TestClient['session']['unsubscribe']>[0]);
    const b = await stage.member('b');
    stage.publish('2');
    expect([a.payloads, b.payloads]).toEqual([['1'], ['2']]);
    leaves(a); // its message goes to who is there now
    expect(b.payloads).toEqual(['2', '1']);
    acknowledgesAll(b);
    expect([stage.queued, stage.core.metric('shared.groups')]).toEqual([0, 1]);
  });

  test('the group ends when the last stored session does', async () => {
    const stage = await Stage.with();
    leaves(await stage.member('a', { sessionExpirySeconds: 10 }));
    leaves(await stage.member('b', { sessionExpirySeconds: 20 }));
    stage.publish('1');
    await stage.clock.advanceMs(15_000);
    expect(stage.queued).toBe(1);
    await stage.clock.advanceMs(10_000);
    expect([stage.queued, stage.core.store.status().sessions]).toEqual([0, 0]);
  });

  test('a stopping gateway hands nothing around', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a');
    const b = await stage.member('b');
    stage.publish('1');
    stage.core.broker.shutDown();
    expect([a.payloads, b.payloads]).toEqual([['1'], []]);
  });
});

describe('terms', () => {
  test('MQTT-4.8.2-3: each member has its own QoS, identifier and RETAIN as published', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a', {}, { qos: 0, identifier: 1 });
    const b = await stage.member('b', {}, { qos: 1, identifier: 2, retainAsPublished: true });
    for (const payload of ['1', '2']) stage.publisher.publish('job/1', payload, { qos: 2, isRetain: true });
    await settled();
    expect(a.delivered).toMatchObject([{ payload: '1', qos: 0, identifiers: [1], isRetain: false }]);
    expect(b.delivered).toMatchObject([{ payload: '2', qos: 1, identifiers: [2], isRetain: true }]);
    expect(stage.core.metric('retained.messages')).toBe(1);
  });

  test('§4.8.2: a subscription brings no retained message', async () => {
    const stage = await Stage.with();
    stage.publisher.publish('job/1', 'kept', { isRetain: true });
    expect((await stage.member('a', {}, { retainHandling: 0 })).payloads).toEqual([]);
  });

  test('MQTT-3.3.2-5: what is past its time when a member has room is dropped', async () => {
    const stage = await Stage.with();
    leaves(await stage.member('a'));
    stage.publisher.publish('job/1', 'x', { expirySeconds: 5 });
    await stage.clock.advanceMs(6_000);
    expect((await stage.client('a')).payloads).toEqual([]);
    expect([stage.queued, stage.core.metric('messages.dropped.expired')]).toEqual([0, 1]);
  });

  test('a delivery is sent again as a duplicate, on the same link', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a', {}, { identifier: 9 });
    stage.publish('1');
    const packetId = a.delivered[0]?.packetId ?? 0;
    a.session.resend(packetId);
    expect(a.delivered[1]).toMatchObject({ payload: '1', packetId, isDuplicate: true, identifiers: [9] });
  });

  test('the strategy of the group, or that of all', async () => {
    const stage = await Stage.with({ sharedSubscriptions: { strategy: 'sticky', groups: [{ group: 'spread', strategy: 'round-robin' }] } });
    const [a, b] = [await stage.client('a'), await stage.client('b')];
    for (const client of [a, b]) for (const group of ['stay', 'spread']) client.subscribe(`$share/${group}/${group}`);
    for (const topic of ['stay', 'stay', 'spread', 'spread']) stage.publisher.publish(topic, topic);
    expect([a.payloads, b.payloads]).toEqual([['stay', 'stay', 'spread'], ['spread']]);
  });
});

describe('bounds', () => {
  test('the queue of a group drops its oldest waiting entry, never one a member has', async () => {
    const stage = await Stage.with({ queue: { ...policyOf(), rules: [] } });
    const a = await stage.member('a', { inflightMax: 1 });
    stage.publish('1', '2', '3', '4');
    expect([stage.queued, stage.core.metric('messages.dropped.queue-full')]).toEqual([2, 2]);
    acknowledgesAll(a);
    expect(a.payloads).toEqual(['1', '4']);
  });

  test('with drop-newest it takes nothing more', async () => {
    const stage = await Stage.with({ queue: { ...policyOf({ whenFull: 'drop-newest' }), rules: [] } });
    const a = await stage.member('a', { inflightMax: 1 });
    stage.publish('1', '2', '3', '4');
    expect([stage.queued, stage.core.metric('messages.dropped.queue-full-newest')]).toEqual([2, 2]);
    acknowledgesAll(a);
    expect(a.payloads).toEqual(['1', '2']);
  });
});

describe('priority classes', () => {
  const priorities: PriorityRule[] = [
    { filter: topicFilter('job/urgent'), priority: 7 },
    { filter: topicFilter('job/idle'), priority: 0 },
  ];
  const settings: Partial<BrokerSettings> = { queue: { ...policyOf({ messagesMax: 3, priorities, keepLatest: [topicFilter('#')] }), rules: [] } };
  const publish = (stage: Stage, ...jobs: readonly string[]): void => {
    for (const [index, job] of jobs.entries()) stage.publisher.publish(`job/${job}`, `${job} ${index}`);
  };

  test('the group hands out greater ones first, and each message: keep-latest is for what shows a state', async () => {
    const stage = await Stage.with(settings);
    const a = await stage.member('a', { inflightMax: 1 });
    publish(stage, 'plain', 'plain', 'urgent');
    acknowledgesAll(a);
    expect(a.payloads).toEqual(['plain 0', 'urgent 2', 'plain 1']);
  });

  test('the lowest class makes room', async () => {
    const stage = await Stage.with(settings);
    const a = await stage.member('a', { inflightMax: 1 });
    publish(stage, 'plain', 'idle', 'urgent', 'plain');
    expect(stage.core.metric('messages.dropped.queue-full')).toBe(1);
    acknowledgesAll(a);
    expect(a.payloads).toEqual(['plain 0', 'urgent 2', 'plain 3']);
  });

  test('what came back from a member waits in its class', async () => {
    const stage = await Stage.with({ queue: { ...policyOf({ messagesMax: 100, priorities }), rules: [] } });
    const a = await stage.member('a', { inflightMax: 2 });
    publish(stage, 'plain', 'urgent', 'idle', 'plain', 'urgent');
    expect(a.payloads).toEqual(['plain 0', 'urgent 1']);
    leaves(a);
    const b = await stage.member('b', { inflightMax: 1 });
    acknowledgesAll(b);
    expect(b.payloads).toEqual(['urgent 1', 'urgent 4', 'plain 0', 'plain 3', 'idle 2']);
  });
});

describe('acknowledge after disk', () => {
  test.each([1, 2] as const)('a publisher of QoS %i is answered when the group has it on disk', async (qos) => {
    const clock = new FakeClock();
    const store = new MemoryStore({ clock, autoCommit: false });
    const core = startCore({ clock, store });
    const clients = [new TestClient(core.context('mqtt')), new TestClient(core.context('mqtt'))] as const;
    for (const [index, client] of clients.entries()) {
      const connecting = client.connect(requestOf(`c${index}`));
      for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
      store.commit();
      await connecting;
    }
    const [publisher, member] = clients;
    member.subscribe(SHARE);
    leaves(member);
    store.commit();
    publisher.publish('job/1', 'x', { qos, packetId: 1 });
    expect(publisher.outcomes).toEqual([]);
    store.commit();
    expect(publisher.outcomes).toEqual([[1, 'accepted']]);
  });
});

describe('a restart', () => {
  test('membership goes on; what waited and what was not acknowledged is delivered to one member', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a', { inflightMax: 2 }, { identifier: 3 });
    stage.publish('1', '2', '3');
    a.session.settle(a.delivered[0]?.packetId ?? 0);
    await stage.restarts();
    const again = await stage.client('a', { inflightMax: 10 });
    expect(again.delivered.map(({ payload, identifiers }) => [payload, identifiers])).toEqual([
      ['2', [3]],
      ['3', [3]],
    ]);
    stage.publish('4');
    acknowledgesAll(again);
    expect([again.payloads.at(-1), stage.queued]).toEqual(['4', 0]);
  });

  test('QoS 2 goes on with its member under its packet id; what waited goes to any', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a', { inflightMax: 1 });
    leaves(await stage.member('b'));
    for (const payload of ['1', '2']) stage.publisher.publish('job/1', payload, { qos: 2 });
    await settled();
    const packetId = a.delivered[0]?.packetId;
    await stage.restarts();
    const b = await stage.client('b');
    await settled();
    expect(b.payloads).toEqual(['2']);
    const again = await stage.client('a');
    expect(again.delivered).toMatchObject([{ payload: '1', packetId, isDuplicate: true }]);
  });

  test('a group whose members are all gone is over', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a');
    stage.publish('1');
    await stage.member('b', CLEAN);
    leaves(await stage.client('a', { ...CLEAN, cleanStart: true }));
    stage.publish('2');
    expect(stage.queued).toBe(2);
    await stage.restarts();
    expect([stage.queued, stage.core.store.sessions.size, a.ends]).toEqual([0, 0, ['taken-over']]);
  });

  const unsubscribes = (client: TestClient): void => void client.session.unsubscribe(topicFilter(SHARE));

  test('MQTT-3.10.4-3: what the last member had at QoS 1 when it unsubscribed comes again to it', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a', { inflightMax: 2 }, { identifier: 3 });
    stage.publish('1', '2', 'waited');
    acknowledges(a, '1');
    unsubscribes(a);
    await stage.restarts();
    expect([stage.queued, stage.core.metric('shared.groups')]).toEqual([2, 0]);
    const again = await stage.client('a');
    expect(again.delivered.map(({ payload, qos, identifiers }) => [payload, qos, identifiers])).toEqual([
      ['2', 1, [3]],
      ['waited', 1, [3]],
    ]);
    acknowledgesAll(again);
    expect(stage.queued).toBe(0);
  });

  test('and to each member that had left before it', async () => {
    const stage = await Stage.with();
    const [a, b, c] = [await stage.member('a'), await stage.member('b'), await stage.member('c', CLEAN)];
    stage.publish('1', '2', '3');
    for (const member of [a, b, c]) unsubscribes(member);
    await stage.restarts();
    expect(stage.queued).toBe(2); // the session of the third went with the gateway
    expect([(await stage.client('a')).payloads, (await stage.client('b')).payloads]).toEqual([['1'], ['2']]);
  });

  test('but to whoever came after them, if somebody did', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a');
    stage.publish('1');
    unsubscribes(a);
    await stage.member('b');
    await stage.restarts();
    expect((await stage.client('a')).payloads).toEqual([]);
    expect((await stage.client('b')).payloads).toEqual(['1']);
  });

  test('and not to a session that began anew under the same name', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a');
    stage.publish('1');
    unsubscribes(a);
    await stage.client('a', { cleanStart: true });
    await stage.restarts();
    expect((await stage.client('a')).payloads).toEqual([]);
    expect(stage.queued).toBe(0);
  });

  test('nor what it has acknowledged by then', async () => {
    const stage = await Stage.with();
    const a = await stage.member('a');
    stage.publish('1', '2');
    unsubscribes(a);
    acknowledges(a, '1');
    await stage.restarts();
    expect((await stage.client('a')).payloads).toEqual(['2']);
  });
});
