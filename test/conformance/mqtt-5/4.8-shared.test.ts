import { describe, expect, test } from 'vitest';
import { topicFilter } from '../../../src/model/topic.ts';
import { ack, connect, disconnect, identified, MqttBench, type MqttPeer, publishBytes, subscribe, unsubscribe } from '../../support/mqtt.ts';

const SHARE = { filter: '$share/g/a/#' } as const;
const STORED = { sessionExpirySeconds: 1_000 };

async function stage(): Promise<{ bench: MqttBench; sender: MqttPeer; one: MqttPeer; two: MqttPeer }> {
  const bench = await MqttBench.start();
  const sender = await bench.connected({ clientId: 'sender' });
  return { bench, sender, one: await member(bench, 'one'), two: await member(bench, 'two') };
}

async function member(bench: MqttBench, clientId: string): Promise<MqttPeer> {
  return (await bench.connected({ clientId, properties: STORED })).subscribed(SHARE);
}

/** A member connects again, to its session. */
function returning(bench: MqttBench, clientId: string): MqttPeer {
  return bench.peer().sends(connect({ clientId, cleanStart: false, properties: STORED }));
}

const RESUMED = { type: 'connack', isSessionPresent: true };

/** QoS 1 publishes with packet ids from `first` on, all in one read; their PUBACKs are taken. */
async function sends(sender: MqttPeer, first: number, ...payloads: string[]): Promise<void> {
  sender.sends(...payloads.map((payload, index) => publishBytes(5, 'a/b', payload, { qos: 1, packetId: first + index })));
  await sender.expects(...payloads.map((_, index) => ({ type: 'puback', packetId: first + index, reasonCode: 0 })));
}

describe('MQTT 5 §4.8.2 Shared Subscriptions', () => {
  test.each([
    ['MQTT-4.8.2-1: no ShareName', '82 0e 0001 00 0008 2473686172652f2f 00'],
    ['MQTT-4.8.2-1: an empty ShareName', '82 0f 0001 00 0009 2473686172652f2f61 00'],
    ['MQTT-4.8.2-2: "+" in the ShareName', '82 10 0001 00 000a 2473686172652f2b2f61 00'],
    ['MQTT-4.8.2-2: no "/" behind the ShareName', '82 0e 0001 00 0008 2473686172652f67 00'],
    ['MQTT-4.8.2-2: no Topic Filter', '82 0f 0001 00 0009 2473686172652f672f 00'],
    ['MQTT-3.8.3-4: No Local', '82 10 0001 00 000a 2473686172652f672f61 04'],
  ])('%s is a Protocol Error', async (_, hex) => {
    const bench = await MqttBench.start();
    const peer = await bench.connected({ clientId: 'peer' });
    await peer.sends(hex).expectsEnd({ type: 'disconnect', reasonCode: 0x82 });
  });

  test.each([
    ['$share/g/a/#', 4, 2],
    ['$share/g/a/#', 3, 2],
    ['$queue/a/#', 5, 2],
    ['$queue/a/#', 4, 2],
    ['$share/g', 4, 0x80],
    ['$share/+/a', 4, 0x80],
  ] as const)('%s of a client of version %i is answered with %i', async (filter, version, code) => {
    const bench = await MqttBench.start();
    const peer = await bench.connected({ clientId: 'old', version });
    await peer.sends(subscribe(1, { filter })).expects({ type: 'suback', reasonCodes: [code] });
    const sender = await bench.connected({ clientId: 'sender' });
    sender.publishes('a/b', 'x');
    expect(await peer.payloads()).toEqual(code === 2 ? ['x'] : []);
  });

  test('permission is asked about the inner Topic Filter', async () => {
    const bench = await MqttBench.start();
    bench.core.access.forbids = (action) => action.kind === 'subscribe' && action.filter === topicFilter('secret/#');
    const peer = await bench.connected({ clientId: 'peer' });
    await peer.sends(subscribe(1, { filter: '$share/g/secret/#' }, { filter: '$share/g/open/#' })).expects({ reasonCodes: [0x87, 2] });
  });

  test('each message goes to one Session of the Shared Subscription', async () => {
    const { sender, one, two } = await stage();
    await sends(sender, 1, '1', '2', '3', '4');
    expect([await one.payloads(), await two.payloads()]).toEqual([
      ['1', '3'],
      ['2', '4'],
    ]);
  });

  test('a different ShareName, the same filter without one: each its own copy', async () => {
    const { bench, sender, one } = await stage();
    const three = await (await bench.connected({ clientId: 'three' })).subscribed({ filter: '$share/h/a/#' }, { filter: 'a/#', qosMax: 0 });
    sender.publishes('a/b', 'x');
    expect([await one.payloads(), await three.payloads()]).toEqual([['x'], ['x', 'x']]);
  });

  test('the publisher may be the member that gets it', async () => {
    const { one } = await stage();
    one.publishes('a/b', 'own');
    expect(await one.payloads()).toEqual(['own']);
  });

  test('MQTT-4.8.2-3, MQTT-3.3.4-3: at the QoS and with the Subscription Identifier of that member; the same filter again replaces them', async () => {
    const { sender, one, two } = await stage();
    await one.sends(identified(11, subscribe(2, { ...SHARE, qosMax: 0 }))).expects({ type: 'suback', reasonCodes: [0] });
    await two.sends(identified(22, subscribe(2, { ...SHARE, qosMax: 1 }))).expects({ type: 'suback', reasonCodes: [1] });
    sender.sends(publishBytes(5, 'a/b', '1', { qos: 2, packetId: 1 }), publishBytes(5, 'a/b', '2', { qos: 2, packetId: 2 }));
    await one.expects({ payload: '1', qos: 0, subscriptionIdentifiers: [11] });
    await two.expects({ payload: '2', qos: 1, subscriptionIdentifiers: [22] });
  });

  test.each([0, 1, 2] as const)('no retained message is sent, whatever Retain Handling (%i) says', async (retainHandling) => {
    const { bench, sender } = await stage();
    await sender.publishes('a/b', 'kept', { isRetain: true }).expectsNothing();
    const peer = await bench.connected({ clientId: 'peer' });
    await peer.sends(subscribe(1, { filter: '$share/new/a/b', retainHandling })).expects({ type: 'suback' });
  });

  test('a member with a full window is passed over; all full, the message waits for the first with room', async () => {
    const bench = await MqttBench.start();
    const sender = await bench.connected({ clientId: 'sender' });
    const narrow = await (await bench.connected({ clientId: 'narrow', properties: { ...STORED, receiveMaximum: 1 } })).subscribed(SHARE);
    const wider = await (await bench.connected({ clientId: 'wider', properties: { ...STORED, receiveMaximum: 2 } })).subscribed(SHARE);
    await sends(sender, 1, '1', '2', '3', '4', '5');
    expect(await narrow.payloads()).toEqual(['1']);
    const [first] = await wider.receives();
    expect(first).toMatchObject({ payload: '2' });
    const packetId = first?.type === 'publish' ? first.packetId : 0;
    await wider.sends(ack('puback', packetId)).expects({ payload: '4' });
  });

  test('nobody online: it waits in the Shared Subscription, and the first who returns gets it', async () => {
    const { bench, sender, one, two } = await stage();
    await one.breaks();
    await two.breaks();
    await sends(sender, 1, '1', '2');
    await returning(bench, 'two').expects(RESUMED, { payload: '1' }, { payload: '2' });
    await returning(bench, 'one').expects(RESUMED);
  });

  test('QoS 1: what a broken connection leaves unacknowledged goes to another member at once, as a first delivery', async () => {
    const { sender, one, two } = await stage();
    await sends(sender, 1, '1', '2', '3');
    await one.expects({ payload: '1' }, { payload: '3' });
    await two.expects({ payload: '2' });
    await one.breaks();
    await two.expects({ payload: '1', isDuplicate: false }, { payload: '3', isDuplicate: false });
  });

  test('QoS 1: what was acknowledged goes to nobody again', async () => {
    const { sender, one, two } = await stage();
    await sends(sender, 1, '1');
    const { packetId } = await one.receivesPublish();
    await one.sends(ack('puback', packetId)).breaks();
    await two.expectsNothing();
  });

  test('MQTT-4.8.2-4: QoS 2 is completed with the same Client when it reconnects', async () => {
    const { bench, sender, one, two } = await stage();
    sender.sends(publishBytes(5, 'a/b', 'x', { qos: 2, packetId: 1 }));
    const { packetId } = await one.receivesPublish();
    await one.breaks();
    await two.expectsNothing();
    const again = returning(bench, 'one');
    await again.expects(RESUMED, { payload: 'x', packetId, isDuplicate: true });
    await again.sends(ack('pubrec', packetId)).expects({ type: 'pubrel', packetId });
    await again.breaks();
    const third = returning(bench, 'one');
    await third.expects(RESUMED, { type: 'pubrel', packetId });
    await third.sends(ack('pubcomp', packetId)).expectsNothing();
  });

  test('MQTT-4.8.2-5: QoS 2 whose Client does not come back is sent to no other', async () => {
    const { bench, sender, one, two } = await stage();
    sender.sends(publishBytes(5, 'a/b', 'x', { qos: 2, packetId: 1 }));
    await one.receivesPublish();
    await one.breaks();
    await bench.clock.advanceSeconds(1_001);
    await two.expectsNothing();
  });

  test.each([
    ['PUBACK', 1, 'puback'],
    ['PUBREC', 2, 'pubrec'],
  ] as const)('MQTT-4.8.2-6: a message refused by %s is discarded', async (_, qos, type) => {
    const { bench, sender, one, two } = await stage();
    sender.sends(publishBytes(5, 'a/b', 'x', { qos, packetId: 1 }));
    const { packetId } = await one.receivesPublish();
    await one.sends(ack(type, packetId, 0x83)).breaks();
    await two.expectsNothing();
    await returning(bench, 'one').expects(RESUMED);
    expect(bench.core.store.status().queuedMessages).toBe(0);
  });

  test('§3.10: who unsubscribes gets nothing more; MQTT-3.10.4-3: what it has begun is finished', async () => {
    const { sender, one, two } = await stage();
    await sends(sender, 1, '1');
    const { packetId } = await one.receivesPublish();
    await one.sends(unsubscribe(2, SHARE.filter)).expects({ type: 'unsuback', reasonCodes: [0] });
    await sends(sender, 2, '2', '3');
    expect(await two.payloads()).toEqual(['2', '3']);
    await one.sends(ack('puback', packetId)).breaks();
    await two.expectsNothing();
  });

  test('the Shared Subscription ends with the last Session, and what waits with it', async () => {
    const { bench, sender, one, two } = await stage();
    await one.sends(disconnect(0, 0)).receives();
    await two.breaks();
    await sends(sender, 1, '1');
    expect(bench.core.store.status().queuedMessages).toBe(1);
    await bench.clock.advanceSeconds(1_001);
    expect(bench.core.store.status().queuedMessages).toBe(0);
    sender.sends(publishBytes(5, 'a/b', '2', { qos: 1, packetId: 2 }));
    await sender.expects({ type: 'puback', packetId: 2, reasonCode: 0x10 });
  });

  test('MQTT-3.1.2-23: a Clean Start leaves the Shared Subscription; the others go on', async () => {
    const { bench, sender, two } = await stage();
    const clean = await bench.connected({ clientId: 'one', cleanStart: true });
    await sends(sender, 1, '1', '2');
    expect([await clean.payloads(), await two.payloads()]).toEqual([[], ['1', '2']]);
  });
});
