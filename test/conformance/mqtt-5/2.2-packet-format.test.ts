import { describe, expect, test } from 'vitest';
import { ack, MqttBench, type MqttPeer, subscribe, unsubscribe } from '../../support/mqtt.ts';

const ID = 4_660; // 0x1234

async function pair(): Promise<{ sender: MqttPeer; receiver: MqttPeer }> {
  const bench = await MqttBench.start();
  const receiver = await (await bench.connected({ clientId: 'receiver' })).subscribed({ filter: '#' });
  return { receiver, sender: await bench.connected({ clientId: 'sender' }) };
}

describe('MQTT 5 §2.2.1 Packet Identifier', () => {
  test('MQTT-2.2.1-2, MQTT-4.3.1-1: a PUBLISH of QoS 0 has none, in neither direction', async () => {
    const { sender, receiver } = await pair();
    sender.sends('30 05 0001 61 00 78');
    await receiver.expectsOctets('30 05 0001 61 00 78');
  });

  test('MQTT-2.2.1-5: PUBACK, PUBREC and PUBCOMP have that of their PUBLISH', async () => {
    const { sender } = await pair();
    await sender.publishes('a', 'x', { qos: 1, packetId: ID }).expectsOctets('40 02 1234');
    await sender.publishes('a', 'x', { qos: 2, packetId: ID }).expectsOctets('50 02 1234');
    await sender.sends(ack('pubrel', ID)).expectsOctets('70 02 1234');
  });

  test('MQTT-2.2.1-5: PUBREL has that of its PUBLISH', async () => {
    const { sender, receiver } = await pair();
    sender.publishes('a', '1', { qos: 2, packetId: 1 }).publishes('a', '2', { qos: 2, packetId: 2 });
    const [, second] = await receiver.receives();
    const packetId = second?.type === 'publish' ? second.packetId : 0;
    await receiver.sends(ack('pubrec', packetId)).expects({ type: 'pubrel', packetId });
  });

  test('§2.2.1: those of a new session begin with 1, as suites of other servers expect', async () => {
    const { sender } = await pair();
    sender.sends(subscribe(ID, { filter: 'a', qosMax: 1 }));
    await sender.expects({ type: 'suback' });
    sender.publishes('a', 'x', { qos: 1, packetId: ID });
    await sender.expectsOctets('40 02 1234', '32 07 0001 61 0001 00 78');
  });

  test('MQTT-2.2.1-6, MQTT-3.8.4-2, MQTT-3.10.4-5: SUBACK and UNSUBACK have that of what they answer', async () => {
    const { sender } = await pair();
    await sender
      .sends(subscribe(ID, { filter: 'a' }), unsubscribe(ID + 1, 'a'))
      .expects({ type: 'suback', packetId: ID }, { type: 'unsuback', packetId: ID + 1 });
  });
});

describe('MQTT 5 §2.2.2 Properties', () => {
  test('MQTT-2.2.2-1: a packet without properties says that their length is 0', async () => {
    const { sender, receiver } = await pair();
    await sender.sends('82 07 0007 00 0001 61 01').expectsOctets('90 04 0007 00 01');
    await sender.sends('a2 06 0008 00 0001 61').expectsOctets('b0 04 0008 00 00');
    sender.sends('30 05 0001 61 00 78');
    await receiver.expectsOctets('30 05 0001 61 00 78');
  });
});

describe('MQTT 5 §4.7.3 topics', () => {
  test('MQTT-4.7.3-3: 65,535 bytes are a Topic Name and a filter like others', async () => {
    const bench = await MqttBench.start();
    const topic = '\u20ac'.repeat(21_845); // three bytes each
    const receiver = await (await bench.connected({ clientId: 'receiver' })).subscribed({ filter: topic });
    (await bench.connected({ clientId: 'sender' })).publishes(topic, 'x');
    await receiver.expects({ type: 'publish', topic, payload: 'x' });
  });
});

describe('MQTT 5 §4.2 Network Connections', () => {
  const PACKETS = '82 07 0007 00 0001 62 02  32 07 0001 62 0009 00 78  c0 00';
  const octets = Buffer.from(PACKETS.replaceAll(' ', ''), 'hex');

  test.each([
    ['in one piece', octets.length],
    ['octet by octet', 1],
    ['in threes', 3],
    ['in sevens', 7],
  ])('MQTT-4.2-1: a stream of octets is read the same %s', async (_, size) => {
    const { sender } = await pair();
    for (let at = 0; at < octets.length; at += size) sender.sends(octets.subarray(at, at + size));
    const types = (await sender.receives()).map(({ type }) => type);
    expect(types.toSorted()).toEqual(['pingresp', 'puback', 'publish', 'suback']);
  });
});

describe('MQTT 5 §4.6 Message ordering', () => {
  test('MQTT-4.6.0-4: PUBREL in the order of the PUBREC, whatever that of the PUBLISH was', async () => {
    const { sender, receiver } = await pair();
    for (const packetId of [1, 2, 3]) sender.publishes('a', `${packetId}`, { qos: 2, packetId });
    const ids = (await receiver.receives()).map((packet) => ('packetId' in packet ? packet.packetId : 0)).toReversed();
    await receiver.sends(...ids.map((packetId) => ack('pubrec', packetId))).expects(...ids.map((packetId) => ({ type: 'pubrel', packetId })));
  });

  test.each([1, 2] as const)('MQTT-4.6.0-1: PUBLISH of QoS %i that come again come in the order they were sent', async (qos) => {
    const bench = await MqttBench.start();
    const kept = { clientId: 'receiver', cleanStart: false, properties: { sessionExpirySeconds: 100 } } as const;
    const receiver = await (await bench.connected(kept)).subscribed({ filter: '#' });
    const sender = await bench.connected({ clientId: 'sender' });
    for (const packetId of [1, 2, 3, 4, 5]) sender.publishes(packetId % 2 === 0 ? 'a' : 'b', `${packetId}`, { qos, packetId });
    const sent = await receiver.payloads();
    await receiver.breaks();
    const again = bench.peer().sends({ type: 'connect', version: 5, isBridge: false, keepAliveSeconds: 0, ...kept });
    expect(await again.payloads()).toEqual(sent);
  });
});
