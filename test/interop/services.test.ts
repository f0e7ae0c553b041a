// Broker services in the whole program, on a disk: MQTT.js as the client, SIGKILL as the power cut.
import { connectAsync, type MqttClient } from 'mqtt';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type InteropGateway, interopGateway } from '../support/interop-gateway.ts';
import { temporaryDirectory } from '../support/postern-process.ts';

async function connected({ port }: InteropGateway): Promise<MqttClient> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5, reconnectPeriod: 0 });
  onTestFinished(() => client.endAsync(true));
  return client;
}

function nextMessage(client: MqttClient): Promise<[topic: string, payload: string]> {
  return new Promise((resolve) => client.once('message', (topic, payload) => resolve([topic, payload.toString()])));
}

describe('broker services', () => {
  test('an acknowledged $delayed message comes after a kill, when its time has come', async () => {
    const data = temporaryDirectory();
    const first = await interopGateway(data);
    const publisher = await connected(first);
    await publisher.publishAsync('$delayed/1/valve', 'close', { qos: 1, retain: true }); // whoever is later, it or the subscriber
    first.process.kill('SIGKILL');
    await first.process.ended;
    const second = await interopGateway(data);
    const subscriber = await connected(second);
    const message = nextMessage(subscriber);
    await subscriber.subscribeAsync('valve', { qos: 1 });
    expect(await message).toEqual(['valve', 'close']);
  });

  test('a message says when it came, also after a kill, as soon as the clock is right', async () => {
    const data = temporaryDirectory();
    const startedMs = Date.now();
    const first = await interopGateway(data, ['clock.source=trusted', 'clock.userProperties=true']);
    const publisher = await connected(first);
    await publisher.publishAsync('valve', 'open', { qos: 1, retain: true });
    first.process.kill('SIGKILL');
    await first.process.ended;
    const publishedMs = Date.now();
    const second = await interopGateway(data, ['clock.source=untrusted', 'clock.userProperties=true']);
    const subscriber = await connected(second);
    const receipts: Record<string, unknown>[] = [];
    const both = new Promise<void>((resolve) =>
      subscriber.on('message', (_topic, _payload, { properties }) => {
        if (receipts.push({ ...properties?.userProperties }) === 2) resolve();
      }),
    );
    await subscriber.subscribeAsync('valve', { qos: 1 });
    await subscriber.publishAsync('valve', 'close', { qos: 1 });
    await both;
    expect(receipts).toEqual([
      { 'postern-received': expect.any(String), 'postern-clock': 'synchronized', 'postern-boot': '1', 'postern-uptime-ms': expect.stringMatching(/^\d+$/) },
      { 'postern-clock': 'unknown', 'postern-boot': '2', 'postern-uptime-ms': expect.stringMatching(/^\d+$/) },
    ]);
    const receivedMs = Date.parse(String(receipts[0]?.['postern-received']));
    expect(receivedMs).toBeGreaterThanOrEqual(startedMs);
    expect(receivedMs).toBeLessThanOrEqual(publishedMs);
  });

  test('$SYS is read by clients of this host', async () => {
    const client = await connected(await interopGateway());
    const message = nextMessage(client);
    await client.subscribeAsync('$SYS/broker/version');
    expect(await message).toEqual(['$SYS/broker/version', expect.stringMatching(/^postern version \d/)]);
  });
});
