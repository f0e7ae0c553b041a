import { describe, expect, test } from 'vitest';
import { connect, MqttBench, type MqttPeer, type Seen, subscribe } from '../../support/mqtt.ts';

async function stage(requestProblemInformation: boolean | undefined, maximumPacketSize?: number): Promise<{ bench: MqttBench; peer: MqttPeer }> {
  const bench = await MqttBench.start({ settings: { reasonStrings: true } });
  bench.core.access.forbids = (action) => (action.kind === 'publish' ? action.topic : action.filter).startsWith('no');
  return { bench, peer: await bench.connected({ clientId: 'gw', properties: { requestProblemInformation, maximumPacketSize } }) };
}

function reasonString(packet: Seen | undefined): string | undefined {
  return packet !== undefined && 'properties' in packet && packet.properties !== undefined && 'reasonString' in packet.properties
    ? packet.properties.reasonString
    : undefined;
}

const refused: [string, (peer: MqttPeer) => MqttPeer][] = [
  ['§3.4.2.2.2 PUBACK', (peer) => peer.publishes('no', 'x', { qos: 1 })],
  ['§3.5.2.2.2 PUBREC', (peer) => peer.publishes('no', 'x', { qos: 2 })],
  ['§3.7.2.2.2 PUBCOMP', (peer) => peer.sends('62 02 0009')],
  ['§3.9.2.1.2 SUBACK', (peer) => peer.sends(subscribe(1, { filter: 'yes' }, { filter: 'no' }))],
];

describe('MQTT 5 Reason Strings, where they are turned on', () => {
  test.each(refused)('%s says why', async (_, asks) => {
    const { peer } = await stage(undefined);
    const [answer] = await asks(peer).receives();
    expect(reasonString(answer)).toMatch(/^[a-z ]+$/);
  });

  test.each(refused)('MQTT-3.1.2-29: %s has none for a client that declined', async (_, asks) => {
    const { peer } = await stage(false);
    const [answer] = await asks(peer).receives();
    expect(reasonString(answer)).toBe(undefined);
  });

  test.each(refused)('MQTT-3.4.2-2, MQTT-3.5.2-2, MQTT-3.7.2-2, MQTT-3.9.2-1: %s has none where it would be too large', async (_, asks) => {
    const { peer } = await stage(true, 20);
    const received = await asks(peer).receives();
    expect(received).toHaveLength(1);
    expect(reasonString(received[0])).toBe(undefined);
  });

  test('what is granted carries none', async () => {
    const { peer } = await stage(true);
    const received = await peer
      .publishes('yes', 'x', { qos: 1 })
      .sends(subscribe(1, { filter: 'yes' }))
      .receives();
    expect(received.map(reasonString)).toEqual([undefined, undefined]);
  });

  test.each([true, false])('MQTT-3.1.2-29: DISCONNECT may always say it, with the clause that was broken (asked for: %s)', async (isAskedFor) => {
    const { peer } = await stage(isAskedFor);
    const [farewell] = await peer.sends('30 04 0001 23 00').receives();
    expect(reasonString(farewell)).toMatch(/^wildcard in a Topic Name \[MQTT-3\.3\.2-2\]$/);
  });

  test('MQTT-3.14.2-3: DISCONNECT has none where it would be too large', async () => {
    const { peer } = await stage(true, 20);
    await peer.sends('30 04 0001 23 00').expectsOctets('e0 01 81');
  });

  test('CONNACK says why a client is refused; a failure of the gateway is not explained', async () => {
    const { bench } = await stage(undefined);
    const [connack] = await bench
      .peer()
      .sends(connect({ clientId: 'x'.repeat(2_000) }))
      .receives();
    expect(reasonString(connack)).toMatch(/client identifier above 1024 bytes/);
    bench.core.access.authenticate = () => Promise.reject(new TypeError('secret'));
    const [failed] = await bench.peer().sends(connect()).receives();
    expect(reasonString(failed)).toBe('the gateway failed; its log says why');
  });

  test('a long topic of the client is cut', async () => {
    const { peer } = await stage(undefined);
    const [farewell] = await peer.publishes(`${'a/'.repeat(201)}a`, 'x').receives();
    expect(reasonString(farewell)?.length).toBeLessThanOrEqual(256);
  });

  test('3.1.1 is told nothing', async () => {
    const { bench } = await stage(undefined);
    const older = await bench.connected({ clientId: 'older', version: 4 });
    await older.publishes('no', 'x', { qos: 1, packetId: 7 }).expectsOctets('40 02 0007');
  });
});
