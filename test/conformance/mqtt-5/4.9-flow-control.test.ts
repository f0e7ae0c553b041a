import { describe, expect, test } from 'vitest';
import { ack, MqttBench, type MqttPeer } from '../../support/mqtt.ts';

describe('MQTT 5 §4.9 Flow control towards a client', () => {
  async function stage(receiveMaximum: number, over: object = {}): Promise<{ sender: MqttPeer; receiver: MqttPeer }> {
    const bench = await MqttBench.start();
    const receiver = await (await bench.connected({ clientId: 'receiver', properties: { receiveMaximum }, ...over })).subscribed({ filter: '#' });
    return { sender: await bench.connected({ clientId: 'sender' }), receiver };
  }

  test.each([
    ['PUBACK', 1, ['puback']],
    ['PUBCOMP', 2, ['pubrec', 'pubcomp']],
    ['PUBREC >= 0x80', 2, ['refuse']],
  ] as const)('MQTT-3.3.4-9, MQTT-4.9.0-1, -2: no more than Receive Maximum; %s gives the place back', async (_, qos, answers) => {
    const { sender, receiver } = await stage(2);
    for (let i = 1; i <= 4; i += 1) sender.publishes('a', `${i}`, { qos, packetId: i });
    const first = await receiver.receives();
    expect(first).toMatchObject([{ payload: '1' }, { payload: '2' }]);
    const packetId = first[0] !== undefined && 'packetId' in first[0] ? first[0].packetId : 0;
    for (const [index, answer] of answers.entries()) {
      const isLast = index === answers.length - 1;
      receiver.sends(answer === 'refuse' ? ack('pubrec', packetId, 0x80) : ack(answer, packetId));
      expect(await receiver.payloads()).toEqual(isLast ? ['3'] : []);
    }
  });

  test('MQTT-4.9.0-3, MQTT-3.3.4-10: QoS 0 and answers flow while the window is full', async () => {
    const { sender, receiver } = await stage(1);
    sender.publishes('a', '1', { qos: 1 });
    await receiver.expects({ payload: '1' });
    sender.publishes('a', 'zero');
    await receiver.sends('c000').expects({ payload: 'zero' }, { type: 'pingresp' });
  });

  test('§4.9: the window starts anew on each connection', async () => {
    const bench = await MqttBench.start();
    const kept = { clientId: 'receiver', cleanStart: false } as const;
    const properties = (receiveMaximum: number) => ({ receiveMaximum, sessionExpirySeconds: 100 });
    const receiver = await (await bench.connected({ ...kept, properties: properties(3) })).subscribed({ filter: '#' });
    const sender = await bench.connected({ clientId: 'sender' });
    for (let i = 1; i <= 4; i += 1) sender.publishes('a', `${i}`, { qos: 1, packetId: i });
    expect(await receiver.payloads()).toEqual(['1', '2', '3']);
    await receiver.breaks();
    const again = bench.peer().sends({ type: 'connect', version: 5, isBridge: false, keepAliveSeconds: 0, ...kept, properties: properties(1) });
    const [, resent] = await again.receives();
    expect(resent).toMatchObject({ type: 'publish', payload: '1', isDuplicate: true });
    const packetId = resent !== undefined && 'packetId' in resent ? resent.packetId : 0;
    expect(await again.sends(ack('puback', packetId)).payloads()).toEqual(['2']);
  });

  test('the gateway has a window of its own, whatever larger one the client offers', async () => {
    const bench = await MqttBench.start({ settings: { inflightMax: 3 } });
    const receiver = await (await bench.connected({ clientId: 'receiver' })).subscribed({ filter: '#' });
    const sender = await bench.connected({ clientId: 'sender' });
    for (let i = 1; i <= 5; i += 1) sender.publishes('a', `${i}`, { qos: 1, packetId: i });
    expect(await receiver.payloads()).toEqual(['1', '2', '3']);
  });
});

describe('MQTT 5 §3.3.4 Receive Maximum of the server', () => {
  async function stage(receiveMax: number): Promise<{ bench: MqttBench; sender: MqttPeer }> {
    const bench = await MqttBench.start({ settings: { receiveMax } });
    return { bench, sender: await bench.connected({ clientId: 'sender', cleanStart: false, properties: { sessionExpirySeconds: 100 } }) };
  }

  test('MQTT-3.3.4-7: one QoS 2 message more than announced is 0x93', async () => {
    const { sender } = await stage(2);
    for (const packetId of [1, 2]) await sender.publishes('a', 'x', { qos: 2, packetId }).expects({ type: 'pubrec' });
    await sender.publishes('a', 'x', { qos: 2, packetId: 3 }).expectsEnd({ type: 'disconnect', reasonCode: 0x93 });
  });

  test('MQTT-3.3.4-7: QoS 1 messages count until their PUBACK, also within one read', async () => {
    const bench = await MqttBench.start({ settings: { receiveMax: 2 }, autoCommit: false });
    const sender = bench.peer().sends({ type: 'connect', version: 5, isBridge: false, clientId: 's', cleanStart: true, keepAliveSeconds: 0 });
    await sender.expects({ type: 'connack' });
    for (const packetId of [1, 2]) sender.publishes('a', 'x', { qos: 1, packetId, isRetain: true });
    await sender.expectsNothing();
    bench.core.store.commit();
    await sender.expects({ type: 'puback' }, { type: 'puback' });
    for (const packetId of [3, 4, 5]) sender.publishes('a', 'x', { qos: 1, packetId, isRetain: true });
    await sender.expectsEnd({ type: 'disconnect', reasonCode: 0x93 });
  });

  test('PUBACK, PUBCOMP and a PUBREC that refuses give the place back', async () => {
    const { bench, sender } = await stage(1);
    for (let packetId = 1; packetId <= 5; packetId += 1) await sender.publishes('a', 'x', { qos: 1, packetId }).expects({ type: 'puback' });
    for (let packetId = 1; packetId <= 5; packetId += 1) {
      await sender.publishes('a', 'x', { qos: 2, packetId }).expects({ type: 'pubrec', reasonCode: 0 });
      await sender.sends(ack('pubrel', packetId)).expects({ type: 'pubcomp' });
    }
    bench.core.access.forbids = ({ kind }) => kind === 'publish';
    for (let packetId = 1; packetId <= 5; packetId += 1) {
      await sender.publishes('b', 'x', { qos: 2, packetId }).expects({ type: 'pubrec', reasonCode: 0x87 });
    }
  });

  test('a PUBLISH that is sent again takes no second place', async () => {
    const { sender } = await stage(1);
    for (let round = 0; round < 5; round += 1) {
      await sender.publishes('a', 'x', { qos: 2, packetId: 1 }).expects({ type: 'pubrec' });
      await sender.publishes('a', 'x', { qos: 2, packetId: 1, isDuplicate: true }).expects({ type: 'pubrec' });
      await sender.sends(ack('pubrel', 1)).expects({ type: 'pubcomp' });
    }
  });

  test('a PUBREL of an earlier connection gives no place on this one', async () => {
    const { bench, sender } = await stage(1);
    await sender.publishes('a', 'x', { qos: 2, packetId: 1 }).expects({ type: 'pubrec' });
    await sender.breaks();
    const again = await bench.connected({ clientId: 'sender', cleanStart: false, properties: { sessionExpirySeconds: 100 } });
    await again.sends(ack('pubrel', 1)).expects({ type: 'pubcomp', reasonCode: 0 });
    await again.publishes('a', 'x', { qos: 2, packetId: 2 }).expects({ type: 'pubrec' });
    await again.publishes('a', 'x', { qos: 2, packetId: 3 }).expectsEnd({ type: 'disconnect', reasonCode: 0x93 });
  });
});
