import { describe, expect, test } from 'vitest';
import { MqttBench, type MqttPeer, subscribe } from '../../support/mqtt.ts';

async function stage(): Promise<{ bench: MqttBench; sender: MqttPeer; receiver: MqttPeer }> {
  const bench = await MqttBench.start();
  return { bench, sender: await bench.connected({ clientId: 'sender' }), receiver: await bench.connected({ clientId: 'receiver' }) };
}

const RETAIN = { isRetain: true } as const;

describe('MQTT 5 §3.3.1.3 RETAIN', () => {
  test('MQTT-3.3.1-5: the newest replaces the one before, and says RETAIN 1 to a new subscription', async () => {
    const { sender, receiver } = await stage();
    await sender.publishes('a', 'old', RETAIN).publishes('a', 'new', RETAIN).receives();
    await receiver.sends(subscribe(1, { filter: 'a' })).expects({ type: 'suback' }, { type: 'publish', payload: 'new', isRetain: true });
  });

  test('MQTT-3.3.1-6, -7: an empty payload is delivered and clears the topic', async () => {
    const { bench, sender, receiver } = await stage();
    await receiver.subscribed({ filter: 'a', retainAsPublished: true });
    await sender.publishes('a', 'x', RETAIN).publishes('a', '', RETAIN).receives();
    await receiver.expects({ payload: 'x' }, { payload: '', isRetain: true });
    await (await bench.connected({ clientId: 'late' })).sends(subscribe(1, { filter: 'a' })).expects({ type: 'suback' });
    expect(bench.metric('retained.messages')).toBe(0);
  });

  test('MQTT-3.3.1-8: a message without RETAIN leaves it alone', async () => {
    const { sender, receiver } = await stage();
    await sender.publishes('a', 'kept', RETAIN).publishes('a', 'passing').publishes('a', '').receives();
    await receiver.sends(subscribe(1, { filter: 'a' })).expects({ type: 'suback' }, { payload: 'kept' });
  });

  test.each([
    ['MQTT-3.3.1-12: 0 clears the flag', false, false],
    ['MQTT-3.3.1-13: 1 keeps it', true, true],
  ])('Retain As Published %s', async (_, retainAsPublished, isRetain) => {
    const { sender, receiver } = await stage();
    await receiver.subscribed({ filter: 'a', retainAsPublished });
    sender.publishes('a', 'x', RETAIN).publishes('a', 'y');
    await receiver.expects({ payload: 'x', isRetain }, { payload: 'y', isRetain: false });
  });

  test.each([
    ['MQTT-3.3.1-9, MQTT-3.8.4-4: 0 sends them at every subscribe', 0, [1, 1]],
    ['MQTT-3.3.1-10: 1 only when the subscription is new', 1, [1, 0]],
    ['MQTT-3.3.1-11: 2 never', 2, [0, 0]],
  ] as const)('Retain Handling %s', async (_, retainHandling, counts) => {
    const { sender, receiver } = await stage();
    await sender.publishes('a', 'x', RETAIN).receives();
    for (const count of counts) {
      receiver.sends(subscribe(1, { filter: 'a', retainHandling }));
      expect(await receiver.payloads()).toHaveLength(count);
    }
  });

  test.each([0, 1] as const)('MQTT-3.8.3-3: No Local keeps back what its own client retained (granted QoS %i)', async (qosMax) => {
    const bench = await MqttBench.start();
    const own = await bench.connected({ clientId: 'own', properties: { sessionExpirySeconds: 100 } });
    const other = await bench.connected({ clientId: 'other' });
    await own.publishes('a', 'own', RETAIN).publishes('b', 'own', RETAIN).receives();
    await other.publishes('b', 'other', RETAIN).receives();
    own.sends(subscribe(1, { filter: '+', qosMax, noLocal: true }));
    expect(await own.payloads()).toEqual(['other']);
    own.sends(subscribe(2, { filter: '+', qosMax }));
    expect(await own.payloads()).toEqual(['own', 'other']);
  });

  test.each([
    ['the granted QoS', 1, 2, 1],
    ['the published QoS', 2, 1, 1],
    ['both 2', 2, 2, 2],
    ['both 0', 0, 0, 0],
  ] as const)('MQTT-3.8.4-8: a retained message comes at the lower of the two: %s', async (_, qosMax, published, qos) => {
    const { sender, receiver } = await stage();
    await sender.publishes('a', 'x', { ...RETAIN, qos: published }).receives();
    await receiver.sends(subscribe(1, { filter: 'a', qosMax })).expects({ type: 'suback' }, { type: 'publish', qos });
  });

  test.each([
    ['a/#', ['a', 'a/b', 'a/b/c']],
    ['a/+', ['a/b']],
    ['+', ['a']],
    ['#', ['a', 'a/b', 'a/b/c']],
    ['$x/#', ['$x/y']],
  ])('MQTT-4.7.1-1, -2, MQTT-4.7.2-1: a new subscription to %s brings %s', async (filter, topics) => {
    const { sender, receiver } = await stage();
    for (const topic of ['a', 'a/b', 'a/b/c', '$x/y']) sender.publishes(topic, topic, RETAIN);
    await sender.receives();
    expect((await receiver.sends(subscribe(1, { filter })).payloads()).sort()).toEqual(topics);
  });

  test.each([
    ['a session that ends with its link', 0],
    ['a stored session', 1_000],
  ])('a new subscription brings every retained message, however many: %s', async (_, sessionExpirySeconds) => {
    const bench = await MqttBench.start({ broker: { memoryQueueLimits: { messagesMax: 10, bytesMax: 1_000 } } });
    const sender = await bench.connected({ clientId: 'sender' });
    for (let i = 0; i < 200; i += 1) sender.publishes(`a/${i}`, 'x'.repeat(100), { ...RETAIN, qos: 1, packetId: i + 1 });
    await sender.receives();
    const receiver = await bench.connected({ clientId: 'receiver', properties: { sessionExpirySeconds } });
    expect(await receiver.sends(subscribe(1, { filter: 'a/#', qosMax: 0 })).payloads()).toHaveLength(200);
    expect(bench.metric('messages.dropped.queue-full')).toBe(0);
  });

  test('the bounds of the retained set hold when a message grows in its place, and count its properties', async () => {
    const bench = await MqttBench.start({ broker: { retainedLimits: { messagesMax: 10, bytesMax: 100 } } });
    const sender = await bench.connected({ clientId: 'sender' });
    sender.publishes('a', 'small', RETAIN).publishes('a', 'x'.repeat(200), RETAIN);
    sender.publishes('b', 'y', { ...RETAIN, properties: `26 0032 ${'61'.repeat(50)} 0032 ${'61'.repeat(50)}` });
    sender.publishes('a', 'x'.repeat(99), RETAIN); // it fits where "small" was, not beside it
    await sender.receives();
    const receiver = await bench.connected({ clientId: 'receiver' });
    expect(await receiver.sends(subscribe(1, { filter: '#' })).payloads()).toEqual(['x'.repeat(99)]);
    expect(bench.metric('retained.refused')).toBe(2);
  });
});
