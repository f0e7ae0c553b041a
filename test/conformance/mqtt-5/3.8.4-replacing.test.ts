import { describe, expect, test } from 'vitest';
import { ack, connect, MqttBench, subscribe } from '../../support/mqtt.ts';

const KEPT = { clientId: 'receiver', cleanStart: false, properties: { sessionExpirySeconds: 100, receiveMaximum: 1 } } as const;

describe('MQTT 5 §3.8.4 a subscription that replaces another', () => {
  test('MQTT-3.8.4-3, -4: nothing on its way is lost: in flight, queued, and published meanwhile', async () => {
    const bench = await MqttBench.start();
    const receiver = await (await bench.connected(KEPT)).subscribed({ filter: 'a', qosMax: 1 });
    const sender = await bench.connected({ clientId: 'sender' });
    for (const packetId of [1, 2, 3]) sender.publishes('a', `${packetId}`, { qos: 1, packetId });
    const { packetId, payload } = await receiver.receivesPublish();
    expect(payload).toBe('1');
    receiver.sends(subscribe(9, { filter: 'a', qosMax: 2 }));
    sender.publishes('a', '4', { qos: 1, packetId: 4 });
    await receiver.expects({ type: 'suback', packetId: 9 });
    const payloads: string[] = [];
    for (let last = packetId; last > 0; ) {
      const [next] = await receiver.sends(ack('puback', last)).receives();
      if (next?.type === 'publish') payloads.push(next.payload);
      last = next?.type === 'publish' ? next.packetId : 0;
    }
    expect(payloads).toEqual(['2', '3', '4']);
  });

  test('MQTT-3.8.4-4: Retain Handling 0 brings the retained messages again', async () => {
    const bench = await MqttBench.start();
    await (await bench.connected({ clientId: 'sender' })).publishes('a', 'kept', { isRetain: true }).expectsNothing();
    const receiver = await bench.connected({ clientId: 'receiver' });
    for (let round = 1; round <= 2; round += 1) {
      await receiver.sends(subscribe(round, { filter: 'a', retainHandling: 0 })).expects({ type: 'suback' }, { type: 'publish', payload: 'kept' });
    }
  });
});

describe('MQTT 5 §3.1.3.1 the client identifier', () => {
  test('MQTT-3.1.3-2: each has a session of its own, and finds it again by its identifier', async () => {
    const bench = await MqttBench.start();
    const kept = (clientId: string) => ({ clientId, cleanStart: false, properties: { sessionExpirySeconds: 100 } }) as const;
    for (const clientId of ['one', 'One', 'two']) await (await (await bench.connected(kept(clientId))).subscribed({ filter: clientId })).breaks();
    const sender = await bench.connected({ clientId: 'sender' });
    for (const topic of ['one', 'One', 'two']) sender.publishes(topic, topic, { qos: 1 });
    await sender.receives();
    for (const clientId of ['two', 'One', 'one']) {
      const again = bench.peer().sends(connect(kept(clientId)));
      await again.expects({ type: 'connack', isSessionPresent: true }, { type: 'publish', payload: clientId });
    }
  });
});
