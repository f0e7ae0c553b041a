import { describe, expect, test } from 'vitest';
import type { ConnectRequest } from '../../../src/gateway/gateway.ts';
import { topicName } from '../../../src/model/topic.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { policyOf, requestOf, TestClient } from '../../support/test-client.ts';

interface Pair {
  readonly clock: FakeClock;
  readonly core: TestCore;
  readonly publisher: TestClient;
  readonly subscriber: TestClient;
}

const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;

async function pair(over: Partial<ConnectRequest> = {}): Promise<Pair> {
  const clock = new FakeClock();
  const core = startCore({ clock });
  const publisher = new TestClient(core.context('mqtt'));
  const subscriber = new TestClient(core.context('mqtt'));
  await publisher.connect(requestOf('publisher', TRANSIENT));
  await subscriber.connect(requestOf('subscriber', over));
  return { clock, core, publisher, subscriber };
}

/** Settles every delivery seen so far that is still in flight, as a peer that acknowledges at once. */
function acknowledgeAll(client: TestClient): void {
  for (const { packetId } of [...client.delivered]) if (packetId !== 0) client.session.settle(packetId);
}

describe('MQTT 5 §4.9 the in-flight window', () => {
  test.each([
    ['a session that ends with its link', TRANSIENT],
    ['a stored session', {}],
  ])('%s gets no more than its window, and the rest as it settles', async (_, over) => {
    const { publisher, subscriber } = await pair({ ...over, inflightMax: 2 });
    subscriber.subscribe('a/#', { qos: 1 });
    for (const payload of ['1', '2', '3', '4']) publisher.publish('a/b', payload);
    expect(subscriber.payloads).toEqual(['1', '2']);
    subscriber.session.settle(subscriber.delivered[0]?.packetId ?? 0);
    expect(subscriber.payloads).toEqual(['1', '2', '3']);
    acknowledgeAll(subscriber);
    expect(subscriber.payloads).toEqual(['1', '2', '3', '4']);
  });

  test('MQTT-4.9.0-3: QoS 0 passes a full window', async () => {
    const { publisher, subscriber } = await pair({ ...TRANSIENT, inflightMax: 1 });
    subscriber.subscribe('a/#', { qos: 1 });
    publisher.publish('a/b', '1');
    publisher.publish('a/b', 'zero', { qos: 0 });
    expect(subscriber.payloads).toEqual(['1', 'zero']);
  });

  test('a packet id is free again once settled, and unknown ids are told', async () => {
    const { publisher, subscriber } = await pair();
    subscriber.subscribe('a/#', { qos: 1 });
    publisher.publish('a/b', '1');
    const { packetId } = subscriber.delivered[0] ?? { packetId: 0 };
    expect(subscriber.session.settle(packetId)).toBe(true);
    expect(subscriber.session.settle(packetId)).toBe(false);
    expect(subscriber.session.received(packetId)).toBe(false);
  });

  test('MQTT-4.4.0-2: a refused delivery counts as done and is counted', async () => {
    const { core, publisher, subscriber } = await pair();
    subscriber.subscribe('a/#', { qos: 1 });
    publisher.publish('a/b', '1');
    expect(subscriber.session.refused(subscriber.delivered[0]?.packetId ?? 0)).toBe(true);
    expect(core.metric('messages.dropped.refused-by-peer')).toBe(1);
    expect(core.store.status().queuedMessages).toBe(0);
  });
});

describe('MQTT 5 §4.4 message delivery retry', () => {
  test('MQTT-4.4.0-1: what is in flight is sent again with its id and DUP when the session resumes, and only then', async () => {
    const { core, publisher, subscriber } = await pair();
    subscriber.subscribe('a/#', { qos: 1 });
    publisher.publish('a/b', '1');
    const first = subscriber.delivered[0];
    subscriber.session.disconnect({ publishWill: false });
    publisher.publish('a/b', '2');
    const again = new TestClient(core.context('mqtt'));
    await again.connect(requestOf('subscriber'));
    expect(again.isSessionPresent).toBe(true);
    expect(again.delivered.map(({ payload, isDuplicate }) => [payload, isDuplicate])).toEqual([
      ['1', true],
      ['2', false],
    ]);
    expect(again.delivered[0]?.packetId).toBe(first?.packetId);
  });

  test('MQTT-4.3.3-6: after PUBREC only PUBREL is sent again', async () => {
    const { core, publisher, subscriber } = await pair();
    subscriber.subscribe('a/#');
    publisher.publish('a/b', '1', { qos: 2, packetId: 1 });
    await settled();
    const { packetId } = subscriber.delivered[0] ?? { packetId: 0 };
    subscriber.session.received(packetId);
    await settled();
    subscriber.session.disconnect({ publishWill: false });
    const again = new TestClient(core.context('mqtt'));
    await again.connect(requestOf('subscriber'));
    expect(again.delivered).toEqual([]);
    expect(again.released).toEqual([packetId]);
    expect(again.session.settle(packetId)).toBe(true);
    expect(core.store.status().queuedMessages).toBe(0);
  });

  test('a smaller Receive Maximum of the new connection paces what is sent again', async () => {
    const { core, publisher, subscriber } = await pair({ inflightMax: 10 });
    subscriber.subscribe('a/#', { qos: 1 });
    for (const payload of ['1', '2', '3']) publisher.publish('a/b', payload);
    subscriber.session.disconnect({ publishWill: false });
    const again = new TestClient(core.context('mqtt'));
    await again.connect(requestOf('subscriber', { inflightMax: 1 }));
    expect(again.payloads).toEqual(['1']);
    acknowledgeAll(again);
    expect(again.payloads).toEqual(['1', '2']);
  });

  test('resume after upstream stands for a new connection: in-flight first, then the rest', async () => {
    const { publisher, subscriber } = await pair();
    subscriber.subscribe('a/#', { qos: 1 });
    publisher.publish('a/b', '1');
    subscriber.session.pause('upstream');
    publisher.publish('a/b', '2');
    subscriber.session.resume('upstream');
    expect(subscriber.delivered.map(({ payload, isDuplicate }) => [payload, isDuplicate])).toEqual([
      ['1', false],
      ['1', true],
      ['2', false],
    ]);
  });
});

describe('pause and resume', () => {
  test('nothing flows while any reason is left', async () => {
    const { publisher, subscriber } = await pair();
    subscriber.subscribe('a/#', { qos: 1 });
    subscriber.session.pause('link');
    subscriber.session.pause('upstream');
    publisher.publish('a/b', '1');
    subscriber.session.resume('link');
    expect(subscriber.payloads).toEqual([]);
    subscriber.session.resume('upstream');
    expect(subscriber.payloads).toEqual(['1']);
  });

  test('QoS 0 behind a full socket waits in memory, in order with what follows', async () => {
    const { publisher, subscriber } = await pair(TRANSIENT);
    subscriber.subscribe('a/#', { qos: 1 });
    subscriber.session.pause('link');
    publisher.publish('a/b', '1', { qos: 0 });
    publisher.publish('a/b', '2', { qos: 1 });
    subscriber.session.resume('link');
    expect(subscriber.payloads).toEqual(['1', '2']);
  });

  test('the memory queue drops its oldest at its bound, counted', async () => {
    const clock = new FakeClock();
    const core = startCore({ clock, settings: { memoryQueueLimits: { messagesMax: 2, bytesMax: 1_000_000 } } });
    const publisher = new TestClient(core.context('mqtt'));
    const subscriber = new TestClient(core.context('mqtt'));
    await publisher.connect(requestOf('publisher', TRANSIENT));
    await subscriber.connect(requestOf('subscriber', TRANSIENT));
    subscriber.subscribe('a/#');
    subscriber.session.pause('link');
    for (const payload of ['1', '2', '3']) publisher.publish('a/b', payload, { qos: 0 });
    subscriber.session.resume('link');
    expect(subscriber.payloads).toEqual(['2', '3']);
    expect(core.metric('messages.dropped.queue-full')).toBe(1);
  });

  test('a payload kept for later does not change with the reader of the socket', async () => {
    const { core, publisher, subscriber } = await pair(TRANSIENT);
    subscriber.subscribe('a/#');
    subscriber.session.pause('link');
    const buffer = Buffer.from('good');
    const topic = core.context('mqtt').topics.intern(topicName('a/b'));
    publisher.session.publish({ topic, payload: buffer, qos: 0, isRetain: false }, 0);
    buffer.write('evil');
    subscriber.session.resume('link');
    expect(subscriber.payloads).toEqual(['good']);
  });
});

describe('MQTT-SN 1.2 §6.14 sleeping: wake and drained', () => {
  async function sleeper(): Promise<Pair> {
    const made = await pair({ queueQos0: true, inflightMax: 1 });
    made.subscriber.subscribe('a/#', { qos: 1 });
    made.subscriber.session.pause('asleep');
    return made;
  }

  test('asleep, nothing is delivered, QoS 0 included; a wake brings it in order, then tells', async () => {
    const { publisher, subscriber } = await sleeper();
    publisher.publish('a/b', '1', { qos: 0 });
    publisher.publish('a/b', '2', { qos: 1 });
    expect(subscriber.payloads).toEqual([]);
    subscriber.session.wake();
    expect(subscriber.payloads).toEqual(['1', '2']);
    expect(subscriber.drainedCount).toBe(0);
    acknowledgeAll(subscriber);
    expect(subscriber.drainedCount).toBe(1);
  });

  test('what arrives during a wake waits for the next one', async () => {
    const { publisher, subscriber } = await sleeper();
    publisher.publish('a/b', '1');
    subscriber.session.wake();
    publisher.publish('a/b', '2');
    acknowledgeAll(subscriber);
    expect(subscriber.payloads).toEqual(['1']);
    expect(subscriber.drainedCount).toBe(1);
    subscriber.session.wake();
    expect(subscriber.payloads).toEqual(['1', '2']);
  });

  test('a wake with nothing queued is drained at once', async () => {
    const { subscriber } = await sleeper();
    subscriber.session.wake();
    expect(subscriber.drainedCount).toBe(1);
  });

  test('a delivery given back comes again at the next wake', async () => {
    const { publisher, subscriber } = await sleeper();
    publisher.publish('a/b', '1');
    subscriber.session.wake();
    subscriber.session.giveBack(subscriber.delivered[0]?.packetId ?? 0);
    subscriber.session.wake();
    expect(subscriber.payloads).toEqual(['1', '1']);
  });
});

describe('MQTT 5 §3.3.2.3.3 Message Expiry Interval', () => {
  test('MQTT-3.3.2-5, -6: an expired message is not delivered, a waiting one says what is left', async () => {
    const { clock, core, publisher, subscriber } = await pair();
    subscriber.subscribe('a/#', { qos: 1 });
    subscriber.session.pause('link');
    publisher.publish('a/b', 'short', { expirySeconds: 10 });
    publisher.publish('a/b', 'long', { expirySeconds: 100 });
    await clock.advanceSeconds(30);
    subscriber.session.resume('link');
    expect(subscriber.delivered.map(({ payload, expirySeconds }) => [payload, expirySeconds])).toEqual([['long', 70]]);
    expect(core.metric('messages.dropped.expired')).toBe(1);
  });

  test('a step of the wall clock changes no expiry', async () => {
    const { clock, publisher, subscriber } = await pair();
    subscriber.subscribe('a/#', { qos: 1 });
    subscriber.session.pause('link');
    publisher.publish('a/b', 'x', { expirySeconds: 100 });
    clock.stepWallClock(10 * 365 * 86_400_000);
    subscriber.session.resume('link');
    expect(subscriber.delivered.map(({ expirySeconds }) => expirySeconds)).toEqual([100]);
  });
});

describe('bounds of the stored queue', () => {
  test('drop-oldest: the oldest that is not in flight makes room, counted', async () => {
    const { core, publisher, subscriber } = await pair({ queue: policyOf() });
    subscriber.subscribe('a/#', { qos: 1 });
    subscriber.session.disconnect({ publishWill: false });
    for (const payload of ['1', '2', '3']) publisher.publish('a/b', payload);
    expect(publisher.outcomes.length).toBe(0);
    const again = new TestClient(core.context('mqtt'));
    await again.connect(requestOf('subscriber', { queue: policyOf() }));
    expect(again.payloads).toEqual(['2', '3']);
    expect(core.metric('messages.dropped.queue-full')).toBe(1);
  });

  test('refuse: the publisher is told, nothing is stored anywhere', async () => {
    const { core, publisher, subscriber } = await pair({ queue: policyOf({ whenFull: 'refuse' }), queueQos0: true });
    subscriber.subscribe('a/#', { qos: 1 });
    subscriber.session.pause('upstream');
    for (const token of [1, 2, 3]) publisher.publish('a/b', String(token), { token });
    await settled();
    expect(publisher.outcomes).toEqual([
      [1, 'accepted'],
      [2, 'accepted'],
      [3, 'quota-exceeded'],
    ]);
    publisher.publish('a/b', 'zero', { qos: 0 });
    expect(core.store.status().queuedMessages).toBe(2);
    expect(core.metric('messages.refused.quota-exceeded')).toBe(1);
    expect(core.metric('messages.dropped.queue-full')).toBe(1);
  });

  test('a congested store refuses QoS 1 and 2', async () => {
    const { core, publisher } = await pair();
    core.store.isCongested = true;
    publisher.publish('a/b', '1', { token: 5 });
    expect(publisher.outcomes).toEqual([[5, 'quota-exceeded']]);
  });
});

describe('a window with many places', () => {
  /** A client with so many places, all of them taken, and a queue that fills them; `acknowledge` returns how many deliveries that brings. */
  async function full(inflightMax: number) {
    const { clock, publisher, subscriber } = await pair({ inflightMax });
    subscriber.subscribe('t');
    for (let index = 0; index < 100; index += 1) publisher.publish('t', String(index));
    await settled();
    let settledCount = 0;
    const acknowledge = (): number => {
      const before = subscriber.delivered.length;
      subscriber.session.settle(subscriber.delivered[settledCount++]?.packetId ?? 0);
      return subscriber.delivered.length - before;
    };
    return { clock, subscriber, acknowledge };
  }

  test('is filled in lots of an eighth of it', async () => {
    const { acknowledge } = await full(32);
    expect(Array.from({ length: 9 }, acknowledge)).toEqual([0, 0, 0, 4, 0, 0, 0, 4, 0]);
  });

  test('is filled after 10 ms when the rest is not acknowledged', async () => {
    const { clock, subscriber, acknowledge } = await full(32);
    acknowledge();
    await clock.advanceMs(9);
    expect(subscriber.delivered.length).toBe(32);
    await clock.advanceMs(1);
    expect(subscriber.delivered.length).toBe(33);
  });

  test.each([[1], [2], [15]])('one with %i has each filled at once', async (inflightMax) => {
    const { acknowledge } = await full(inflightMax);
    expect([acknowledge(), acknowledge(), acknowledge()]).toEqual([1, 1, 1]);
  });
});
