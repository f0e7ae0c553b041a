import { describe, expect, test } from 'vitest';
import { connect, disconnect, MqttBench, type MqttPeer, will } from '../../support/mqtt.ts';

async function watched(): Promise<{ bench: MqttBench; watcher: MqttPeer }> {
  const bench = await MqttBench.start();
  const watcher = await (await bench.connected({ clientId: 'watcher' })).subscribed({ filter: 'will', retainAsPublished: true });
  return { bench, watcher };
}

const KEPT = { sessionExpirySeconds: 1_000 } as const;

describe('MQTT 5 §3.1.2.5 Will', () => {
  test.each([
    ['the link breaks', (peer: MqttPeer) => peer.link.resets()],
    ['the peer closes without DISCONNECT', (peer: MqttPeer) => peer.link.ends()],
    ['the peer breaks a rule', (peer: MqttPeer) => peer.sends('f000')],
    ['DISCONNECT 0x04, with will', (peer: MqttPeer) => peer.sends(disconnect(0x04))],
    ['DISCONNECT 0x80, an error', (peer: MqttPeer) => peer.sends(disconnect(0x80))],
  ])('MQTT-3.1.2-8: published when %s', async (_, leave) => {
    const { bench, watcher } = await watched();
    const peer = await bench.connected({ clientId: 'gw', will: will({ qos: 1, isRetain: true }) });
    leave(peer);
    await watcher.expects({ type: 'publish', topic: 'will', payload: 'gone', qos: 1, isRetain: true }); // MQTT-3.1.2-15
  });

  test('MQTT-3.1.2-8, MQTT-3.14.4-3: DISCONNECT 0x00 removes it', async () => {
    const { bench, watcher } = await watched();
    const peer = await bench.connected({ clientId: 'gw', will: will() });
    await peer.sends(disconnect()).expectsEnd();
    await watcher.expectsNothing();
  });

  test('MQTT-3.1.2-7: it is stored with the session', async () => {
    const { bench } = await watched();
    await bench.connected({ clientId: 'gw', will: will({ qos: 1, delaySeconds: 5 }), properties: KEPT });
    const wills = [...bench.core.store.sessions.values()].map(({ facts }) => facts.will);
    expect(wills).toMatchObject([{ message: { qos: 1 }, delaySeconds: 5 }]);
  });

  test('MQTT-3.1.2-10: published once', async () => {
    const { bench, watcher } = await watched();
    (await bench.connected({ clientId: 'gw', cleanStart: false, properties: KEPT, will: will() })).link.resets();
    await watcher.expects({ type: 'publish' });
    (await bench.connected({ clientId: 'gw', cleanStart: false, properties: KEPT })).link.resets();
    await bench.clock.advanceSeconds(2_000);
    await watcher.expectsNothing();
  });

  test('MQTT-3.1.2-14: a will without RETAIN is not retained', async () => {
    const { bench, watcher } = await watched();
    (await bench.connected({ clientId: 'gw', will: will() })).link.resets();
    await watcher.expects({ type: 'publish', isRetain: false });
    expect(bench.metric('retained.messages')).toBe(0);
  });

  test('§3.1.3.2: its properties come with it, its expiry counts from publication', async () => {
    const { bench, watcher } = await watched();
    const properties = { contentType: 'text/plain', userProperties: [['k', '1']] as const };
    const peer = await bench.connected({ clientId: 'gw', will: will({ properties, expirySeconds: 30 }) });
    await bench.clock.advanceSeconds(100);
    peer.link.resets();
    await watcher.expects({ type: 'publish', properties, expirySeconds: 30 });
  });

  test('a will its owner may no longer publish is dropped', async () => {
    const { bench, watcher } = await watched();
    const peer = await bench.connected({ clientId: 'gw', will: will() });
    bench.core.access.forbids = ({ kind }) => kind === 'publish';
    peer.link.resets();
    await watcher.expectsNothing();
  });
});

describe('MQTT 5 §3.1.3.2.2 Will Delay Interval', () => {
  test.each([
    ['after the delay', { delaySeconds: 10, sessionExpirySeconds: 1_000, dueSeconds: 10 }],
    ['at the end of the session when that is sooner', { delaySeconds: 100, sessionExpirySeconds: 20, dueSeconds: 20 }],
    ['at once when the session ends with the connection', { delaySeconds: 100, sessionExpirySeconds: 0, dueSeconds: 0 }],
  ])('MQTT-3.1.2-8: published %s', async (_, { delaySeconds, sessionExpirySeconds, dueSeconds }) => {
    const { bench, watcher } = await watched();
    (await bench.connected({ clientId: 'gw', properties: { sessionExpirySeconds }, will: will({ delaySeconds }) })).link.resets();
    await watcher.receives().then((early) => expect(early).toHaveLength(dueSeconds === 0 ? 1 : 0));
    if (dueSeconds === 0) return;
    await bench.clock.advanceMs(dueSeconds * 1_000 - 1);
    await watcher.expectsNothing();
    await bench.clock.advanceMs(1);
    await watcher.expects({ type: 'publish', payload: 'gone' });
  });

  test('MQTT-3.1.3-9: a client that returns in time silences it', async () => {
    const { bench, watcher } = await watched();
    const delayed = { clientId: 'gw', cleanStart: false, properties: KEPT, will: will({ delaySeconds: 10 }) } as const;
    (await bench.connected(delayed)).link.resets();
    await bench.clock.advanceSeconds(9);
    await bench.connected(delayed);
    await bench.clock.advanceSeconds(100);
    await watcher.expectsNothing();
  });

  test.each([
    ['delay 0', 0, false, true],
    ['a delay and Clean Start 0: silenced', 10, false, false],
    ['a delay and Clean Start 1: the session ends', 10, true, true],
  ])('MQTT-3.1.4-3: the will at a take-over, %s', async (_, delaySeconds, cleanStart, isPublished) => {
    const { bench, watcher } = await watched();
    const peer = await bench.connected({ clientId: 'gw', cleanStart: false, properties: KEPT, will: will({ delaySeconds }) });
    await bench
      .peer()
      .sends(connect({ clientId: 'gw', cleanStart, properties: KEPT }))
      .receives();
    await peer.expectsEnd({ type: 'disconnect', reasonCode: 0x8e });
    expect(await watcher.payloads()).toEqual(isPublished ? ['gone'] : []);
  });
});
