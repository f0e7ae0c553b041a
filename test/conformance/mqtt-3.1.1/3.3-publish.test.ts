import { describe, expect, test } from 'vitest';
import { ack, connect, MqttBench, type MqttPeer, subscribe } from '../../support/mqtt.ts';

const V4 = { version: 4 } as const;

async function pair(): Promise<{ bench: MqttBench; sender: MqttPeer; receiver: MqttPeer }> {
  const bench = await MqttBench.start();
  const receiver = await (await bench.connected({ clientId: 'receiver', ...V4, cleanStart: false })).subscribed({ filter: '#' });
  return { bench, sender: await bench.connected({ clientId: 'sender', ...V4, cleanStart: false }), receiver };
}

describe('MQTT 3.1.1 §3.3 PUBLISH', () => {
  test.each([
    ['MQTT-3.3.1-4: QoS 3', '36 05 0001 61 0001'],
    ['MQTT-3.3.1-2: DUP at QoS 0', '38 03 0001 61'],
    ['MQTT-3.3.2-2: a wildcard', '30 03 0001 23'],
    ['MQTT-3.3.2-1: a topic that is not UTF-8', '30 03 0001 ff'],
    ['MQTT-4.7.3-1: an empty topic', '30 02 0000'],
    ['MQTT-2.3.1-1: packet id 0', '32 05 0001 61 0000'],
    ['MQTT-1.5.3-1: a surrogate in the topic', '30 05 0003 eda080'],
  ])('MQTT-4.8.0-1: %s closes the connection without a word', async (_, hex) => {
    const { sender, receiver } = await pair();
    await sender.sends(hex).expectsEnd();
    await receiver.expectsNothing();
  });

  test.each([
    [1, '40 02 0007'],
    [2, '50 02 0007'],
  ] as const)('MQTT-3.3.4-1, MQTT-4.3.2-2, MQTT-2.3.1-6: QoS %i is answered with its id and nothing else, also where nobody listens', async (qos, answer) => {
    const bench = await MqttBench.start();
    const sender = await bench.connected({ clientId: 'sender', ...V4 });
    await sender.publishes('nobody', 'x', { qos, packetId: 7 }).expectsOctets(answer);
  });

  test.each([
    [1, '40 02 0007'],
    [2, '50 02 0007'],
  ] as const)('MQTT-3.3.5-2: what is not permitted is acknowledged at QoS %i, dropped and counted', async (qos, answer) => {
    const { bench, sender, receiver } = await pair();
    bench.core.access.forbids = ({ kind }) => kind === 'publish';
    await sender.publishes('a', 'x', { qos, packetId: 7 }).expectsOctets(answer);
    if (qos === 2) await sender.sends('62 02 0007').expectsOctets('70 02 0007');
    await receiver.expectsNothing();
    expect(bench.metric('messages.denied')).toBe(1);
  });

  test('MQTT-3.3.1-10, -11: retained, cleared by an empty payload', async () => {
    const { bench, sender } = await pair();
    await sender.publishes('a', 'x', { isRetain: true }).receives();
    const late = await bench.connected({ clientId: 'late', ...V4 });
    await late.sends(subscribe(1, { filter: 'a', qosMax: 0 })).expectsOctets('90 03 0001 00 31 04 0001 61 78'); // MQTT-3.3.1-8
    await sender.publishes('a', '', { isRetain: true }).receives();
    await late.expectsOctets('30 03 0001 61'); // MQTT-3.3.1-9
    await late.sends(subscribe(2, { filter: 'a', qosMax: 0 })).expectsOctets('90 03 0002 00');
  });

  test('MQTT-3.3.5-1: overlapping subscriptions bring one copy at the highest QoS', async () => {
    const { bench, sender } = await pair();
    const overlap = await (await bench.connected({ clientId: 'overlap', ...V4 })).subscribed({ filter: 'a/#', qosMax: 2 }, { filter: 'a/+', qosMax: 1 });
    sender.publishes('a/b', 'x', { qos: 2 });
    await overlap.expects({ type: 'publish', qos: 2 });
  });

  test('MQTT-4.3.1-1, MQTT-3.3.1-3, MQTT-2.3.1-5: QoS 0 goes out without DUP and packet id, whatever came in', async () => {
    const { bench, sender } = await pair();
    const reader = await (await bench.connected({ clientId: 'reader', ...V4 })).subscribed({ filter: 'a', qosMax: 0 });
    sender.publishes('a', 'x', { qos: 1, packetId: 9, isDuplicate: true });
    await reader.expectsOctets('30 04 0001 61 78');
  });

  test('MQTT-4.3.2-1, MQTT-2.3.1-2, -4: QoS 1 and 2 go out with ids of their own, DUP 0, until they are acknowledged', async () => {
    const { sender, receiver } = await pair();
    sender.publishes('a', 'x', { qos: 1, packetId: 9, isDuplicate: true }).publishes('a', 'y', { qos: 2, packetId: 9 });
    const received = await receiver.receives();
    expect(received).toMatchObject([
      { payload: 'x', isDuplicate: false },
      { payload: 'y', isDuplicate: false },
    ]);
    const [first, second] = received.map((packet) => ('packetId' in packet ? packet.packetId : 0));
    expect(first).not.toBe(second);
  });

  test('MQTT-1.5.3-3: U+FEFF in a topic stays', async () => {
    const { bench, sender } = await pair();
    const reader = await (await bench.connected({ clientId: 'reader', ...V4 })).subscribed({ filter: '+', qosMax: 0 });
    sender.sends('30 06 0004 efbbbf61');
    await reader.expectsOctets('30 06 0004 efbbbf61');
  });

  test.each([
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/+', 'sport', false],
    ['+/+', '/finance', true],
    ['+', '/finance', false],
    ['#', '$SYS/x', false],
  ])('MQTT-3.3.2-3, MQTT-4.7.1-2, -3, MQTT-4.7.2-1, MQTT-4.5.0-1: %s selects %s: %s', async (filter, topic, isSelected) => {
    const { bench, sender } = await pair();
    const reader = await (await bench.connected({ clientId: 'reader', ...V4 })).subscribed({ filter });
    sender.publishes(topic, 'x');
    expect(await reader.payloads()).toEqual(isSelected ? ['x'] : []);
  });

  test('a client is told no Receive Maximum, and has none', async () => {
    const bench = await MqttBench.start({ settings: { receiveMax: 5 } });
    const sender = await bench.connected({ clientId: 'sender', ...V4 });
    for (let packetId = 1; packetId <= 50; packetId += 1) sender.publishes('a', 'x', { qos: 2, packetId });
    expect(await sender.receives()).toHaveLength(50);
  });
});

describe('MQTT 3.1.1 §3.8 SUBSCRIBE, §3.10 UNSUBSCRIBE', () => {
  test('MQTT-3.8.4-1, -2, -4, -5, MQTT-3.9.3-1, -2, MQTT-2.3.1-7: one code per filter; 0x80 for what is refused', async () => {
    const { bench, receiver } = await pair();
    bench.core.access.forbids = (action) => action.kind === 'subscribe' && action.filter.startsWith('no');
    const requests = [{ filter: 'a', qosMax: 1 }, { filter: 'no' }, { filter: '$share/g/a' }, { filter: 'b', qosMax: 0 }] as const;
    await receiver.sends(subscribe(9, ...requests)).expectsOctets('90 06 0009 01 80 02 00');
  });

  test.each([
    ['MQTT-3.8.1-1: SUBSCRIBE with wrong flags', '80 06 0001 0001 61 00'],
    ['MQTT-3.8.3-3: SUBSCRIBE without a filter', '82 02 0001'],
    ['MQTT-3.8.3-4: QoS 3', '82 06 0001 0001 61 03'],
    ['MQTT-3.8.3-4: reserved bits, where 5.0 has options', '82 06 0001 0001 61 04'],
    ['MQTT-3.10.1-1: UNSUBSCRIBE with wrong flags', 'a0 05 0001 0001 61'],
    ['MQTT-3.8.3-1: a filter that is not UTF-8', '82 06 0001 0001 ff 00'],
    ['MQTT-3.10.3-1: UNSUBSCRIBE from what is not UTF-8', 'a2 05 0001 0001 ff'],
    ['MQTT-3.10.3-2: UNSUBSCRIBE without a filter', 'a2 02 0001'],
    ['MQTT-3.14.1-1: DISCONNECT with wrong flags', 'e1 00'],
    ['AUTH, which is 5.0', 'f0 00'],
  ])('%s closes the connection without a word', async (_, hex) => {
    const { receiver } = await pair();
    await receiver.sends(hex).expectsEnd();
  });

  test('MQTT-3.8.4-3, -6, MQTT-3.3.1-6: the same filter replaces, and its retained messages come again', async () => {
    const { bench, sender } = await pair();
    await sender.publishes('a', 'kept', { isRetain: true }).receives();
    const peer = await bench.connected({ clientId: 'peer', ...V4 });
    for (const qosMax of [0, 1] as const) await peer.sends(subscribe(1, { filter: 'a', qosMax })).expects({ type: 'suback' }, { payload: 'kept' });
    sender.publishes('a', 'x', { qos: 2 });
    await peer.expects({ type: 'publish', payload: 'x', qos: 1 });
  });

  test('MQTT-3.10.4-1, -2, -4, -5, -6: UNSUBACK, also where there was none', async () => {
    const { sender, receiver } = await pair();
    await receiver.sends('a2 05 0002 0001 23').expectsOctets('b0 02 0002');
    await receiver.sends('a2 05 0003 0001 23').expectsOctets('b0 02 0003');
    sender.publishes('a', 'x');
    await receiver.expectsNothing();
  });

  test('MQTT-3.10.4-1, -2, -6: filters are compared character by character; several go by one UNSUBACK', async () => {
    const { bench, sender } = await pair();
    const reader = await (await bench.connected({ clientId: 'reader', ...V4 })).subscribed({ filter: 'a/b' }, { filter: 'A/b' }, { filter: 'c' });
    await reader.sends('a2 0f 0004 0003 612f2b 0003 412f62 0001 63').expectsOctets('b0 02 0004'); // a/+, which was none, A/b and c
    for (const topic of ['a/b', 'A/b', 'c']) sender.publishes(topic, topic);
    expect(await reader.payloads()).toEqual(['a/b']);
  });

  test('MQTT-3.12.4-1: PINGRESP', async () => {
    const { receiver } = await pair();
    await receiver.sends('c0 00').expectsOctets('d0 00');
  });
});

describe('MQTT 3.1.1 §4.3, §4.4', () => {
  test('MQTT-4.3.3-1, -2, MQTT-3.10.4-3: QoS 2 both ways, with one id each', async () => {
    const { sender, receiver } = await pair();
    await sender.publishes('a', 'x', { qos: 2, packetId: 5 }).expectsOctets('50 02 0005');
    await sender.sends(ack('pubrel', 5)).expectsOctets('70 02 0005');
    await sender.sends(ack('pubrel', 5)).expectsOctets('70 02 0005'); // known no more, and 3.1.1 cannot say so
    const { packetId } = await receiver.receivesPublish();
    await receiver.sends('a2 05 0004 0001 23').expects({ type: 'unsuback' }); // what has begun is finished all the same
    await receiver.sends(ack('pubrec', packetId)).expects({ type: 'pubrel', packetId });
    await receiver.sends(ack('pubcomp', packetId)).expectsNothing();
  });

  test('MQTT-4.3.3-2: PUBREC each time until PUBREL, one delivery; after PUBCOMP the id is new', async () => {
    const { sender, receiver } = await pair();
    const again = { qos: 2, packetId: 5, isDuplicate: true } as const;
    await sender.publishes('a', '1', { qos: 2, packetId: 5 }).publishes('a', '1', again).expectsOctets('50 02 0005', '50 02 0005');
    await sender.sends(ack('pubrel', 5)).expectsOctets('70 02 0005');
    await sender.publishes('a', '2', again).expectsOctets('50 02 0005');
    expect(await receiver.payloads()).toEqual(['1', '2']);
  });

  test('MQTT-4.3.2-2: after PUBACK the id is new, whatever DUP says', async () => {
    const { sender, receiver } = await pair();
    for (const isDuplicate of [false, true]) await sender.publishes('a', 'x', { qos: 1, packetId: 5, isDuplicate }).expectsOctets('40 02 0005');
    expect(await receiver.payloads()).toEqual(['x', 'x']);
  });

  test('MQTT-4.4.0-1, MQTT-3.3.1-1, MQTT-2.3.1-3: unanswered PUBLISH and PUBREL come again with their ids, PUBLISH with DUP', async () => {
    const { bench, sender, receiver } = await pair();
    sender.publishes('a', '1', { qos: 1, packetId: 1 }).publishes('a', '2', { qos: 2, packetId: 2 }).publishes('a', '3', { qos: 2, packetId: 3 });
    const ids = new Map<string, number>();
    for (const packet of await receiver.receives()) if (packet.type === 'publish') ids.set(packet.payload, packet.packetId);
    const released = ids.get('2') ?? 0;
    await receiver.sends(ack('pubrec', released)).expects({ type: 'pubrel', packetId: released });
    await receiver.breaks();
    const again = bench.peer(4).sends(connect({ clientId: 'receiver', cleanStart: false, ...V4 }));
    await again.expects(
      { type: 'connack', isSessionPresent: true },
      { type: 'publish', payload: '1', isDuplicate: true, packetId: ids.get('1') },
      { type: 'pubrel', packetId: released },
      { type: 'publish', payload: '3', isDuplicate: true, packetId: ids.get('3') },
    );
  });

  test('MQTT-4.6.0-5, -6: messages of one topic and QoS stay in order, from several versions to several', async () => {
    const { bench, sender, receiver } = await pair();
    const newer = await (await bench.connected({ clientId: 'newer' })).subscribed({ filter: '#' });
    for (let i = 0; i < 100; i += 1) sender.publishes('a', `${i}`, { qos: 1, packetId: i + 1 });
    const expected = Array.from({ length: 100 }, (_, index) => `${index}`);
    expect([await receiver.payloads(), await newer.payloads()]).toEqual([expected, expected]);
  });
});
