import { describe, expect, test } from 'vitest';
import type { BrokerSettings } from '../../../src/broker/broker.ts';
import type { QoS } from '../../../src/model/message.ts';
import { topicFilter } from '../../../src/model/topic.ts';
import { MqttBench, type MqttPeer, type Seen } from '../../support/mqtt.ts';
import { policyOf } from '../../support/test-client.ts';

const RECEIVER = { clientId: 'receiver', cleanStart: false, properties: { sessionExpirySeconds: 100, receiveMaximum: 3 } } as const;

const PRIORITIES = [
  { filter: topicFilter('alarm/#'), priority: 7 },
  { filter: topicFilter('log/#'), priority: 0 },
] as const;

function brokerWith(over: Parameters<typeof policyOf>[0]): Partial<BrokerSettings> {
  return { queue: { ...policyOf({ messagesMax: 1_000, ...over }), rules: [] } };
}

/** A receiver that was away while 60 messages were published, and what it gets once it is back. */
async function drained(broker: Partial<BrokerSettings>, qos: QoS): Promise<{ readonly topic: string; readonly payload: string }[]> {
  const bench = await MqttBench.start({ broker });
  const away = await (await bench.connected(RECEIVER)).subscribed({ filter: '#' });
  await away.breaks();
  const sender = await bench.connected({ clientId: 'sender' });
  for (let number = 1; number <= 60; number += 1) {
    const topic = `${['data', 'alarm', 'log'][number % 3]}/${number % 2}`;
    sender.publishes(topic, String(number), { qos, packetId: number });
    if (qos === 2) sender.sends({ type: 'pubrel', packetId: number, reasonCode: 0 });
  }
  await sender.receives();
  const receiver = bench.peer().sends({ type: 'connect', version: 5, isBridge: false, keepAliveSeconds: 0, ...RECEIVER });
  return drain(receiver);
}

async function drain(receiver: MqttPeer): Promise<{ readonly topic: string; readonly payload: string }[]> {
  const published: { readonly topic: string; readonly payload: string }[] = [];
  for (let seen = await receiver.receives(); seen.length > 0; seen = await receiver.receives()) {
    for (const packet of seen) {
      if (packet.type === 'publish') published.push({ topic: packet.topic, payload: packet.payload });
      answer(receiver, packet);
    }
  }
  return published;
}

function answer(receiver: MqttPeer, packet: Seen): void {
  if (packet.type === 'publish') receiver.sends({ type: packet.qos === 1 ? 'puback' : 'pubrec', packetId: packet.packetId, reasonCode: 0 });
  else if (packet.type === 'pubrel') receiver.sends({ type: 'pubcomp', packetId: packet.packetId, reasonCode: 0 });
}

describe('MQTT 5 §4.6 Message ordering', () => {
  test.each([1, 2] as const)('MQTT-4.6.0-5, -6: a client that returns gets each topic in its order at QoS %i, whatever class it has', async (qos) => {
    const published = await drained(brokerWith({ priorities: PRIORITIES }), qos);
    expect(published.map(({ topic }) => topic.split('/')[0])).toEqual([...Array(20).fill('alarm'), ...Array(20).fill('data'), ...Array(20).fill('log')]);
    for (const topic of new Set(published.map((each) => each.topic))) {
      const numbers = published.filter((each) => each.topic === topic).map(({ payload }) => Number(payload));
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
  });

  test.each([1, 2] as const)('a queue that keeps the newest of each topic gives those at QoS %i, in the order they came', async (qos) => {
    const published = await drained(brokerWith({ keepLatest: [topicFilter('#')] }), qos);
    expect(published.map(({ payload }) => Number(payload))).toEqual([55, 56, 57, 58, 59, 60]);
  });
});
