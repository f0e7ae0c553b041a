// MQTT.js, the client most applications in Node.js use, against the gateway.
import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { describe, expect, onTestFinished, test } from 'vitest';
import { interopGateway } from '../support/interop-gateway.ts';
import { temporaryDirectory } from '../support/postern-process.ts';

const VERSIONS = [[4], [5]] as const;

interface Seen {
  readonly topic: string;
  readonly payload: string;
  readonly packet: IPublishPacket;
}

class Collector {
  readonly seen: Seen[] = [];
  #wake: () => void = () => undefined;

  constructor(client: MqttClient) {
    client.on('message', (topic, payload, packet) => {
      this.seen.push({ topic, payload: payload.toString(), packet });
      this.#wake();
    });
  }

  get payloads(): string[] {
    return this.seen.map(({ payload }) => payload);
  }

  async until(count: number): Promise<void> {
    while (this.seen.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

async function client(port: number, options: IClientOptions): Promise<MqttClient> {
  return (await collecting(port, options)).client;
}

/** What a session kept may come in the same read as CONNACK: the collector is there before. */
async function collecting(port: number, options: IClientOptions): Promise<{ readonly client: MqttClient; readonly collector: Collector }> {
  const made = connect({ host: '127.0.0.1', port, reconnectPeriod: 0, ...options });
  onTestFinished(() => void made.end(true));
  const collector = new Collector(made);
  await new Promise<void>((resolve) => made.once('connect', () => resolve()));
  return { client: made, collector };
}

function session(clientId: string, protocolVersion: 4 | 5): IClientOptions {
  return { clientId, protocolVersion, clean: false, ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 1_000 } } : {}) };
}

describe('MQTT.js', () => {
  test.each(VERSIONS)('version %i: 300 messages at each QoS, both ways, each once and in order', async (protocolVersion) => {
    const { port } = await interopGateway();
    const [publisher, subscriber] = [await client(port, { protocolVersion }), await client(port, { protocolVersion })];
    const collector = new Collector(subscriber);
    await subscriber.subscribeAsync('n/+', { qos: 2 });
    const sent = Array.from({ length: 300 }, (_, index) => String(index));
    for (const qos of [0, 1, 2] as const) {
      for (const payload of sent) {
        // MQTT.js does not keep to the Receive Maximum of 20 by itself.
        if (qos === 0) publisher.publish(`n/${qos}`, payload);
        else await publisher.publishAsync(`n/${qos}`, payload, { qos });
      }
    }
    await collector.until(900);
    for (const qos of [0, 1, 2]) {
      const received = collector.seen.filter(({ topic }) => topic === `n/${qos}`);
      expect(received.map(({ payload }) => payload)).toEqual(sent);
      expect(received.every(({ packet }) => packet.qos === qos && !packet.dup)).toBe(true);
    }
  });

  test.each(VERSIONS)('version %i: a client that reconnects finds its session and what came meanwhile', async (protocolVersion) => {
    const { port } = await interopGateway();
    const first = await client(port, session('keeper', protocolVersion));
    await first.subscribeAsync('s', { qos: 2 });
    await first.endAsync(true);
    const publisher = await client(port, { protocolVersion });
    for (const [index, qos] of ([1, 2, 1] as const).entries()) await publisher.publishAsync('s', String(index), { qos });
    const { collector } = await collecting(port, session('keeper', protocolVersion));
    await collector.until(3);
    expect(collector.payloads.toSorted()).toEqual(['0', '1', '2']);
  });

  test.each(VERSIONS)('version %i: the gateway is killed between publishes; every one that was acknowledged arrives once', async (protocolVersion) => {
    const data = temporaryDirectory();
    const gateway = await interopGateway(data);
    const subscriber = await client(gateway.port, session('keeper', protocolVersion));
    await subscriber.subscribeAsync('k', { qos: 2 });
    await subscriber.endAsync(true);
    const publisher = await client(gateway.port, { protocolVersion });
    const sent = Array.from({ length: 50 }, (_, index) => String(index));
    for (const payload of sent) await publisher.publishAsync('k', payload, { qos: 2 });
    gateway.process.kill('SIGKILL');
    await gateway.process.ended;
    const { port } = await interopGateway(data);
    const { collector } = await collecting(port, session('keeper', protocolVersion));
    await collector.until(sent.length);
    expect(collector.payloads).toEqual(sent);
  });

  test('5.0: user properties keep order within a name, and the other properties arrive', async () => {
    const { port } = await interopGateway();
    const [publisher, subscriber] = [await client(port, { protocolVersion: 5 }), await client(port, { protocolVersion: 5 })];
    const collector = new Collector(subscriber);
    await subscriber.subscribeAsync('p', { qos: 1, properties: { subscriptionIdentifier: 321 } });
    const properties = {
      payloadFormatIndicator: true,
      messageExpiryInterval: 60,
      contentType: 'application/json',
      responseTopic: 'r/1',
      correlationData: Buffer.from([0, 255]),
      userProperties: { a: ['1', '2'], b: '3' },
    };
    await publisher.publishAsync('p', '{}', { qos: 1, properties });
    await collector.until(1);
    expect(collector.seen[0]?.packet.properties).toMatchObject({ ...properties, messageExpiryInterval: 60, subscriptionIdentifier: 321 });
  });

  test('5.0: reason codes: no subscribers, a filter that is denied', async () => {
    const { port } = await interopGateway();
    const one = await client(port, { protocolVersion: 5 });
    const answer = new Promise((resolve) => one.once('packetreceive', resolve));
    await one.publishAsync('nobody', 'x', { qos: 1 });
    expect(await answer).toMatchObject({ cmd: 'puback', reasonCode: 0x10 });
    await expect(one.subscribeAsync('test/nosubscribe')).rejects.toMatchObject({ packet: { granted: [0x87] } });
  });

  test.each(VERSIONS)('version %i: a payload of 1.9 MB, at QoS 2, 5 times', async (protocolVersion) => {
    const { port } = await interopGateway();
    const [publisher, subscriber] = [await client(port, { protocolVersion }), await client(port, { protocolVersion })];
    const collector = new Collector(subscriber);
    await subscriber.subscribeAsync('big', { qos: 2 });
    for (let i = 0; i < 5; i += 1) await publisher.publishAsync('big', String(i).repeat(1_900_000), { qos: 2 });
    await collector.until(5);
    expect(collector.payloads.map((payload) => [payload[0], payload.length])).toEqual(['0', '1', '2', '3', '4'].map((digit) => [digit, 1_900_000]));
  });

  test('500 connections at once: each gets what is sent to all', async () => {
    const { port } = await interopGateway();
    const clients = await Promise.all(Array.from({ length: 500 }, (_, index) => client(port, { protocolVersion: index % 2 === 0 ? 4 : 5 })));
    const collectors = clients.map((each) => new Collector(each));
    await Promise.all(clients.map((each) => each.subscribeAsync('all', { qos: 1 })));
    const publisher = await client(port, { protocolVersion: 5 });
    for (const payload of ['1', '2', '3']) await publisher.publishAsync('all', payload, { qos: 1 });
    await Promise.all(collectors.map((collector) => collector.until(3)));
    expect(collectors.every(({ payloads }) => payloads.join() === '1,2,3')).toBe(true);
  });
});
