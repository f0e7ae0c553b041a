import { describe, expect, test } from 'vitest';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;

async function bounded(): Promise<{ clock: FakeClock; core: TestCore; publisher: TestClient }> {
  const clock = new FakeClock();
  const core = startCore({ clock, settings: { retainedLimits: { messagesMax: 1, bytesMax: 1_000 } } });
  const publisher = new TestClient(core.context('mqtt'));
  await publisher.connect(requestOf('p', TRANSIENT));
  return { clock, core, publisher };
}

describe('MQTT 5 §3.3.1.3 the bound of retained messages', () => {
  test('holds in the store too, for a message that goes into a stored queue', async () => {
    const { core, publisher } = await bounded();
    const subscriber = new TestClient(core.context('mqtt'));
    await subscriber.connect(requestOf('s'));
    subscriber.subscribe('#', { retainAsPublished: true, qos: 1 });
    publisher.publish('a', '1', { isRetain: true });
    publisher.publish('b', '2', { isRetain: true });
    await settled();
    expect(subscriber.delivered.map(({ payload, isRetain }) => [payload, isRetain])).toEqual([
      ['1', true],
      ['2', true],
    ]);
    expect(core.store.status().retainedMessages).toBe(1);
  });

  test('MQTT-3.3.2-5: expired messages make room', async () => {
    const { clock, core, publisher } = await bounded();
    publisher.publish('a', '1', { isRetain: true, expirySeconds: 10 });
    publisher.publish('b', '2', { isRetain: true });
    expect(core.metric('retained.refused')).toBe(1);
    await clock.advanceSeconds(10);
    publisher.publish('b', '3', { isRetain: true });
    await settled();
    expect(core.metric('retained.refused')).toBe(1);
    expect([...core.store.retained.keys()]).toEqual(['b']);
  });
});

describe('MQTT 5 §3.3.1.3 what is retained', () => {
  test('a payload above the bound is passed on and not kept', async () => {
    const core = startCore({ clock: new FakeClock(), settings: { retainedLimits: { messagesMax: 10, bytesMax: 1_000, payloadBytesMax: 3 } } });
    const client = new TestClient(core.context('mqtt'));
    await client.connect(requestOf('c', TRANSIENT));
    client.subscribe('#');
    client.publish('a', '1234', { isRetain: true });
    client.publish('b', '123', { isRetain: true });
    await settled();
    expect(client.payloads).toEqual(['1234', '123']);
    expect([...core.store.retained.keys()]).toEqual(['b']);
    expect(core.metric('retained.refused')).toBe(1);
  });

  test('without an expiry of its own it goes after the configured time; what is queued of it does not', async () => {
    const clock = new FakeClock();
    const core = startCore({ clock, settings: { retainedLimits: { messagesMax: 10, bytesMax: 1_000, expirySeconds: 60 } } });
    const client = new TestClient(core.context('mqtt'));
    await client.connect(requestOf('c'));
    client.subscribe('#');
    client.session.disconnect({ publishWill: false });
    const publisher = new TestClient(core.context('mqtt'));
    await publisher.connect(requestOf('p', TRANSIENT));
    publisher.publish('a', '1', { isRetain: true });
    publisher.publish('b', '2', { isRetain: true, expirySeconds: 120 });
    await clock.advanceSeconds(61);
    publisher.subscribe('#', { retainHandling: 0 });
    expect(publisher.delivered).toMatchObject([{ topic: 'b', isRetain: true, expirySeconds: 59 }]);
    const again = new TestClient(core.context('mqtt'));
    await again.connect(requestOf('c'));
    expect(again.delivered).toMatchObject([
      { topic: 'a', payload: '1', expirySeconds: undefined },
      { topic: 'b', payload: '2', expirySeconds: 59 },
    ]);
  });
});
