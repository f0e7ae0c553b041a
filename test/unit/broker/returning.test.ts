import { describe, expect, test } from 'vitest';
import type { Will } from '../../../src/gateway/gateway.ts';
import { topicName } from '../../../src/model/topic.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;

const will = (core: TestCore, delaySeconds: number): Will => ({
  draft: { topic: core.context('mqtt').topics.intern(topicName('will/c')), payload: Buffer.from('gone'), qos: 1, isRetain: false },
  delaySeconds,
});

describe('STORE 6 a client that returns within the grace after a restart', () => {
  test.each([
    ['resuming its session', {}, 0],
    ['with Clean Start, to a session that was kept', { cleanStart: true }, 0],
    ['with Clean Start, to a session that ended with its link', TRANSIENT, 0],
    ['with Clean Start, to a session that ended with its link, and a will delay', TRANSIENT, 30],
  ])('%s silences its will', async (_, over, delaySeconds) => {
    const clock = new FakeClock();
    const first = startCore({ clock });
    await new TestClient(first.context('mqtt')).connect(requestOf('c', { ...over, will: will(first, delaySeconds) }));
    await settled();
    const second = startCore({ clock, store: first.store.reopened({ wasClean: false }) });
    const watcher = new TestClient(second.context('mqtt'));
    await watcher.connect(requestOf('watcher', TRANSIENT));
    watcher.subscribe('will/#');
    await clock.advanceSeconds(5);
    await new TestClient(second.context('mqtt')).connect(requestOf('c', over));
    await clock.advanceSeconds(120);
    expect(watcher.payloads).toEqual([]);
  });
});

describe('MQTT-4.1.0-2 the expiry of a session whose client was there when the gateway went', () => {
  test('runs on over further restarts', async () => {
    const clock = new FakeClock();
    const first = startCore({ clock });
    await new TestClient(first.context('mqtt')).connect(requestOf('c', { sessionExpirySeconds: 100 }));
    await settled();
    const second = startCore({ clock, store: first.store.reopened({ wasClean: false }) });
    await clock.advanceSeconds(60);
    const third = startCore({ clock, store: second.store.reopened({ wasClean: false }) });
    await clock.advanceSeconds(41);
    expect(third.broker.sessionCount).toBe(0);
  });
});

describe('permissions of a client that returns', () => {
  test('are those of the new connection: nothing is remembered of the one before', async () => {
    const clock = new FakeClock();
    const core = startCore({ clock });
    core.access.forbids = (action, { listener }) => action.kind === 'publish' && listener === 'outside';
    const inside = new TestClient(core.context('mqtt'));
    await inside.connect(requestOf('c'));
    inside.publish('a', '1', { token: 1 });
    const request = requestOf('c');
    const outside = new TestClient(core.context('mqtt'));
    await outside.connect({ ...request, credentials: { ...request.credentials, listener: 'outside' } });
    outside.publish('a', '2', { token: 2 });
    await settled();
    expect(outside.outcomes).toEqual([[2, 'denied']]);
  });
});

describe('state of a session that ends with its link', () => {
  test('does not depend on whether it has a will', async () => {
    const clock = new FakeClock();
    const core = startCore({ clock });
    const client = new TestClient(core.context('mqtt'));
    await client.connect(requestOf('c', TRANSIENT));
    client.session.state.put('before', Buffer.from('1'));
    client.session.setWill(will(core, 0));
    client.session.state.put('with', Buffer.from('2'));
    client.session.setWill(undefined);
    expect([...client.session.state.entries()].map(([key]) => key)).toEqual(['before', 'with']);
  });
});
