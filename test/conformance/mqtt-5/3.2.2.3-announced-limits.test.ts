// What a listener does not offer: announced in CONNACK, and refused with its code. A listener that offers everything announces nothing.
import { describe, expect, test } from 'vitest';
import type { MqttSettings } from '../../../src/mqtt/settings.ts';
import { connect, identified, MqttBench, publishBytes, quiet, type Seen, subscribe, will } from '../../support/mqtt.ts';

function connackProperties(connack: Seen | undefined): object | undefined {
  return connack?.type === 'connack' ? connack.properties : undefined;
}

describe('MQTT 5 §3.2.2.3 what is not available', () => {
  test.each<[string, Partial<MqttSettings>, object]>([
    ['MQTT-3.2.2-9, §3.2.2.3.4: Maximum QoS 1', { maximumQos: 1 }, { maximumQoS: 1 }],
    ['MQTT-3.2.2-9, §3.2.2.3.4: Maximum QoS 0', { maximumQos: 0 }, { maximumQoS: 0 }],
    ['§3.2.2.3.5: Retain Available 0', { retainAvailable: false }, { retainAvailable: false }],
    ['§3.2.2.3.11: Wildcard Subscription Available 0', { wildcardSubscriptionAvailable: false }, { wildcardSubscriptionAvailable: false }],
    ['§3.2.2.3.12: Subscription Identifiers Available 0', { subscriptionIdentifiersAvailable: false }, { subscriptionIdentifierAvailable: false }],
    ['§3.2.2.3.13: Shared Subscription Available 0', { sharedSubscriptionAvailable: false }, { sharedSubscriptionAvailable: false }],
  ])('%s is announced where it holds, and nothing where it does not', async (_, settings, announced) => {
    const bench = await MqttBench.start({ settings });
    const [limited] = await bench.peer().sends(connect()).receives();
    const [plain] = await (await MqttBench.start()).peer().sends(connect()).receives();
    expect(connackProperties(limited)).toEqual({ ...connackProperties(plain), ...announced });
  });

  test.each([
    ['QoS 2 above Maximum QoS 1', { maximumQos: 1 }, { qos: 2 }, 0x9b],
    ['QoS 1 above Maximum QoS 0', { maximumQos: 0 }, { qos: 1 }, 0x9b],
    ['a retained message', { retainAvailable: false }, { isRetain: true }, 0x9a],
  ] as const)('PUBLISH: %s ends the connection; 5.0 is told why', async (_, settings, over, reasonCode) => {
    const bench = await MqttBench.start({ settings });
    const watcher = await (await bench.connected({ clientId: 'watcher' })).subscribed({ filter: '#' });
    for (const version of [5, 4] as const) {
      const peer = await bench.connected({ clientId: `v${version}`, version });
      const farewell = version === 5 ? [{ type: 'disconnect', reasonCode }] : [];
      await peer.publishes('a', 'x', over).expectsEnd(...farewell);
    }
    await watcher.expectsNothing();
  });

  test.each([
    ['MQTT-3.2.2-12: a will of QoS 2', { maximumQos: 1 }, { qos: 2 }, 0x9b],
    ['MQTT-3.2.2-13: a will that is retained', { retainAvailable: false }, { isRetain: true }, 0x9a],
  ] as const)('CONNECT: %s is refused; 3.1.1 has no code for it', async (_, settings, over, reasonCode) => {
    const bench = await MqttBench.start({ settings });
    await bench
      .peer()
      .sends(connect({ will: will(over) }))
      .expectsEnd({ type: 'connack', reasonCode });
    await bench
      .peer(4)
      .sends(connect({ version: 4, will: will(over) }))
      .expectsEnd();
  });

  test('MQTT-3.2.2-10, MQTT-3.8.4-8: a SUBSCRIBE of any QoS is accepted, at most Maximum QoS is granted and sent', async () => {
    const bench = await MqttBench.start({ settings: { maximumQos: 1 }, listeners: { open: {} } });
    const peer = await bench.connected({ clientId: 'peer' });
    await peer.sends(subscribe(1, { filter: 'a', qosMax: 2 }, { filter: 'b', qosMax: 0 })).expects({ type: 'suback', reasonCodes: [1, 0] });
    await bench
      .peer(5, 'open')
      .sends(connect({ clientId: 'sender' }), publishBytes(5, 'a', 'x', { qos: 2 }))
      .receives();
    await peer.expects({ type: 'publish', qos: 1 });
  });

  test.each([
    ['0xA2: a wildcard', { wildcardSubscriptionAvailable: false }, 'a/+', undefined, 0xa2],
    ['0x9E: a shared subscription', { sharedSubscriptionAvailable: false }, '$share/g/a', undefined, 0x9e],
    ['0xA1: a Subscription Identifier', { subscriptionIdentifiersAvailable: false }, 'a', 7, 0xa1],
  ] as const)('SUBACK %s is refused, and the rest of the packet is not', async (_, settings, filter, identifier, reasonCode) => {
    const bench = await MqttBench.start({ settings });
    const peer = await bench.connected({ clientId: 'peer' });
    const packet = subscribe(1, { filter }, { filter: 'plain' });
    const rest = identifier === undefined ? 2 : reasonCode;
    await peer.sends(identifier === undefined ? packet : identified(identifier, packet)).expects({ type: 'suback', reasonCodes: [reasonCode, rest] });
    if (identifier !== undefined) return;
    const older = await bench.connected({ clientId: 'older', version: 4 });
    await older.sends(packet).expects({ type: 'suback', reasonCodes: [0x80, 2] });
  });
});

describe('MQTT 5 §3.1.2.11.6 Response Information', () => {
  test.each([
    ['asked for, with the client id in its place', true, 'replies/${clientid}/', 'replies/gw/'],
    ['asked for where there is none', true, undefined, undefined],
    ['MQTT-3.1.2-28: not asked for', false, 'replies/', undefined],
  ])('%s', async (_, requestResponseInformation, responseInformation, told) => {
    const bench = await MqttBench.start({ settings: { responseInformation } });
    const [connack] = await bench
      .peer()
      .sends(connect({ clientId: 'gw', properties: { requestResponseInformation } }))
      .receives();
    expect(connack?.type === 'connack' && connack.properties?.responseInformation).toBe(told);
  });
});

describe('MQTT 5 §3.3.2.3.2 Payload Format Indicator', () => {
  const isText = '01 01';
  const notUtf8 = Buffer.from([0xff, 0xfe]);

  test('MQTT-3.3.2-4: is passed on as it is, and not checked unless that is turned on', async () => {
    const bench = await MqttBench.start();
    const receiver = await (await bench.connected({ clientId: 'receiver' })).subscribed({ filter: 'a', qosMax: 0 });
    const sender = await bench.connected({ clientId: 'sender' });
    await sender.publishes('a', notUtf8, { qos: 1, properties: isText }).expects({ type: 'puback', reasonCode: 0 });
    await receiver.expects({ type: 'publish', properties: { isUtf8: true } });
  });

  test.each([
    [0, []],
    [1, [{ type: 'puback', packetId: 1, reasonCode: 0x99 }]],
    [2, [{ type: 'pubrec', packetId: 1, reasonCode: 0x99 }]],
  ] as const)('0x99: at QoS %i a payload that is not the UTF-8 it says it is goes nowhere', async (qos, answers) => {
    const bench = await MqttBench.start({ settings: { payloadFormatCheck: true, receiveMax: 1 } });
    const receiver = await (await bench.connected({ clientId: 'receiver' })).subscribed({ filter: '#' });
    const sender = await bench.connected({ clientId: 'sender' });
    for (let round = 1; round <= 2; round += 1) await sender.publishes('a', notUtf8, { qos, properties: isText }).expects(...answers); // the window is given back
    await receiver.expectsNothing();
    await sender.publishes('a', 'Grüße', { properties: isText }).publishes('a', notUtf8).expectsNothing();
    expect(await receiver.receives()).toHaveLength(2);
    expect(bench.metric('mqtt.messages.refused.payload-format')).toBe(2);
  });

  test('0x99: its answer keeps its place behind those that wait for the disk', async () => {
    const bench = await MqttBench.start({ settings: { payloadFormatCheck: true }, autoCommit: false });
    const application = bench.application();
    await quiet();
    bench.core.store.commit();
    (await application).subscribe('a');
    const sender = bench.peer().sends(connect({ clientId: 'sender' }));
    await sender.expects({ type: 'connack' });
    sender.publishes('a', 'good', { qos: 1, packetId: 1 }).publishes('a', notUtf8, { qos: 1, packetId: 2, properties: isText });
    await sender.expectsNothing();
    bench.core.store.commit();
    await sender.expects({ packetId: 1, reasonCode: 0 }, { packetId: 2, reasonCode: 0x99 });
  });

  test('0x99: a will', async () => {
    const bench = await MqttBench.start({ settings: { payloadFormatCheck: true } });
    const bad = { ...will({ properties: { isUtf8: true } }), payload: notUtf8 };
    await bench
      .peer()
      .sends(connect({ will: bad }))
      .expectsEnd({ type: 'connack', reasonCode: 0x99 });
  });
});
