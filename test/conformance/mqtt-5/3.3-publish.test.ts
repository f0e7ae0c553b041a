import { describe, expect, test } from 'vitest';
import { topicName } from '../../../src/model/topic.ts';
import { ack, identified, MqttBench, type MqttPeer, publishBytes, subscribe } from '../../support/mqtt.ts';

async function pair(): Promise<{ bench: MqttBench; sender: MqttPeer; receiver: MqttPeer }> {
  const bench = await MqttBench.start();
  const receiver = await (await bench.connected({ clientId: 'receiver' })).subscribed({ filter: '#' });
  return { bench, sender: await bench.connected({ clientId: 'sender' }), receiver };
}

describe('MQTT 5 §3.3 PUBLISH from a client', () => {
  test.each([
    ['MQTT-3.3.1-4: QoS 3', '36 06 0001 61 0001 00', 0x81],
    ['MQTT-3.3.1-2: DUP at QoS 0', '38 04 0001 61 00', 0x81],
    ['MQTT-3.3.2-2, MQTT-4.7.0-1: a wildcard in the Topic Name', '30 04 0001 2b 00', 0x81],
    ['MQTT-3.3.2-1: a Topic Name that is not UTF-8', '30 04 0001 ff 00', 0x81],
    ['MQTT-2.2.1-3: packet id 0', '32 06 0001 61 0000 00', 0x82],
    ['§3.3.2.1: neither Topic Name nor alias', '30 03 0000 00', 0x81],
    ['MQTT-3.3.4-6: a Subscription Identifier', '30 06 0001 61 02 0b01', 0x82],
    ['MQTT-3.3.2-13: a Response Topic that is not UTF-8', '30 08 0001 61 04 080001 ff', 0x81],
    ['MQTT-3.3.2-19: a Content Type that is not UTF-8', '30 08 0001 61 04 030001 ff', 0x81],
    ['MQTT-3.3.2-14: a wildcard in the Response Topic', '30 08 0001 61 04 080001 23', 0x82],
  ])('%s: DISCONNECT, and nothing is passed on', async (_, hex, reasonCode) => {
    const { sender, receiver } = await pair();
    await sender.sends(hex).expectsEnd({ type: 'disconnect', reasonCode });
    await receiver.expectsNothing();
  });

  test.each([
    ['PUBACK', 1, '40 02 0007', '32 07 0001 61 0001 00 78'],
    ['PUBREC', 2, '50 02 0007', '34 07 0001 61 0001 00 78'],
  ] as const)('§4.3: %s goes before what the message brings its own client, as on other servers', async (_, qos, answer, delivery) => {
    const bench = await MqttBench.start();
    const peer = await (await bench.connected({ clientId: 'both' })).subscribed({ filter: 'a' });
    await peer.publishes('a', 'x', { qos, packetId: 7 }).expectsOctets(answer, delivery);
    await peer.publishes('a', 'y').expects({ payload: 'y', qos: 0 });
  });

  test('what stands before a malformed packet in the same read is still passed on', async () => {
    const { sender, receiver } = await pair();
    await sender.sends(publishBytes(5, 'a', 'good'), '36 06 0001 61 0001 00').expectsEnd({ type: 'disconnect', reasonCode: 0x81 });
    expect(await receiver.payloads()).toEqual(['good']);
  });

  test.each([
    ['QoS 0: nothing', 0, []],
    ['QoS 1: PUBACK', 1, [{ type: 'puback', packetId: 7, reasonCode: 0 }]],
    ['QoS 2: PUBREC', 2, [{ type: 'pubrec', packetId: 7, reasonCode: 0 }]],
  ] as const)('MQTT-3.3.4-1: the answer to %s', async (_, qos, answers) => {
    const { sender } = await pair();
    await sender.publishes('a', 'x', { qos, packetId: 7 }).expects(...answers);
  });

  test.each([
    ['PUBACK 0x10: no matching subscribers', 1, '40 03 0007 10'],
    ['PUBREC leaves 0x10 out', 2, '50 02 0007'],
  ] as const)('§3.4.2.1, §3.5.2.1: %s', async (_, qos, answer) => {
    const bench = await MqttBench.start();
    const sender = await bench.connected({ clientId: 'sender' });
    await sender.publishes('nobody', 'x', { qos, packetId: 7 }).expectsOctets(answer);
  });

  test('§3.4.2.1: a subscription with No Local is a matching one: no 0x10 for its own messages', async () => {
    const bench = await MqttBench.start();
    const peer = await (await bench.connected({ clientId: 'bridge' })).subscribed({ filter: 'a', noLocal: true });
    await peer.publishes('a', 'x', { qos: 1, packetId: 7 }).expectsOctets('40 02 0007');
  });

  test.each([
    ['PUBACK', 1, '40 03 0007 87'],
    ['PUBREC', 2, '50 03 0007 87'],
  ] as const)('a publish that is not permitted: %s 0x87, and it is not passed on', async (_, qos, answer) => {
    const { bench, sender, receiver } = await pair();
    bench.core.access.forbids = (action) => action.kind === 'publish';
    await sender.publishes('a', 'x', { qos, packetId: 7 }).expectsOctets(answer);
    await receiver.expectsNothing();
    expect(bench.metric('messages.denied')).toBe(1);
  });

  test('a QoS 0 publish that is not permitted has no answer and costs no connection', async () => {
    const { bench, sender, receiver } = await pair();
    bench.core.access.forbids = (action) => action.kind === 'publish' && action.topic === topicName('secret');
    sender.publishes('secret', 'x').publishes('a', 'y');
    expect(await receiver.payloads()).toEqual(['y']);
    await sender.expectsNothing();
  });

  test.each([
    ['PUBACK', 1, '40 03 0007 97'],
    ['PUBREC', 2, '50 03 0007 97'],
  ] as const)('while the store cannot take it: %s 0x97', async (_, qos, answer) => {
    const { bench, sender } = await pair();
    bench.core.store.isCongested = true;
    await sender.publishes('a', 'x', { qos, packetId: 7 }).expectsOctets(answer);
  });

  test('a topic of more than 201 levels is refused with 0x90', async () => {
    const { sender } = await pair();
    await sender.publishes('a/'.repeat(201), 'x').expectsEnd({ type: 'disconnect', reasonCode: 0x90 });
  });

  test('MQTT-3.3.1-3, MQTT-4.3.1-1: DUP and packet id are not copied through', async () => {
    const { sender, receiver } = await pair();
    await sender.publishes('a', 'x', { qos: 1, packetId: 4_660, isDuplicate: true }).receives();
    const forwarded = await receiver.receivesPublish();
    expect(forwarded).toMatchObject({ isDuplicate: false, qos: 1 });
    expect(forwarded.packetId).not.toBe(4_660);
  });

  test('MQTT-3.3.2-4, -15 to -20: the properties of a message arrive unchanged and in order', async () => {
    const { sender, receiver } = await pair();
    const bag = '01 01  03 0004 6a736f6e  08 0003 722f31  09 0002 00ff  26 0001 62 0001 31  26 0001 61 0001 32  26 0001 62 0001 33';
    sender.publishes('a', '{}', { properties: bag });
    await receiver.expects({
      type: 'publish',
      properties: {
        isUtf8: true,
        contentType: 'json',
        responseTopic: 'r/1',
        correlationData: Buffer.of(0, 255),
        userProperties: [
          ['b', '1'],
          ['a', '2'],
          ['b', '3'],
        ],
      },
    });
  });
});

describe('MQTT 5 §3.3.2.3.4 Topic Alias', () => {
  const alias = (hex: string): { readonly properties: string } => ({ properties: `23 ${hex}` });

  test('MQTT-3.3.2-12: every alias from 1 to the maximum is taken, may be set anew, and is no part of the message', async () => {
    const { sender, receiver } = await pair();
    sender.publishes('one', '1', alias('0001')).publishes('ten', '2', alias('000a'));
    sender.publishes('', '3', alias('0001')).publishes('', '4', alias('000a'));
    sender.publishes('new', '5', alias('0001')).publishes('', '6', alias('0001'));
    const received = await receiver.receives();
    expect(received.map((packet) => (packet.type === 'publish' ? [packet.topic, packet.payload, packet.topicAlias] : packet))).toEqual([
      ['one', '1', 0],
      ['ten', '2', 0],
      ['one', '3', 0],
      ['ten', '4', 0],
      ['new', '5', 0],
      ['new', '6', 0],
    ]);
  });

  test.each([
    ['MQTT-3.3.2-8: 0', '0000', 0x94],
    ['MQTT-3.2.2-17: above the maximum', '000b', 0x94],
    ['§3.3.2.3.4: never set', '0002', 0x82],
  ])('%s ends the connection', async (_, hex, reasonCode) => {
    const { sender, receiver } = await pair();
    sender.publishes('one', '1', alias('0001'));
    await sender.publishes('', 'x', alias(hex)).expectsEnd({ type: 'disconnect', reasonCode });
    expect(await receiver.payloads()).toEqual(['1']);
  });

  test('MQTT-3.3.2-7: an alias ends with its connection', async () => {
    const { bench, sender } = await pair();
    await sender.publishes('one', '1', alias('0001')).expectsNothing();
    const again = await bench.connected({ clientId: 'sender' });
    await again.publishes('', 'x', alias('0001')).expectsEnd({ type: 'disconnect', reasonCode: 0x82 });
  });

  test('MQTT-3.1.2-26, -27, MQTT-3.3.2-11: a client that announced no aliases gets none', async () => {
    const { sender, receiver } = await pair();
    sender.publishes('one', '1', alias('0001')).publishes('', '2', alias('0001'));
    await receiver.expects({ topic: 'one', topicAlias: 0 }, { topic: 'one', topicAlias: 0 });
  });
});

describe('MQTT 5 §3.3.2.3.3 Message Expiry Interval', () => {
  test('MQTT-3.3.2-6: what is forwarded says what is left', async () => {
    const { bench, sender } = await pair();
    const kept = { clientId: 'kept', cleanStart: false, properties: { sessionExpirySeconds: 1_000 } } as const;
    await (await (await bench.connected(kept)).subscribed({ filter: 'a' })).breaks();
    await sender.publishes('a', 'x', { qos: 1, properties: '02 00000064' }).receives();
    await bench.clock.advanceSeconds(40);
    const [, publish] = await bench
      .peer()
      .sends({ type: 'connect', version: 5, isBridge: false, keepAliveSeconds: 0, ...kept })
      .receives();
    expect(publish).toMatchObject({ type: 'publish', payload: 'x', expirySeconds: 60 });
  });

  test('MQTT-3.3.2-5: what expired while it waited is not delivered', async () => {
    const { bench, sender } = await pair();
    const kept = { clientId: 'kept', cleanStart: false, properties: { sessionExpirySeconds: 1_000 } } as const;
    await (await (await bench.connected(kept)).subscribed({ filter: 'a' })).breaks();
    sender.publishes('a', 'old', { qos: 1, packetId: 1, properties: '02 0000000a' });
    await sender.publishes('a', 'new', { qos: 1, packetId: 2 }).receives();
    await bench.clock.advanceSeconds(11);
    const again = bench.peer().sends({ type: 'connect', version: 5, isBridge: false, keepAliveSeconds: 0, ...kept });
    expect(await again.payloads()).toEqual(['new']);
    expect(bench.metric('messages.dropped.expired')).toBe(1);
  });

  test('MQTT-3.3.2-5: it is not delivered as a retained message either', async () => {
    const { bench, sender } = await pair();
    await sender.publishes('a', 'x', { isRetain: true, properties: '02 0000000a' }).receives();
    await bench.clock.advanceSeconds(11);
    const late = await bench.connected({ clientId: 'late' });
    await late.sends(subscribe(1, { filter: 'a' })).expects({ type: 'suback' });
  });

  test('a 3.1.1 client sees no properties, and expiry holds for it all the same', async () => {
    const { bench, sender } = await pair();
    const old = await (await bench.connected({ clientId: 'old', version: 4, cleanStart: false })).subscribed({ filter: 'a' });
    sender.publishes('a', 'x', { properties: '02 0000000a 03 0001 74' });
    await old.expectsOctets('30 04 0001 61 78');
    await old.breaks();
    await sender.publishes('a', 'late', { qos: 1, properties: '02 0000000a' }).receives();
    await bench.clock.advanceSeconds(11);
    await bench
      .peer(4)
      .sends({ type: 'connect', version: 4, isBridge: false, keepAliveSeconds: 0, clientId: 'old', cleanStart: false })
      .expects({ type: 'connack', isSessionPresent: true });
  });
});

describe('MQTT 5 §3.3.4 PUBLISH to a client', () => {
  test('MQTT-3.3.4-2, -3, -4: overlapping subscriptions bring one copy, at the highest QoS, with all identifiers', async () => {
    const { bench, sender } = await pair();
    const receiver = await bench.connected({ clientId: 'overlap' });
    receiver.sends(identified(1, subscribe(1, { filter: 'a/#', qosMax: 1 })), identified(268_435_455, subscribe(2, { filter: 'a/+', qosMax: 2 })));
    await receiver.sends(subscribe(3, { filter: 'a/b', qosMax: 0 })).expects({ type: 'suback' }, { type: 'suback' }, { type: 'suback' });
    await sender.publishes('a/b', 'x', { qos: 2, packetId: 1 }).receives();
    const publish = await receiver.receivesPublish();
    expect(publish.qos).toBe(2);
    expect([...(publish.subscriptionIdentifiers ?? [])].sort()).toEqual([1, 268_435_455]);
  });

  test('MQTT-3.1.2-24, -25: a message above the Maximum Packet Size of a client is left out and its place in the window given back', async () => {
    const { bench, sender } = await pair();
    const properties = { maximumPacketSize: 64, receiveMaximum: 1, sessionExpirySeconds: 1_000 };
    const small = await (await bench.connected({ clientId: 'small', properties })).subscribed({ filter: 'a' });
    for (const [index, payload] of ['y'.repeat(100), 'fits', 'y'.repeat(100), 'too'].entries()) {
      sender.publishes('a', payload, { qos: 1, packetId: index + 1 });
    }
    const first = await small.receivesPublish();
    expect(first.payload).toBe('fits');
    await small.sends(ack('puback', first.packetId)).expects({ type: 'publish', payload: 'too' });
    expect(bench.metric('mqtt.messages.dropped.too-large')).toBe(2);
  });

  test('MQTT-3.1.2-24: it is the size of the whole packet that counts', async () => {
    const { bench, sender } = await pair();
    const properties = { maximumPacketSize: 64 };
    const small = await (await bench.connected({ clientId: 'small', properties })).subscribed({ filter: 'a' });
    const header = 2 + 3 + 1; // fixed header, topic, property length
    sender.publishes('a', 'x'.repeat(64 - header)).publishes('a', 'x'.repeat(64 - header + 1));
    expect((await small.receivesPublish()).payload).toHaveLength(64 - header);
  });

  test.each([
    ['exactly our Maximum Packet Size', 0, false],
    ['one octet more', 1, true],
  ])('§3.2.2.3.6: a packet of %s', async (_, more, isRefused) => {
    const bench = await MqttBench.start({ settings: { packetBytesMax: 200 } });
    const sender = await bench.connected({ clientId: 'sender' });
    sender.publishes('a', 'x'.repeat(200 - 2 - 1 - 3 - 1 + more));
    if (isRefused) await sender.expectsEnd({ type: 'disconnect', reasonCode: 0x95 });
    else await sender.expectsNothing();
  });

  test('MQTT-4.5.0-1: every session that matches gets the message, also one without a connection', async () => {
    const { bench, sender } = await pair();
    const kept = { clientId: 'kept', cleanStart: false, properties: { sessionExpirySeconds: 100 } } as const;
    await (await (await bench.connected(kept)).subscribed({ filter: 'a' })).breaks();
    const [exact, wild, other] = [await bench.connected({ clientId: '1' }), await bench.connected({ clientId: '2' }), await bench.connected({ clientId: '3' })];
    await exact.subscribed({ filter: 'a' });
    await wild.subscribed({ filter: '+' });
    await other.subscribed({ filter: 'b' });
    await sender.publishes('a', 'x', { qos: 1 }).receives();
    const back = bench.peer().sends({ type: 'connect', version: 5, isBridge: false, keepAliveSeconds: 0, ...kept });
    expect([await exact.payloads(), await wild.payloads(), await other.payloads(), await back.payloads()]).toEqual([['x'], ['x'], [], ['x']]);
  });

  test('MQTT-4.6.0-5, -6: one publisher, one topic, one QoS: the order stays', async () => {
    const { sender, receiver } = await pair();
    const sent = Array.from({ length: 200 }, (_, index) => `${index}`);
    for (const payload of sent) sender.publishes('a', payload);
    expect(await receiver.payloads()).toEqual(sent);
  });
});
