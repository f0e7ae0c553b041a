import { describe, expect, test } from 'vitest';
import { SUBSCRIPTIONS_PER_SESSION_MAX } from '../../../src/model/limits.ts';
import { topicFilter } from '../../../src/model/topic.ts';
import { identified, MqttBench, type MqttPeer, publishBytes, subscribe, unsubscribe, will } from '../../support/mqtt.ts';

async function stage(): Promise<{ bench: MqttBench; sender: MqttPeer; receiver: MqttPeer }> {
  const bench = await MqttBench.start();
  return { bench, sender: await bench.connected({ clientId: 'sender' }), receiver: await bench.connected({ clientId: 'receiver' }) };
}

describe('MQTT 5 §3.8 SUBSCRIBE', () => {
  test.each([
    ['MQTT-3.8.1-1: wrong flags', '80 07 0001 00 0001 61 00', 0x81],
    ['MQTT-3.8.3-2: no Topic Filter', '82 03 0001 00', 0x81],
    ['MQTT-3.8.3-1: a filter that is not UTF-8', '82 07 0001 00 0001 ff 00', 0x81],
    ['MQTT-4.7.1-1: "#" inside', '82 09 0001 00 0003 232f61 00', 0x81],
    ['MQTT-4.7.1-2: "+" beside a letter', '82 08 0001 00 0002 612b 00', 0x81],
    ['MQTT-3.8.3-5: reserved option bits', '82 07 0001 00 0001 61 40', 0x81],
    ['§3.8.3.1: QoS 3', '82 07 0001 00 0001 61 03', 0x81],
    ['§3.8.3.1: Retain Handling 3', '82 07 0001 00 0001 61 30', 0x81],
    ['§3.8.2.1.2: Subscription Identifier 0', '82 09 0001 02 0b00 0001 61 00', 0x81],
    ['MQTT-3.8.3-4: No Local on a shared subscription', '82 10 0001 00 000a 2473686172652f672f61 04', 0x82],
    ['MQTT-3.10.1-1: UNSUBSCRIBE with wrong flags', 'a0 06 0001 00 0001 61', 0x81],
    ['MQTT-3.10.3-1: UNSUBSCRIBE from what is not UTF-8', 'a2 06 0001 00 0001 ff', 0x81],
    ['MQTT-3.10.3-2: UNSUBSCRIBE without a filter', 'a2 03 0001 00', 0x81],
  ])('%s ends the connection', async (_, hex, reasonCode) => {
    const { receiver } = await stage();
    await receiver.sends(hex).expectsEnd({ type: 'disconnect', reasonCode });
  });

  test('MQTT-3.8.4-1, -2, -5, -6, -7, MQTT-3.9.3-1, -2, MQTT-3.2.2-10: one SUBACK, its id, one code per filter in order', async () => {
    const { bench, receiver } = await stage();
    bench.core.access.forbids = (action) => action.kind === 'subscribe' && action.filter === topicFilter('secret');
    const requests = [
      { filter: 'zero', qosMax: 0 },
      { filter: 'secret' },
      { filter: 'one', qosMax: 1 },
      { filter: '$share/group/a' },
      { filter: 'two/#', qosMax: 2 },
    ] as const;
    await receiver.sends(subscribe(4_660, ...requests)).expectsOctets('90 08 1234 00 00 87 01 02 02');
  });

  test('MQTT-3.8.4-3: the same filter replaces: one copy, with the new options', async () => {
    const { sender, receiver } = await stage();
    await receiver.subscribed({ filter: 'a', qosMax: 2 });
    await receiver.subscribed({ filter: 'a', qosMax: 0 });
    sender.publishes('a', 'x', { qos: 2 });
    await receiver.expects({ type: 'publish', qos: 0 });
  });

  test.each([
    [0, 2, 0],
    [1, 2, 1],
    [2, 2, 2],
    [2, 1, 1],
    [2, 0, 0],
  ] as const)('MQTT-3.8.4-8: granted %i, published at %i: delivered at %i', async (qosMax, published, qos) => {
    const { sender, receiver } = await stage();
    await receiver.subscribed({ filter: 'a', qosMax });
    sender.publishes('a', 'x', { qos: published });
    await receiver.expects({ type: 'publish', qos });
  });

  test('MQTT-3.8.3-3: No Local keeps back what this client publishes, also through an overlapping subscription', async () => {
    const { sender, receiver } = await stage();
    await receiver.subscribed({ filter: 'a', noLocal: true }, { filter: 'b' });
    receiver.publishes('a', 'own').publishes('b', 'own b');
    sender.publishes('a', 'other');
    expect(await receiver.payloads()).toEqual(['own b', 'other']);
    await receiver.subscribed({ filter: '+', noLocal: false });
    receiver.publishes('a', 'again');
    expect(await receiver.payloads()).toEqual(['again']);
  });

  test('No Local compares client ids: a will is kept back from its own next connection', async () => {
    const { bench } = await stage();
    const properties = { sessionExpirySeconds: 1_000 };
    const first = await bench.connected({ clientId: 'gw', cleanStart: false, properties, will: will({ topic: 'a', qos: 1 }) });
    await (await first.subscribed({ filter: 'a', noLocal: true })).breaks();
    const again = await bench.connected({ clientId: 'gw', cleanStart: false, properties });
    await again.expectsNothing();
  });

  test.each([
    ['SUBSCRIBE', 'sport/#', 'sport', true],
    ['SUBSCRIBE', '#', '$SYS/x', false],
    ['SUBSCRIBE', '+/x', '$SYS/x', false],
    ['SUBSCRIBE', '$SYS/#', '$SYS/x', true],
    ['SUBSCRIBE', '+', '/finance', false],
    ['SUBSCRIBE', '/+', '/finance', true],
  ])('MQTT-3.3.2-3, MQTT-4.7.1-1, -2, MQTT-4.7.2-1: %s %s selects %s: %s', async (_, filter, topic, isSelected) => {
    const { sender, receiver } = await stage();
    await receiver.subscribed({ filter });
    sender.publishes(topic, 'x');
    expect(await receiver.payloads()).toEqual(isSelected ? ['x'] : []);
  });

  test('MQTT-3.3.4-3: the identifier comes with each message, retained ones included, and goes when the subscription is made anew without', async () => {
    const { sender, receiver } = await stage();
    await sender.publishes('a', 'kept', { isRetain: true }).receives();
    await receiver
      .sends(identified(200, subscribe(1, { filter: 'a' })))
      .expects({ type: 'suback' }, { payload: 'kept', isRetain: true, subscriptionIdentifiers: [200] });
    sender.publishes('a', 'x');
    await receiver.expects({ payload: 'x', subscriptionIdentifiers: [200] });
    await receiver.subscribed({ filter: 'a', retainHandling: 2 });
    sender.publishes('a', 'y');
    await receiver.expects({ payload: 'y', subscriptionIdentifiers: undefined });
  });

  test('§3.8.4: SUBACK comes before the retained messages and before what is published meanwhile', async () => {
    const bench = await MqttBench.start({ autoCommit: false });
    const sender = bench.peer().sends({ type: 'connect', version: 5, isBridge: false, clientId: 's', cleanStart: true, keepAliveSeconds: 0 });
    await sender.publishes('a', 'kept', { qos: 1, isRetain: true }).receives();
    bench.core.store.commit();
    await sender.expects({ type: 'puback' });
    const properties = { sessionExpirySeconds: 100 };
    const receiver = bench.peer().sends({ type: 'connect', version: 5, isBridge: false, clientId: 'r', cleanStart: true, keepAliveSeconds: 0, properties });
    await receiver.expectsNothing(); // not before the session is on disk
    bench.core.store.commit();
    await receiver.expects({ type: 'connack' });
    await receiver.sends(subscribe(1, { filter: 'a', qosMax: 1 })).expectsNothing();
    await sender.publishes('a', 'live', { qos: 1 }).expectsNothing();
    await receiver.expectsNothing();
    bench.core.store.commit();
    await receiver.expects({ type: 'suback' }, { payload: 'kept' }, { payload: 'live' });
    await sender.expects({ type: 'puback' });
  });

  test('several SUBSCRIBEs under way at once: each SUBACK before any message', async () => {
    const { sender, receiver } = await stage();
    await sender.publishes('a', 'a', { isRetain: true }).publishes('b', 'b', { isRetain: true }).receives();
    await receiver
      .sends(subscribe(1, { filter: 'a' }), subscribe(2, { filter: 'b' }))
      .receives()
      .then((received) => {
        expect(received.filter(({ type }) => type === 'suback')).toHaveLength(2);
        expect(received.findIndex((packet) => packet.type === 'publish' && packet.topic === 'b')).toBeGreaterThan(
          received.findIndex((packet) => packet.type === 'suback' && packet.packetId === 2),
        );
      });
  });

  test('more subscriptions than a session may hold: 0x97 for the rest, however long the packet; the others bring what is retained', async () => {
    const { bench, sender, receiver } = await stage();
    await sender
      .publishes('a/0', 'first', { isRetain: true })
      .publishes(`a/${SUBSCRIPTIONS_PER_SESSION_MAX - 1}`, 'last', { isRetain: true })
      .receives();
    const filters = Array.from({ length: SUBSCRIPTIONS_PER_SESSION_MAX + 500 }, (_, index) => ({ filter: `a/${index}` }));
    const [suback, ...brought] = await receiver.sends(subscribe(1, ...filters)).receives();
    const codes = suback?.type === 'suback' ? suback.reasonCodes : [];
    expect([codes.filter((code) => code === 2).length, codes.filter((code) => code === 0x97).length]).toEqual([SUBSCRIPTIONS_PER_SESSION_MAX, 500]);
    expect(bench.metric('subscriptions')).toBe(SUBSCRIPTIONS_PER_SESSION_MAX);
    expect(brought).toMatchObject([{ payload: 'first' }, { payload: 'last' }]);
  });

  test('one filter repeated in a long packet costs a bounded number of subscriptions', async () => {
    const { receiver } = await stage();
    const filters = Array.from({ length: SUBSCRIPTIONS_PER_SESSION_MAX + 200 }, () => ({ filter: 'a' }));
    const [suback] = await receiver.sends(subscribe(1, ...filters)).receives();
    expect(suback?.type === 'suback' && suback.reasonCodes.filter((code) => code === 0x97)).toHaveLength(200);
  });

  test('MQTT-3.1.2-24: a SUBACK above the Maximum Packet Size of its client ends the connection with 0x95', async () => {
    const { bench } = await stage();
    const receiver = await bench.connected({ clientId: 'small', properties: { maximumPacketSize: 40 } });
    const filters = Array.from({ length: 60 }, (_, index) => ({ filter: `a/${index}` }));
    await receiver.sends(subscribe(1, ...filters)).expectsEnd({ type: 'disconnect', reasonCode: 0x95 });
  });
});

describe('MQTT 5 §3.10 UNSUBSCRIBE', () => {
  test('MQTT-3.10.4-1, -4, -5, -6, MQTT-3.11.3-1, -2: one UNSUBACK, its id, one code per filter: 0x11 where there was none', async () => {
    const { receiver } = await stage();
    await receiver.subscribed({ filter: 'a' }, { filter: 'b/#' });
    await receiver.sends(unsubscribe(4_660, 'A', 'a', 'b/+', 'b/#', 'a')).expectsOctets('b0 08 1234 00 11 00 11 00 11');
  });

  test('MQTT-3.10.4-2: nothing more is delivered; an overlapping subscription goes on', async () => {
    const { sender, receiver } = await stage();
    await receiver.subscribed({ filter: 'a' }, { filter: '+' });
    await receiver.sends(unsubscribe(1, 'a')).expects({ type: 'unsuback' });
    sender.publishes('a', 'x');
    await receiver.expects({ payload: 'x' });
    await receiver.sends(unsubscribe(1, '+')).expects({ type: 'unsuback' });
    sender.publishes('a', 'y');
    await receiver.expectsNothing();
  });

  test('MQTT-3.10.4-3: deliveries that have begun are finished', async () => {
    const { bench, sender } = await stage();
    const properties = { receiveMaximum: 1 };
    const receiver = await (await bench.connected({ clientId: 'slow', properties })).subscribed({ filter: 'a' });
    sender.sends(publishBytes(5, 'a', '1', { qos: 2, packetId: 1 }));
    const { packetId } = await receiver.receivesPublish();
    await receiver.sends(unsubscribe(1, 'a')).expects({ type: 'unsuback' });
    await receiver.sends({ type: 'pubrec', packetId, reasonCode: 0 }).expects({ type: 'pubrel', packetId });
    await receiver.sends({ type: 'pubcomp', packetId, reasonCode: 0 }).expectsNothing();
    expect(bench.metric('mqtt.acks.unknown')).toBe(0);
  });
});
