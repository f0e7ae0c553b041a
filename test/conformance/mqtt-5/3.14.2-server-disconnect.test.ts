import { describe, expect, test } from 'vitest';
import { connect, MqttBench } from '../../support/mqtt.ts';

const KEPT = { clientId: 'gw', cleanStart: false, properties: { sessionExpirySeconds: 1_000 } } as const;

describe('MQTT 5 §3.14 DISCONNECT from the server', () => {
  test.each<[string, (bench: MqttBench) => unknown, string]>([
    ['its session is taken over', (bench) => bench.peer().sends(connect(KEPT)), 'e0 01 8e'],
    ['the gateway stops', (bench) => bench.gateway.stop(new AbortController().signal), 'e0 01 8b'],
    ['it was silent too long', (bench) => bench.clock.advanceSeconds(15), 'e0 01 8d'],
  ])('MQTT-3.14.2-1, -2: a client with a session is told its reason and no Session Expiry Interval: %s', async (_, end, octets) => {
    const bench = await MqttBench.start();
    const peer = await bench.connected({ ...KEPT, keepAliveSeconds: 10 });
    const ending = end(bench);
    await peer.expectsOctets(octets);
    expect(peer.link.isEnded).toBe(true);
    await ending;
  });

  test('a client over its rate for too long is told so, and the log says so', async () => {
    const bench = await MqttBench.start();
    const peer = await bench.connected({ clientId: 'gw' });
    bench.core.access.rate = { take: () => 'abuse' };
    bench.core.access.revision += 1;
    await peer.publishes('a', 'x').expectsEnd({ type: 'disconnect', reasonCode: 0x96 });
    expect(bench.log.lines.filter(({ level }) => level === 'warn')).toEqual([
      { level: 'warn', event: 'over its rate for too long: sent away', peer: 'memory#1', clientId: 'gw' },
    ]);
    expect(bench.metric('mqtt.ended.message-rate-too-high')).toBe(1);
  });

  test('MQTT-3.2.0-2: one CONNACK in a connection, also where a second CONNECT comes', async () => {
    const bench = await MqttBench.start();
    const peer = bench.peer().sends(connect(), connect());
    const types = (await peer.receives()).map(({ type }) => type);
    expect(types).toEqual(['connack', 'disconnect']);
  });
});
