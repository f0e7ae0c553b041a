// Who cannot be served here: told where to go, or at least that there is no room.
import { describe, expect, test } from 'vitest';
import type { Admission } from '../../../src/access/access.ts';
import type { Refusal } from '../../../src/gateway/gateway.ts';
import { connect, MqttBench, quiet } from '../../support/mqtt.ts';

const ELSEWHERE = 'mqtt2.example.org:1883';

/** A gateway whose core answers every CONNECT with `outcome`. */
async function benchThatSays(outcome: Refusal, serverReference?: string): Promise<MqttBench> {
  const bench = MqttBench.unstarted({ settings: { serverReference } });
  await bench.gateway.start({ ...bench.core.context('mqtt'), connect: async () => outcome });
  return bench;
}

describe('MQTT 5 §4.11 Server redirection', () => {
  test.each([
    ['use-another-server', 0x9c, ELSEWHERE, undefined, ELSEWHERE],
    ['server-moved', 0x9d, ELSEWHERE, 'elsewhere', ELSEWHERE],
    ['server-moved', 0x9d, undefined, ELSEWHERE, ELSEWHERE],
    ['use-another-server', 0x9c, undefined, undefined, undefined],
  ] as const)(
    '§3.2.2.3.16 %s is CONNACK %i with Server Reference: the core says %s, the configuration %s',
    async (reason, reasonCode, serverReference, ours, told) => {
      const bench = await benchThatSays({ kind: 'refused', reason, serverReference }, ours);
      const [connack] = await bench.peer().sends(connect()).receives();
      expect(connack).toMatchObject({ type: 'connack', reasonCode });
      expect(connack?.type === 'connack' && connack.properties?.serverReference).toBe(told);
      await bench
        .peer(4)
        .sends(connect({ version: 4 }))
        .expectsEnd({ type: 'connack', reasonCode: 3 });
    },
  );

  test('other refusals say nothing of another server', async () => {
    const bench = await MqttBench.start({ settings: { serverReference: ELSEWHERE } });
    const denial: Admission = { kind: 'deny', reason: 'not-authorized' };
    bench.core.access.authenticate = async () => denial;
    await bench.peer().sends(connect()).expectsOctets('20 03 00 87 00');
  });

  test('§3.14.2.2.5: a gateway that stops sends its clients there, if it knows where', async () => {
    const bench = await MqttBench.start({ settings: { serverReference: ELSEWHERE } });
    const peer = await bench.connected({ clientId: 'gw' });
    void bench.gateway.stop(AbortSignal.abort());
    await peer.expectsEnd({ type: 'disconnect', reasonCode: 0x9c, properties: { serverReference: ELSEWHERE } });
  });
});

describe('MQTT 5 §3.2.2.2 one connection too many', () => {
  test.each([
    ['5.0', 5, 0x89],
    ['3.1.1', 4, 3],
    ['3.1', 3, 3],
  ] as const)('is told so in %s, closed and counted; the others stay', async (_, version, reasonCode) => {
    const bench = await MqttBench.start({ settings: { connectionsMax: 1 }, listeners: { garden: { connectionsMax: 2 } } });
    const first = await bench.connected({ clientId: 'first' });
    await bench
      .peer(version)
      .sends(connect({ version, clientId: 'second' }))
      .expectsEnd({ type: 'connack', reasonCode });
    await bench
      .peer(5, 'garden')
      .sends(connect({ clientId: 'elsewhere' }))
      .expects({ type: 'connack', reasonCode: 0 });
    await first.sends('c000').expects({ type: 'pingresp' });
    expect(bench.metric('mqtt.refused.server-busy')).toBe(1);
    await first.breaks();
    await bench.connected({ clientId: 'third' });
  });

  test('listeners that share a limit share it', async () => {
    const bench = await MqttBench.start({ settings: { connectionsMax: 2 }, listeners: { garden: { connectionsMax: 2 } } });
    for (const clientId of ['first', 'second']) await bench.connected({ clientId });
    await bench
      .peer(5, 'garden')
      .sends(connect({ clientId: 'third' }))
      .expectsEnd({ type: 'connack', reasonCode: 0x89 });
  });

  test('0x9C where the configuration names another server', async () => {
    const bench = await MqttBench.start({ settings: { connectionsMax: 1, serverReference: ELSEWHERE } });
    await bench.connected({ clientId: 'first' });
    await bench
      .peer()
      .sends(connect({ clientId: 'second' }))
      .expectsEnd({ type: 'connack', reasonCode: 0x9c, properties: { serverReference: ELSEWHERE } });
  });

  test.each([
    [5, 0x9f],
    [4, 3],
  ] as const)('0x9F: a client that connects too often (version %i)', async (version, reasonCode) => {
    const bench = await benchThatSays({ kind: 'refused', reason: 'rate-exceeded' });
    await bench.peer(version).sends(connect({ version })).expectsEnd({ type: 'connack', reasonCode });
    expect(bench.metric('mqtt.refused.connection-rate-exceeded')).toBe(1);
  });
});

describe('listeners', () => {
  test.each([
    [5, 0x84],
    [4, 1],
    [3, 1],
  ] as const)('MQTT-3.1.2-2: a version that a listener does not take is refused there (version %i)', async (version, reasonCode) => {
    const versions = ([3, 4, 5] as const).filter((other) => other !== version);
    const bench = await MqttBench.start({ settings: { versions }, listeners: { open: {} } });
    await bench.peer(version).sends(connect({ version })).expectsEnd({ type: 'connack', reasonCode });
    await bench.peer(version, 'open').sends(connect({ version })).expects({ type: 'connack', reasonCode: 0 });
  });

  test('what a link proves reaches the one who judges, and the mount point the core', async () => {
    const bench = MqttBench.unstarted({ settings: { mountPoint: 'garden/' } });
    const seen: unknown[] = [];
    const context = bench.core.context('mqtt');
    const refused: Refusal = { kind: 'refused', reason: 'not-authorized' };
    await bench.gateway.start({
      ...context,
      connect: async ({ mountPoint, credentials: { listener, protocol, isProxied } }) => {
        seen.push({ mountPoint, listener, protocol, isProxied });
        return refused;
      },
    });
    bench.peer(4).sends(connect({ version: 4 }));
    await quiet();
    expect(seen).toEqual([{ mountPoint: 'garden/', listener: 'mqtt.tcp', protocol: 'mqtt 3.1.1', isProxied: false }]);
  });
});
