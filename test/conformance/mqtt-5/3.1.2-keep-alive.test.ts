import { describe, expect, test } from 'vitest';
import { MqttBench, publishBytes, will } from '../../support/mqtt.ts';

const PINGREQ = 'c000';

describe('MQTT 5 §3.1.2.10 Keep Alive', () => {
  test('MQTT-3.1.2-22: silence is borne until 1.5 times the keep-alive; then 0x8D, and the will goes out', async () => {
    const bench = await MqttBench.start();
    const watcher = await (await bench.connected({ clientId: 'watcher' })).subscribed({ filter: 'will' });
    const peer = await bench.connected({ clientId: 'gw', keepAliveSeconds: 10, will: will() });
    await bench.clock.advanceMs(14_999);
    await peer.expectsNothing();
    expect(peer.link.isEnded).toBe(false);
    await bench.clock.advanceMs(1);
    await peer.expectsEnd({ type: 'disconnect', reasonCode: 0x8d });
    await watcher.expects({ type: 'publish', topic: 'will', payload: 'gone' });
    expect(bench.metric('mqtt.keep-alive-timeouts')).toBe(1);
  });

  test.each([
    ['PINGREQ', PINGREQ],
    ['PUBLISH', publishBytes(5, 'a', 'x')],
    ['an acknowledgement', '40020001'],
  ])('%s counts from when it came', async (_, packet) => {
    const bench = await MqttBench.start();
    const peer = await bench.connected({ clientId: 'gw', keepAliveSeconds: 10 });
    await bench.clock.advanceMs(14_999);
    await peer.sends(packet).receives();
    await bench.clock.advanceMs(14_999);
    await peer.expectsNothing();
    await bench.clock.advanceMs(1);
    await peer.expectsEnd({ type: 'disconnect', reasonCode: 0x8d });
  });

  test('MQTT-3.1.2-22: single octets are no packet', async () => {
    const bench = await MqttBench.start();
    const peer = await bench.connected({ clientId: 'gw', keepAliveSeconds: 10 });
    const drip = publishBytes(5, 'a', 'x'.repeat(100));
    for (let i = 0; i < 15; i += 1) {
      expect(peer.link.isEnded).toBe(false);
      peer.sends(drip.subarray(i, i + 1));
      await bench.clock.advanceSeconds(1);
    }
    await peer.expectsEnd({ type: 'disconnect', reasonCode: 0x8d });
  });

  test('a large packet over a slow link is no silence', async () => {
    const bench = await MqttBench.start();
    const peer = await bench.connected({ clientId: 'gw', keepAliveSeconds: 10 });
    const large = publishBytes(5, 'a', Buffer.alloc(400_000), { qos: 1 });
    for (let at = 0; at < large.length; at += 66_000) {
      peer.sends(large.subarray(at, at + 66_000));
      await bench.clock.advanceSeconds(9);
    }
    await peer.expects({ type: 'puback' });
  });

  test('a keep-alive of 0 is none', async () => {
    const bench = await MqttBench.start();
    const peer = await bench.connected({ clientId: 'gw', keepAliveSeconds: 0 });
    await bench.clock.advanceSeconds(1_000_000);
    await peer.sends(PINGREQ).expects({ type: 'pingresp' });
  });

  test.each([
    ['longer than the longest granted', 600],
    ['none', 0],
  ])('MQTT-3.1.2-21, MQTT-3.2.2-21: asked for %s, Server Keep Alive says what holds', async (_, keepAliveSeconds) => {
    const bench = await MqttBench.start({ settings: { keepAliveMaxSeconds: 60 } });
    const peer = bench.peer();
    await peer
      .sends({ type: 'connect', version: 5, isBridge: false, clientId: 'gw', cleanStart: true, keepAliveSeconds })
      .expects({ type: 'connack', properties: { serverKeepAliveSeconds: 60 } });
    await bench.clock.advanceSeconds(90);
    await peer.expectsEnd({ type: 'disconnect', reasonCode: 0x8d });
  });

  test('MQTT-3.2.2-22: a shorter one is granted as asked, without a word', async () => {
    const bench = await MqttBench.start({ settings: { keepAliveMaxSeconds: 60 } });
    const peer = bench.peer();
    const [connack] = await peer.sends({ type: 'connect', version: 5, isBridge: false, clientId: 'gw', cleanStart: true, keepAliveSeconds: 20 }).receives();
    expect(connack?.type === 'connack' && connack.properties?.serverKeepAliveSeconds).toBe(undefined);
    await bench.clock.advanceSeconds(30);
    await peer.expectsEnd({ type: 'disconnect', reasonCode: 0x8d });
  });

  test('what the server sends does not count', async () => {
    const bench = await MqttBench.start();
    const peer = await (await bench.connected({ clientId: 'gw', keepAliveSeconds: 10 })).subscribed({ filter: 'a' });
    const other = await bench.connected({ clientId: 'other' });
    await bench.clock.advanceSeconds(14);
    other.publishes('a', 'x');
    await peer.expects({ type: 'publish' });
    await bench.clock.advanceSeconds(1);
    await peer.expectsEnd({ type: 'disconnect', reasonCode: 0x8d });
  });
});
