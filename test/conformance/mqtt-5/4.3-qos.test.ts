import { describe, expect, test } from 'vitest';
import { ack, connect, disconnect, MqttBench, type MqttPeer } from '../../support/mqtt.ts';

const KEPT = { cleanStart: false, properties: { sessionExpirySeconds: 10_000 } } as const;

async function stage(over: object = KEPT): Promise<{ bench: MqttBench; sender: MqttPeer; receiver: MqttPeer }> {
  const bench = await MqttBench.start();
  const receiver = await (await bench.connected({ clientId: 'receiver', ...over })).subscribed({ filter: '#' });
  return { bench, sender: await bench.connected({ clientId: 'sender', ...KEPT }), receiver };
}

describe('MQTT 5 §4.3.3 QoS 2 from a client', () => {
  test('MQTT-4.3.3-8, -11: PUBREC, then PUBCOMP for its PUBREL; passed on once', async () => {
    const { sender, receiver } = await stage();
    await sender.publishes('a', 'x', { qos: 2, packetId: 9 }).expectsOctets('50 02 0009');
    await sender.sends(ack('pubrel', 9)).expectsOctets('70 02 0009');
    await receiver.expects({ type: 'publish', payload: 'x' });
  });

  test.each([
    ['the same connection', false],
    ['the next connection', true],
  ])('MQTT-4.3.3-10: a second PUBLISH before PUBREL, on %s, gets PUBREC and is not passed on', async (_, isNext) => {
    const { bench, sender, receiver } = await stage();
    await sender.publishes('a', 'x', { qos: 2, packetId: 9 }).expects({ type: 'pubrec' });
    if (isNext) await sender.breaks();
    const again = isNext ? await bench.connected({ clientId: 'sender', ...KEPT }) : sender;
    await again.publishes('a', 'x', { qos: 2, packetId: 9, isDuplicate: true }).expects({ type: 'pubrec', packetId: 9, reasonCode: 0 });
    await again.sends(ack('pubrel', 9)).expects({ type: 'pubcomp', packetId: 9, reasonCode: 0 });
    expect(await receiver.payloads()).toEqual(['x']);
    expect(bench.metric('messages.duplicates')).toBe(1);
  });

  test('MQTT-4.3.3-12: after PUBCOMP the id is new', async () => {
    const { sender, receiver } = await stage();
    for (const payload of ['x', 'x']) {
      await sender.publishes('a', payload, { qos: 2, packetId: 9 }).expects({ type: 'pubrec' });
      await sender.sends(ack('pubrel', 9)).expects({ type: 'pubcomp' });
    }
    expect(await receiver.payloads()).toEqual(['x', 'x']);
  });

  test('MQTT-4.3.3-9: after a PUBREC that refuses, the id is new', async () => {
    const { bench, sender, receiver } = await stage();
    bench.core.store.isCongested = true;
    await sender.publishes('a', 'x', { qos: 2, packetId: 9 }).expects({ type: 'pubrec', reasonCode: 0x97 });
    bench.core.store.isCongested = false;
    await sender.publishes('a', 'y', { qos: 2, packetId: 9 }).expects({ type: 'pubrec', reasonCode: 0 });
    expect(await receiver.payloads()).toEqual(['y']);
  });

  test('MQTT-4.3.3-11: PUBREL for an id that is not in use gets PUBCOMP 0x92', async () => {
    const { sender } = await stage();
    await sender.sends(ack('pubrel', 77)).expectsOctets('70 03 004d 92');
  });

  test('MQTT-4.3.3-13: the exchange goes on though the message has expired', async () => {
    const { bench, sender } = await stage();
    await sender.publishes('a', 'x', { qos: 2, packetId: 9, properties: '02 00000001' }).expects({ type: 'pubrec', reasonCode: 0 });
    await bench.clock.advanceSeconds(60);
    await sender.sends(ack('pubrel', 9)).expects({ type: 'pubcomp', packetId: 9, reasonCode: 0 });
  });

  test('MQTT-4.3.3-10: an id of a session that ended is new', async () => {
    const { bench, sender, receiver } = await stage();
    await sender.publishes('a', '1', { qos: 2, packetId: 9 }).expects({ type: 'pubrec' });
    const anew = await bench.connected({ clientId: 'sender', cleanStart: true });
    await anew.publishes('a', '2', { qos: 2, packetId: 9 }).expects({ type: 'pubrec' });
    expect(await receiver.payloads()).toEqual(['1', '2']);
  });
});

describe('MQTT 5 §4.3.2 QoS 1 from a client', () => {
  test('MQTT-4.3.2-4, -5: PUBACK each; the same id again is a new message', async () => {
    const { sender, receiver } = await stage();
    await sender.publishes('a', 'x', { qos: 1, packetId: 9 }).publishes('a', 'y', { qos: 1, packetId: 9 }).expects({ type: 'puback' }, { type: 'puback' });
    expect(await receiver.payloads()).toEqual(['x', 'y']);
  });

  test.each([
    [1, 'puback'],
    [2, 'pubrec'],
  ] as const)('nothing is acknowledged before it is on disk: QoS %i', async (qos, type) => {
    const bench = await MqttBench.start({ autoCommit: false });
    const receiver = bench.peer().sends(connect({ clientId: 'receiver', ...KEPT }));
    const sender = bench.peer().sends(connect({ clientId: 'sender' }));
    await receiver.expectsNothing();
    bench.core.store.commit();
    await receiver.expects({ type: 'connack' });
    await sender.expects({ type: 'connack' });
    receiver.sends('82 07 0001 00 0001 23 02');
    await receiver.expectsNothing();
    bench.core.store.commit();
    await receiver.expects({ type: 'suback' });
    await sender.publishes('a', 'x', { qos, packetId: 3 }).expectsNothing();
    bench.core.store.commit();
    await sender.expects({ type, packetId: 3 });
  });

  test('MQTT-4.6.0-2, -3: answers come in the order of the publishes, whatever each waits for', async () => {
    const { bench, sender } = await stage();
    bench.core.access.forbids = ({ kind, ...action }) => kind === 'publish' && 'topic' in action && action.topic.startsWith('no');
    for (const [index, topic] of ['a', 'no', 'a', 'no'].entries()) sender.publishes(topic, 'x', { qos: 1, packetId: index + 1 });
    await sender.expects(
      { type: 'puback', packetId: 1, reasonCode: 0 },
      { type: 'puback', packetId: 2, reasonCode: 0x87 },
      { type: 'puback', packetId: 3, reasonCode: 0 },
      { type: 'puback', packetId: 4, reasonCode: 0x87 },
    );
  });
});

describe('MQTT 5 §4.3 to a client', () => {
  test.each([
    ['a stored session', KEPT],
    ['a session that ends with its link', {}],
  ])('MQTT-4.3.3-1 to -6: PUBLISH, PUBREC, PUBREL, PUBCOMP with one id: %s', async (_, over) => {
    const { sender, receiver } = await stage(over);
    sender.publishes('a', 'x', { qos: 2 });
    const { packetId, isDuplicate } = await receiver.receivesPublish();
    expect([packetId > 0, isDuplicate]).toEqual([true, false]);
    await receiver.sends(ack('pubrec', packetId)).expects({ type: 'pubrel', packetId, reasonCode: 0 });
    await receiver.sends(ack('pubcomp', packetId)).expectsNothing();
    await receiver.sends(ack('pubrec', packetId)).expects({ type: 'pubrel', packetId, reasonCode: 0x92 }); // it is known no more
  });

  test.each([
    ['MQTT-4.3.2-1, -3: PUBACK', 1, 'puback', 0],
    ['MQTT-4.4.0-2: PUBACK 0x87, refused', 1, 'puback', 0x87],
    ['MQTT-4.4.0-2: PUBREC 0x97, refused', 2, 'pubrec', 0x97],
  ] as const)('%s ends the delivery: nothing of it comes again', async (_, qos, type, reasonCode) => {
    const { bench, sender, receiver } = await stage();
    sender.publishes('a', 'x', { qos });
    const { packetId } = await receiver.receivesPublish();
    await receiver.sends(ack(type, packetId, reasonCode)).expectsNothing();
    await receiver.breaks();
    const again = await bench.connected({ clientId: 'receiver', ...KEPT });
    await again.expectsNothing();
    expect(bench.metric('messages.dropped.refused-by-peer')).toBe(reasonCode === 0 ? 0 : 1);
  });

  test('MQTT-2.2.1-3, -4, MQTT-4.3.2-1: ids in flight are distinct, and their space is not the one of the client', async () => {
    const { sender, receiver } = await stage();
    for (let i = 1; i <= 20; i += 1) sender.publishes('a', `${i}`, { qos: 1, packetId: i });
    const ids = (await receiver.receives()).map((packet) => ('packetId' in packet ? packet.packetId : 0));
    expect(new Set(ids).size).toBe(20);
    expect(ids.every((id) => id >= 1 && id <= 65_535)).toBe(true);
    const [first = 0] = ids;
    await receiver.publishes('b', 'own', { qos: 2, packetId: first }).receives();
    await receiver.sends(ack('pubrel', first)).expects({ type: 'pubcomp', packetId: first, reasonCode: 0 });
  });

  test.each([
    ['PUBACK', ack('puback', 999)],
    ['PUBCOMP', ack('pubcomp', 999)],
    ['PUBREC 0x80', ack('pubrec', 999, 0x80)],
  ])('%s for an id that is not in flight is counted and borne', async (_, packet) => {
    const { bench, receiver } = await stage();
    await receiver.sends(packet, 'c000').expects({ type: 'pingresp' });
    expect(bench.metric('mqtt.acks.unknown')).toBe(1);
  });
});

describe('MQTT 5 §4.4 Message delivery retry', () => {
  test.each([1, 2] as const)(
    'MQTT-4.4.0-1, MQTT-3.3.1-1: on the next connection MQTT-4.3.2-2: unanswered PUBLISH of QoS %i come with DUP and their old id, in order',
    async (qos) => {
      const { bench, sender, receiver } = await stage();
      for (let packetId = 1; packetId <= 4; packetId += 1) sender.publishes('a', `${packetId}`, { qos, packetId });
      const before = await receiver.receives();
      expect(before).toHaveLength(4);
      await receiver.breaks();
      const again = bench.peer().sends(connect({ clientId: 'receiver', ...KEPT }));
      const [connack, ...after] = await again.receives();
      expect(connack).toMatchObject({ type: 'connack', isSessionPresent: true });
      expect(after).toEqual(before.map((packet) => ({ ...packet, isDuplicate: true })));
    },
  );

  test('MQTT-4.3.3-6: after PUBREC it is the PUBREL that comes again, never the PUBLISH', async () => {
    const { bench, sender, receiver } = await stage();
    sender.publishes('a', 'x', { qos: 2 });
    const { packetId } = await receiver.receivesPublish();
    await receiver.sends(ack('pubrec', packetId)).expects({ type: 'pubrel', packetId });
    await receiver.breaks();
    const again = bench.peer().sends(connect({ clientId: 'receiver', ...KEPT }));
    await again.expects({ type: 'connack' }, { type: 'pubrel', packetId });
    await again.sends(ack('pubcomp', packetId)).expectsNothing();
  });

  test('nothing is sent again while the connection stands', async () => {
    const { bench, sender, receiver } = await stage();
    sender.publishes('a', 'x', { qos: 1 });
    await receiver.receivesPublish();
    await bench.clock.advanceSeconds(3_600);
    await receiver.expectsNothing();
  });

  test('MQTT-4.3.3-7: what was sent once does not expire any more', async () => {
    const { bench, sender, receiver } = await stage();
    await sender.publishes('a', 'x', { qos: 1, properties: '02 00000005' }).receives();
    await receiver.receivesPublish();
    await receiver.sends(disconnect()).expectsEnd();
    await bench.clock.advanceSeconds(60);
    const again = bench.peer().sends(connect({ clientId: 'receiver', ...KEPT }));
    await again.expects({ type: 'connack' }, { type: 'publish', payload: 'x', isDuplicate: true });
  });
});
