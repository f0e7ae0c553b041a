import { describe, expect, test } from 'vitest';
import { MqttBench, type MqttPeer, type PublishOptions, subscribe } from '../../support/mqtt.ts';

const V4 = { version: 4 } as const;

async function stage(): Promise<{ bench: MqttBench; sender: MqttPeer; late: () => Promise<MqttPeer> }> {
  const bench = await MqttBench.start();
  const sender = await bench.connected({ clientId: 'sender', ...V4 });
  return { bench, sender, late: () => bench.connected({ clientId: 'late', ...V4 }) };
}

async function retains(sender: MqttPeer, payload: string, over: PublishOptions = {}): Promise<void> {
  await sender.publishes('a', payload, { isRetain: true, ...over }).receives();
}

describe('MQTT 3.1.1 §3.3.1.3 RETAIN', () => {
  test.each([0, 1, 2] as const)('MQTT-3.3.1-5, -8: message and QoS %i are stored, and come with RETAIN 1 to a new subscription', async (qos) => {
    const { sender, late } = await stage();
    await retains(sender, 'kept', { qos });
    const reader = await late();
    await reader.sends(subscribe(1, { filter: '+' })).expects({ type: 'suback' }, { type: 'publish', topic: 'a', payload: 'kept', qos, isRetain: true });
  });

  test('MQTT-3.3.1-6: a new subscription brings the last one of each topic that matches', async () => {
    const { sender, late } = await stage();
    for (const [topic, payload] of [
      ['a/1', 'old'],
      ['a/1', 'new'],
      ['a/2', 'x'],
      ['b', 'y'],
    ] as const) {
      sender.publishes(topic, payload, { isRetain: true });
    }
    const payloads = await (await late()).sends(subscribe(1, { filter: 'a/#' })).payloads();
    expect(payloads.toSorted()).toEqual(['new', 'x']);
  });

  test('MQTT-3.3.1-7: one of QoS 0 takes the place of the one before', async () => {
    const { sender, late } = await stage();
    await retains(sender, 'two', { qos: 2, packetId: 1 });
    await retains(sender, 'zero');
    expect(await (await late()).sends(subscribe(1, { filter: 'a' })).payloads()).toEqual(['zero']);
  });

  test('MQTT-3.3.1-9: RETAIN 0 on what an established subscription brings', async () => {
    const { sender, late } = await stage();
    const reader = await (await late()).subscribed({ filter: 'a' });
    await retains(sender, 'x');
    await reader.expects({ type: 'publish', payload: 'x', isRetain: false });
  });

  test('MQTT-3.3.1-10, -11: an empty one is passed on, removes the one before and is not stored', async () => {
    const { bench, sender, late } = await stage();
    await retains(sender, 'x');
    const reader = await (await late()).subscribed({ filter: 'a' });
    await retains(sender, '');
    await reader.expects({ type: 'publish', payload: '', isRetain: false });
    expect(bench.metric('retained.messages')).toBe(0);
  });

  test('MQTT-3.3.1-12: RETAIN 0 neither stores nor replaces nor removes', async () => {
    const { sender, late } = await stage();
    await sender.publishes('a', 'not kept').receives();
    await retains(sender, 'kept');
    await sender.publishes('a', 'not kept').publishes('a', '').receives();
    expect(await (await late()).sends(subscribe(1, { filter: 'a' })).payloads()).toEqual(['kept']);
  });
});

describe('MQTT 3.1.1 §4.7 Topic Names and Topic Filters', () => {
  test.each([
    ['MQTT-4.7.3-3: 65,535 bytes', 'x'.repeat(65_535)],
    ['MQTT-4.7.3-4: as they are: e and a combining acute', 'e\u0301'],
  ])('%s', async (_, topic) => {
    const { sender, late } = await stage();
    const reader = await (await late()).subscribed({ filter: topic });
    sender.publishes(topic, 'same').publishes('\u00e9', 'normalised');
    await reader.expects({ type: 'publish', topic, payload: 'same' });
  });

  test('MQTT-4.7.3-4: capitals are other letters, and a level may be empty', async () => {
    const { sender, late } = await stage();
    const reader = await (await late()).subscribed({ filter: 'A//b' });
    for (const topic of ['a//b', 'A/b', 'A//b']) sender.publishes(topic, topic);
    expect(await reader.payloads()).toEqual(['A//b']);
  });
});
