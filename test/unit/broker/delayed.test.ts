import { describe, expect, test } from 'vitest';
import type { BrokerSettings } from '../../../src/broker/broker.ts';
import { DELAYED_WILLS_BYTES_MAX } from '../../../src/model/limits.ts';
import { topicName } from '../../../src/model/topic.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;

interface Bench {
  readonly clock: FakeClock;
  readonly core: TestCore;
  readonly publisher: TestClient;
  readonly watcher: TestClient;
}

async function bench(settings: Partial<BrokerSettings> = {}, store?: MemoryStore, clock = new FakeClock()): Promise<Bench> {
  const core = startCore({ clock, settings, ...(store === undefined ? {} : { store }) });
  const publisher = new TestClient(core.context('mqtt'));
  await publisher.connect(requestOf('p', TRANSIENT));
  const watcher = new TestClient(core.context('mqtt'));
  await watcher.connect(requestOf('w', TRANSIENT));
  watcher.subscribe('#');
  return { clock, core, publisher, watcher };
}

describe('$delayed/{seconds}/{topic}', () => {
  test('comes at its time, the earliest first, with what it was published with', async () => {
    const { clock, core, publisher, watcher } = await bench();
    publisher.publish('$delayed/10/b', '2', { qos: 1 });
    publisher.publish('$delayed/5/a', '1', { qos: 2, packetId: 7, isRetain: true });
    expect(core.metric('delayed.messages')).toBe(2);
    await clock.advanceMs(4_999);
    expect(watcher.payloads).toEqual([]);
    await clock.advanceMs(1);
    expect(watcher.delivered).toMatchObject([{ topic: 'a', payload: '1', qos: 2 }]);
    expect([...core.store.retained.keys()]).toEqual(['a']);
    await clock.advanceSeconds(5);
    expect(watcher.payloads).toEqual(['1', '2']);
    expect(core.metric('delayed.messages')).toBe(0);
  });

  test('is not retained before its time', async () => {
    const { core, publisher } = await bench();
    publisher.publish('$delayed/5/a', '1', { isRetain: true });
    await settled();
    expect(core.store.retained.size).toBe(0);
  });

  test('is acknowledged after the commit', async () => {
    const clock = new FakeClock();
    const store = new MemoryStore({ clock, autoCommit: false });
    const core = startCore({ clock, store });
    const publisher = new TestClient(core.context('mqtt'));
    await publisher.connect(requestOf('p', TRANSIENT));
    publisher.publish('$delayed/5/a', '1');
    await settled();
    expect(publisher.outcomes).toEqual([]);
    store.commit();
    expect(publisher.outcomes).toEqual([[1, 'accepted']]);
  });

  test('survives a kill; what came due meanwhile comes at once, and only once', async () => {
    const { core, publisher } = await bench();
    publisher.publish('$delayed/5/a', '1');
    publisher.publish('$delayed/50/b', '2');
    await settled();
    const clock = new FakeClock(); // the killed gateway's stands still
    await clock.advanceSeconds(6);
    const again = await bench({}, core.store.reopened({ wasClean: false }), clock);
    await clock.advanceSeconds(1);
    expect(again.watcher.payloads).toEqual(['1']);
    await clock.advanceSeconds(50);
    expect(again.watcher.payloads).toEqual(['1', '2']);
    const third = await bench({}, again.core.store.reopened({ wasClean: false }), clock);
    await clock.advanceSeconds(60);
    expect([third.watcher.payloads, third.core.metric('delayed.messages')]).toEqual([[], 0]);
  });

  test.each([['$delayed/x/a'], ['$delayed/-1/a'], ['$delayed/5'], ['$delayed/5/'], ['$delayed//a'], ['$delayed/4294968/a'], ['$delayed/1.5/a']])(
    '%s is no topic',
    async (topic) => {
      const { core, publisher } = await bench();
      publisher.publish(topic, '1');
      expect(publisher.outcomes).toEqual([[1, 'invalid-topic']]);
      expect(core.metric('delayed.messages')).toBe(0);
    },
  );

  test('MQTT-3.3.2-5: the time it waits counts towards its expiry', async () => {
    const { clock, core, publisher, watcher } = await bench();
    publisher.publish('$delayed/10/a', '1', { expirySeconds: 10 });
    publisher.publish('$delayed/10/b', '2', { expirySeconds: 15 });
    await clock.advanceSeconds(10);
    expect(watcher.delivered).toMatchObject([{ payload: '2', expirySeconds: 5 }]);
    expect(core.metric('messages.dropped.expired')).toBe(1);
  });

  test('permission is asked again when it is due, as its publisher was', async () => {
    const { clock, core, publisher, watcher } = await bench();
    publisher.publish('$delayed/10/a', '1');
    publisher.session.disconnect({ publishWill: false });
    core.access.forbids = (action, principal) => action.kind === 'publish' && action.topic === 'a' && principal.clientId === 'p';
    await clock.advanceSeconds(10);
    expect(watcher.payloads).toEqual([]);
    expect(core.metric('messages.denied')).toBe(1);
  });

  test('MQTT-3.8.3-3: No Local holds for it too', async () => {
    const { clock, publisher } = await bench();
    publisher.subscribe('a', { noLocal: true });
    publisher.publish('$delayed/1/a', '1');
    await clock.advanceSeconds(1);
    expect(publisher.payloads).toEqual([]);
  });

  test('is bounded', async () => {
    const { publisher } = await bench({ delayedLimits: { messagesMax: 1, bytesMax: 1_000 } });
    publisher.publish('$delayed/10/a', '1');
    publisher.publish('$delayed/10/a', '2', { token: 2 });
    await settled();
    expect(publisher.outcomes).toEqual([
      [1, 'accepted'],
      [2, 'quota-exceeded'],
    ]);
  });

  test('as a will waits from the moment the will fires', async () => {
    const { clock, core, watcher } = await bench();
    const draft = { topic: core.context('mqtt').topics.intern(topicName('$delayed/5/gone')), payload: Buffer.from('1'), qos: 1, isRetain: false } as const;
    const mortal = new TestClient(core.context('mqtt'));
    await mortal.connect(requestOf('m', { ...TRANSIENT, will: { draft, delaySeconds: 0 } }));
    await clock.advanceSeconds(10);
    mortal.session.disconnect({ publishWill: true });
    await clock.advanceSeconds(4);
    expect(watcher.payloads).toEqual([]);
    await clock.advanceSeconds(1);
    expect(watcher.delivered).toMatchObject([{ topic: 'gone', payload: '1' }]);
  });

  describe('a will that waits', () => {
    const comes = async ({ core }: Bench, id: string, payload = 'gone'): Promise<TestClient> => {
      const client = new TestClient(core.context('mqtt'));
      const topic = core.context('mqtt').topics.intern(topicName('$delayed/10/a'));
      const will = { draft: { topic, payload: Buffer.from(payload), qos: 1, isRetain: false }, delaySeconds: 0 } as const;
      await client.connect(requestOf(id, { ...TRANSIENT, will }));
      return client;
    };
    const leaves = async (made: Bench, id: string, payload?: string): Promise<void> =>
      (await comes(made, id, payload)).session.disconnect({ publishWill: true });

    test('is taken by a queue that is full: there is nobody left to hold back', async () => {
      const made = await bench({ delayedLimits: { messagesMax: 1, bytesMax: 1_000 } });
      made.publisher.publish('$delayed/10/a', 'message');
      await leaves(made, 'a');
      made.publisher.publish('$delayed/10/a', 'refused', { token: 2 });
      await settled();
      expect(made.publisher.outcomes).toContainEqual([2, 'quota-exceeded']);
      await made.clock.advanceSeconds(10);
      expect(made.watcher.payloads).toEqual(['message', 'gone']);
    });

    test('is taken by a store that is behind', async () => {
      const made = await bench();
      const client = await comes(made, 'a');
      made.core.store.isCongested = true;
      client.session.disconnect({ publishWill: true });
      made.core.store.isCongested = false;
      await made.clock.advanceSeconds(10);
      expect(made.watcher.payloads).toEqual(['gone']);
    });

    test('is lost, and counted, beyond what is kept free for wills', async () => {
      const made = await bench({ delayedLimits: { messagesMax: 1, bytesMax: 1_000 } });
      made.publisher.publish('$delayed/10/a', 'message');
      const payload = 'x'.repeat(65_535);
      const room = Math.ceil(DELAYED_WILLS_BYTES_MAX / payload.length);
      for (let index = 0; index < room + 2; index += 1) await leaves(made, `client-${index}`, payload);
      const { core } = made;
      expect([core.metric('delayed.messages'), core.metric('wills.lost'), core.metric('wills.published')]).toEqual([1 + room, 2, room]);
    });
  });

  test('many that are due at once leave turns to others', async () => {
    const { clock, publisher, watcher } = await bench();
    for (let n = 0; n < 200; n += 1) publisher.publish('$delayed/1/a', String(n), { qos: 0 });
    await clock.advanceSeconds(2);
    expect(watcher.payloads).toEqual(Array.from({ length: 200 }, (_, n) => String(n)));
  });
});
