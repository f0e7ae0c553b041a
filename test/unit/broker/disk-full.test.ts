import { beforeEach, describe, expect, test } from 'vitest';
import type { ConnectOutcome, ConnectRequest } from '../../../src/gateway/gateway.ts';
import type { WhenFull } from '../../../src/model/queue-policy.ts';
import { topicFilter } from '../../../src/model/topic.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { policyOf, requestOf, TestClient } from '../../support/test-client.ts';

const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;
const ALL = Number.MAX_SAFE_INTEGER;

let clock: FakeClock;
let core: TestCore;

beforeEach(() => {
  clock = new FakeClock();
  core = startCore({ clock });
});

async function client(id: string, request: Partial<ConnectRequest> = {}): Promise<TestClient> {
  const made = new TestClient(core.context('mqtt'));
  await made.connect(requestOf(id, request));
  return made;
}

/** A stored session that is away, subscribed to everything below `name`. */
async function away(name: string, request: Partial<ConnectRequest> = {}): Promise<void> {
  const made = await client(name, request);
  made.subscribe(`${name}/#`);
  made.session.disconnect({ publishWill: false });
}

async function connecting(id: string, request: Partial<ConnectRequest>): Promise<ConnectOutcome> {
  return core.context('mqtt').connect(requestOf(id, request), new TestClient(core.context('mqtt')));
}

function queued(id: string): number {
  return [...core.store.sessions.values()].find(({ clientId }) => clientId === id)?.queue.count ?? 0;
}

describe('a disk that is full', () => {
  test('refuses what would be stored, and passes on what need not be', async () => {
    await away('log');
    const reader = await client('reader', TRANSIENT);
    reader.subscribe('live/#');
    const publisher = await client('p', TRANSIENT);
    core.store.stepped({ step: 'refuse' });
    publisher.publish('log/a', 'stored', { token: 1 });
    publisher.publish('live/a', 'passed on', { token: 2 });
    publisher.publish('live/b', 'retained', { token: 3, isRetain: true });
    await settled();
    expect(publisher.outcomes).toEqual([
      [1, 'quota-exceeded'],
      [2, 'accepted'],
      [3, 'quota-exceeded'],
    ]);
    expect(reader.payloads).toEqual(['passed on']);
    expect(queued('log')).toBe(0);
  });

  test('QoS 0, whose publisher cannot be told, is dropped where it would be stored, and counted', async () => {
    await away('log', { queueQos0: true });
    const publisher = await client('p', TRANSIENT);
    core.store.stepped({ step: 'refuse' });
    publisher.publish('log/a', 'x', { qos: 0 });
    publisher.publish('log/r', 'x', { qos: 0, isRetain: true });
    expect([queued('log'), core.metric('messages.dropped.disk-full'), core.metric('retained.refused')]).toEqual([0, 2, 1]);
  });

  test('lets a retained message be cleared: that makes room', async () => {
    const publisher = await client('p', TRANSIENT);
    publisher.publish('r', 'x', { isRetain: true });
    core.store.stepped({ step: 'refuse' });
    publisher.publish('r', '', { token: 2, isRetain: true });
    await settled();
    expect(publisher.outcomes.at(-1)).toEqual([2, 'no-subscribers']);
    expect(core.store.retained.size).toBe(0);
  });

  test('refuses sessions that would be new, and serves those that are there, and those that are not stored', async () => {
    await away('known');
    core.store.stepped({ step: 'refuse' });
    expect(await connecting('new', {})).toEqual({ kind: 'refused', reason: 'quota-exceeded' });
    expect(await connecting('known', {})).toMatchObject({ kind: 'accepted', isSessionPresent: true });
    expect(await connecting('passing', TRANSIENT)).toMatchObject({ kind: 'accepted' });
  });

  test('refuses subscriptions that would be stored, grants what is there already, and lets subscriptions end', async () => {
    const stored = await client('stored');
    expect(stored.subscribe('a', { retainHandling: 2 })).toBe('granted');
    core.store.stepped({ step: 'refuse' });
    expect(stored.subscribe('a', { retainHandling: 2 })).toBe('granted');
    expect(stored.subscribe('a', { retainHandling: 0 })).toBe('quota-exceeded');
    expect(stored.subscribe('b', { retainHandling: 2 })).toBe('quota-exceeded');
    expect(stored.session.unsubscribe(topicFilter('a'))).toBe(true);
    const passing = await client('passing', TRANSIENT);
    expect(passing.subscribe('b')).toBe('granted');
  });

  test('goes on delivering, and takes acknowledgements', async () => {
    await away('log');
    const publisher = await client('p', TRANSIENT);
    for (const payload of ['1', '2']) publisher.publish('log/a', payload);
    core.store.stepped({ step: 'refuse' });
    const back = await client('log', { cleanStart: false });
    expect(back.payloads).toEqual(['1', '2']);
    for (const { packetId } of back.delivered) expect(back.session.settle(packetId)).toBe(true);
    expect(queued('log')).toBe(0);
  });

  test('a publisher that cannot be refused is not read, and its message is taken when there is room', async () => {
    await away('log');
    const read: string[] = [];
    const reading = { pauseReading: () => void read.push('paused'), resumeReading: () => void read.push('resumed') };
    const publisher = await client('p', { ...TRANSIENT, reading });
    core.store.stepped({ step: 'refuse' });
    publisher.publish('log/a', '1', { token: 1 });
    await clock.advanceSeconds(60);
    expect([read, publisher.outcomes]).toEqual([['paused'], []]);
    core.store.stepped({ step: 'evict', isEasing: true });
    await clock.advanceMs(1);
    expect([read, publisher.outcomes, queued('log')]).toEqual([['paused', 'resumed'], [[1, 'accepted']], 1]);
  });
});

describe('a disk that refuses, and more waits for it than may', () => {
  test.each<[string, Partial<ConnectRequest>, string]>([
    ['known', {}, 'unavailable'],
    ['new', {}, 'unavailable'],
    ['passing', TRANSIENT, 'accepted'],
  ])('%s', async (id, request, outcome) => {
    await away('known');
    core.store.room = 'stuck';
    const answer = await connecting(id, request);
    expect(answer.kind === 'refused' ? answer.reason : answer.kind).toBe(outcome);
  });
});

describe('queues are asked to let go of messages', () => {
  const policy = (whenFull: WhenFull): Partial<ConnectRequest> => ({ queue: policyOf({ whenFull, messagesMax: 100 }) });

  async function filled(name: string, whenFull: WhenFull, count: number): Promise<void> {
    await away(name, policy(whenFull));
    const publisher = await client('p', TRANSIENT);
    for (let number = 1; number <= count; number += 1) publisher.publish(`${name}/a`, `${number}`);
    publisher.session.disconnect({ publishWill: false });
  }

  async function left(name: string): Promise<string[]> {
    return (await client(name, { cleanStart: false })).payloads;
  }

  test.each<[WhenFull, string[]]>([
    ['drop-oldest', ['3', '4', '5']],
    ['drop-newest', ['1', '2', '3']],
    ['refuse', ['1', '2', '3', '4', '5']],
  ])('%s: at the end its owner chose', async (whenFull, expected) => {
    await filled('log', whenFull, 5);
    const bytes = [...core.store.sessions.values()].find(({ clientId }) => clientId === 'log')?.queue.bytes ?? 0;
    core.store.evict((2 * bytes) / 5);
    expect(core.metric('messages.dropped.disk-full')).toBe(5 - expected.length);
    expect(core.store.settled.get('disk-full') ?? 0).toBe(5 - expected.length);
    expect(await left('log')).toEqual(expected);
  });

  test('the one that has most goes first, and no more goes than is asked for', async () => {
    await filled('small', 'drop-oldest', 3);
    await filled('large', 'drop-oldest', 30);
    core.store.evict(1);
    expect([queued('small'), queued('large')]).toEqual([3, 29]);
    core.store.evict(ALL);
    expect([queued('small'), queued('large')]).toEqual([0, 0]);
  });

  test('what is under way to its client stays', async () => {
    const reader = await client('log', policy('drop-oldest'));
    reader.subscribe('log/#');
    const publisher = await client('p', TRANSIENT);
    publisher.publish('log/a', '1');
    expect(core.store.evict(ALL)).toBe(0);
    expect(reader.session.settle(reader.delivered[0]?.packetId ?? 0)).toBe(true);
  });
});

describe('the steps are told below $SYS', () => {
  test('from the first step on what is lazy waits for its commit, until the last is taken back', () => {
    const core = startCore({ clock: new FakeClock() });
    const allowed = (): boolean => core.broker.durability.isLazyAllowed;
    const seen = [allowed()];
    for (const step of ['stop-lazy', 'compact', 'stop-lazy', 'ample'] as const) {
      core.store.stepped({ step, isEasing: seen.length > 2 });
      seen.push(allowed());
    }
    expect(seen).toEqual([true, false, false, false, true]);
  });

  test('each as an alarm, its end when there is room again, and where it is as a figure', async () => {
    const admin = await client('admin', TRANSIENT);
    admin.subscribe('$SYS/#');
    core.store.stepped({ step: 'stop-lazy', roomBytes: 100, storeBytes: 50 });
    core.store.stepped({ step: 'compact' });
    core.store.stepped({ step: 'stop-lazy', isEasing: true });
    core.store.stepped({ step: 'ample', isEasing: true });
    const told = admin.delivered.map(({ topic, payload }) => [topic, payload]);
    expect(told.filter(([topic]) => topic === '$SYS/broker/store/disk').map(([, payload]) => payload)).toEqual(['stop-lazy', 'compact', 'stop-lazy', 'ample']);
    const alarms = told.filter(([topic]) => topic?.includes('/alarms/')).map(([topic, payload]) => [topic, JSON.parse(payload ?? '')]);
    expect(alarms.map(([topic, { details }]) => [topic, details.step])).toEqual([
      ['$SYS/brokers/postern/alarms/activate', 'stop-lazy'],
      ['$SYS/brokers/postern/alarms/activate', 'compact'],
      ['$SYS/brokers/postern/alarms/deactivate', 'ample'],
    ]);
    expect(alarms[0]?.[1]).toEqual({
      name: 'disk_full',
      message: expect.stringContaining('runs short of room'),
      details: { step: 'stop-lazy', room_bytes: 100, store_bytes: 50 },
      activate_at: clock.nowMs(),
    });
  });
});
