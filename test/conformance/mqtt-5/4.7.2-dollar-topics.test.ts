// Topics beginning with $, which a server uses for purposes of its own (MQTT 5 §4.7.2), as a client of MQTT meets them.
import { describe, expect, test } from 'vitest';
import { topicFilter, topicName } from '../../../src/model/topic.ts';
import { ack, connect, disconnect, MqttBench, subscribe, unsubscribe, will } from '../../support/mqtt.ts';

describe('MQTT 5 §4.7.2 topics beginning with $', () => {
  test('MQTT-4.7.2-1: a leading wildcard selects none of them', async () => {
    const bench = await MqttBench.start();
    const peer = await bench.connected({ clientId: 'c' });
    await peer.subscribed({ filter: '#' }, { filter: '+/x' });
    await peer.publishes('$local/x', '1').publishes('$other/x', '2').expectsNothing();
  });

  test('$delayed: PUBACK 0x00 once it is stored, the message at its time', async () => {
    const bench = await MqttBench.start();
    const peer = await bench.connected({ clientId: 'c' });
    await peer.subscribed({ filter: 'a' });
    await peer.publishes('$delayed/10/a', 'x', { qos: 1, packetId: 7 }).expects(ack('puback', 7));
    await bench.clock.advanceMs(9_999);
    await peer.expectsNothing();
    await bench.clock.advanceMs(1);
    await peer.expects({ type: 'publish', topic: 'a', payload: 'x', qos: 1 });
  });

  test.each(['$delayed/soon/a', '$delayed/5', '$delayed/99999999/a'])('%s: 0x90 in PUBACK and PUBREC', async (topic) => {
    const bench = await MqttBench.start();
    const peer = await bench.connected({ clientId: 'c' });
    await peer.publishes(topic, 'x', { qos: 1, packetId: 1 }).expects(ack('puback', 1, 0x90));
    await peer.publishes(topic, 'x', { qos: 2, packetId: 2 }).expects(ack('pubrec', 2, 0x90));
  });

  test('$delayed in 3.1.1, which cannot say so: acknowledged and dropped (MQTT-3.3.5-2 of 3.1.1)', async () => {
    const bench = await MqttBench.start();
    const peer = await bench.connected({ clientId: 'c', version: 4 });
    await peer.publishes('$delayed/soon/a', 'x', { qos: 1, packetId: 1 }).expects(ack('puback', 1));
  });

  test('$exclusive: 0x97 for the second, until the first lets go', async () => {
    const bench = await MqttBench.start();
    const first = await bench.connected({ clientId: 'first' });
    const second = await bench.connected({ clientId: 'second' });
    await first.subscribed({ filter: '$exclusive/a' });
    await second.sends(subscribe(1, { filter: '$exclusive/a' })).expects({ type: 'suback', reasonCodes: [0x97] });
    await first.sends(unsubscribe(2, '$exclusive/a')).expects({ type: 'unsuback', reasonCodes: [0] });
    await second.sends(subscribe(2, { filter: '$exclusive/a' })).expects({ type: 'suback', reasonCodes: [2] });
    await first.publishes('a', 'x').expectsNothing();
    await second.expects({ type: 'publish', topic: 'a', payload: 'x' });
  });

  test('MQTT-3.1.4-2: a will that may not be published: 0x87 at CONNECT', async () => {
    const bench = await MqttBench.start();
    bench.core.access.forbids = (action) => action.kind === 'publish' && action.topic === topicName('secret');
    await bench
      .peer()
      .sends(connect({ will: will({ topic: 'secret' }) }))
      .expectsEnd({ type: 'connack', reasonCode: 0x87 });
  });
});

describe('a listener with a mount point', () => {
  test('gives each client a part of the name space, which it does not see the name of', async () => {
    const bench = await MqttBench.start({ settings: { mountPoint: 'site/${clientid}/' } });
    const outside = await bench.application();
    outside.subscribe('site/#');
    const inside = await bench.connected({ clientId: 'c', will: will({ topic: 'will' }) });
    await inside.subscribed({ filter: '#' }, { filter: '$share/g/shared' });
    await inside.publishes('a', '1').expects({ type: 'publish', topic: 'a', payload: '1' });
    outside.publish('site/c/b', '2', { qos: 0 });
    outside.publish('site/other/b', '3', { qos: 0 });
    await inside.expects({ type: 'publish', topic: 'b', payload: '2' });
    await inside.sends(unsubscribe(3, '#')).expects({ type: 'unsuback', reasonCodes: [0] });
    outside.publish('site/c/shared', '4', { qos: 0 });
    await inside.expects({ type: 'publish', topic: 'shared', payload: '4' });
    await inside.sends(disconnect(0x04)).expectsEnd();
    await bench.clock.advanceMs(1);
    expect(outside.delivered.map(({ topic }) => topic)).toEqual(['site/c/a', 'site/c/b', 'site/other/b', 'site/c/shared', 'site/c/will']);
  });

  test('a client whose id cannot stand in it is refused: 0x87', async () => {
    const bench = await MqttBench.start({ settings: { mountPoint: 'site/${clientid}/' } });
    await bench
      .peer()
      .sends(connect({ clientId: 'a/b' }))
      .expectsEnd({ type: 'connack', reasonCode: 0x87 });
  });
});

describe('topic rewrite', () => {
  test('renames in PUBLISH, SUBSCRIBE and UNSUBSCRIBE; the subscriber gets the new name', async () => {
    const rewrite = [{ action: 'all', source: topicFilter('old/#'), pattern: '^old/(.+)$', destination: 'new/$1' }] as const;
    const bench = await MqttBench.start({ broker: { rewrite } });
    const peer = await bench.connected({ clientId: 'c' });
    await peer.subscribed({ filter: 'old/+' });
    await peer.publishes('old/a', '1').expects({ type: 'publish', topic: 'new/a', payload: '1' });
    await peer.sends(unsubscribe(2, 'old/+')).expects({ type: 'unsuback', reasonCodes: [0] });
    await peer.publishes('new/a', '2').expectsNothing();
  });
});
