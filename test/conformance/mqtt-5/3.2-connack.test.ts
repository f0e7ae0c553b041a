import { describe, expect, test } from 'vitest';
import type { AuthenticationVerdict } from '../../../src/access/access.ts';
import { connect, disconnect, MqttBench, publishBytes, will } from '../../support/mqtt.ts';

describe('MQTT 5 §3.2 CONNACK', () => {
  test('MQTT-3.2.2-1, MQTT-3.2.2-9: announces no Maximum QoS, for there is none; Topic Alias Maximum, Maximum Packet Size and Receive Maximum', async () => {
    const bench = await MqttBench.start({ settings: { receiveMax: 20, topicAliasMax: 10, packetBytesMax: 2_000_000 } });
    const peer = bench.peer().sends('10 17 0004 4d515454 05 02 003c 08 11 00000e10 21 0014 0002 6777');
    await peer.expectsOctets('20 0e 00 00 0b 22 000a 27 001e8480 21 0014');
  });

  test('§3.2.2.3: what else it announces stands where Mosquitto writes it', async () => {
    const limits = { receiveMax: 20, topicAliasMax: 10, packetBytesMax: 2_000_000 };
    const bench = await MqttBench.start({ settings: { ...limits, keepAliveMaxSeconds: 60, retainAvailable: false, maximumQos: 1 } });
    const peer = bench.peer().sends('10 0f 0004 4d515454 05 02 003d 00 0002 6777');
    await peer.expectsOctets('20 15 00 00 12 13 003c 22 000a 25 00 27 001e8480 21 0014 24 01');
  });

  test.each([
    ['MQTT-3.2.2-2, MQTT-3.1.4-5: Clean Start 1', true, 3_600, false],
    ['MQTT-3.2.2-3: Clean Start 0 with a session', false, 3_600, true],
    ['MQTT-3.2.2-3, MQTT-3.1.2-6: Clean Start 0 when the session ended with its connection', false, 0, false],
  ])('%s: Session Present %#', async (_, cleanStart, sessionExpirySeconds, isSessionPresent) => {
    const bench = await MqttBench.start();
    const properties = { sessionExpirySeconds };
    const first = await bench.connected({ clientId: 'gw', cleanStart: false, properties });
    await first.sends(disconnect()).expectsEnd();
    await bench
      .peer()
      .sends(connect({ clientId: 'gw', cleanStart, properties }))
      .expects({ type: 'connack', reasonCode: 0, isSessionPresent });
  });

  test.each([
    ['bad-credentials', 0x86],
    ['banned', 0x8a],
    ['not-authorized', 0x87],
  ] as const)('MQTT-3.2.2-6, -7, -8, MQTT-3.1.4-2, MQTT-4.13.2-1: %s is told as %i, Session Present 0, and closed', async (reason, reasonCode) => {
    const bench = await MqttBench.start();
    const denial: AuthenticationVerdict = { kind: 'deny', reason };
    bench.core.access.authenticate = async () => denial as Exclude<AuthenticationVerdict, { kind: 'skip' }>;
    await bench
      .peer()
      .sends(connect({ cleanStart: false }))
      .expectsEnd({ type: 'connack', reasonCode, isSessionPresent: false });
  });

  test('no room for another session is told as 0x89', async () => {
    const bench = await MqttBench.start({ broker: { sessionsMax: 1 } });
    await bench.connected({ clientId: 'one' });
    await bench
      .peer()
      .sends(connect({ clientId: 'two' }))
      .expectsEnd({ type: 'connack', reasonCode: 0x89 });
  });

  test('an authentication that fails by itself closes that connection with 0x83 and no other', async () => {
    const bench = await MqttBench.start();
    const other = await bench.connected({ clientId: 'other' });
    bench.core.access.authenticate = () => Promise.reject(new TypeError('planted'));
    await bench.peer().sends(connect()).expectsEnd({ type: 'connack', reasonCode: 0x83 });
    await other.sends('c000').expects({ type: 'pingresp' });
    expect(bench.metric('mqtt.internal-errors')).toBe(1);
  });

  test.each([
    ['as asked when below the longest granted', 100, undefined],
    ['cut to the longest granted, and told', 5_000, 1_000],
    ['never is cut as well', 0xffff_ffff, 1_000],
  ])('Session Expiry Interval: %s', async (_, sessionExpirySeconds, told) => {
    const bench = await MqttBench.start({ settings: { sessionExpiryMaxSeconds: 1_000 } });
    const [connack] = await bench
      .peer()
      .sends(connect({ properties: { sessionExpirySeconds } }))
      .receives();
    expect(connack).toMatchObject({ type: 'connack', properties: expect.objectContaining({ receiveMaximum: 1_024 }) });
    expect(connack?.type === 'connack' && connack.properties?.sessionExpirySeconds).toBe(told);
  });

  test.each([
    ['MQTT-3.1.2-28: not asked for', false],
    ['asked for: there is none to give', true],
  ])('Response Information, %s', async (_, requestResponseInformation) => {
    const bench = await MqttBench.start();
    const [connack] = await bench
      .peer()
      .sends(connect({ properties: { requestResponseInformation } }))
      .receives();
    expect(connack?.type === 'connack' && connack.properties?.responseInformation).toBe(undefined);
  });

  test('MQTT-3.1.2-29, MQTT-3.4.2-2, -3, MQTT-3.7.2-2, -3, MQTT-3.9.2-1, -2, MQTT-3.11.2-1, -2, MQTT-3.14.2-3, -4: no answer carries a Reason String or User Property', async () => {
    const bench = await MqttBench.start();
    const peer = await bench.connected({ clientId: 'gw', properties: { requestProblemInformation: false } });
    bench.core.access.forbids = ({ kind }) => kind === 'publish';
    await peer.publishes('a', 'x', { qos: 1, packetId: 7 }).expectsOctets('40 03 0007 87');
    await peer.sends('82 07 0001 00 0001 61 00').expectsOctets('90 04 0001 00 00');
    await peer.sends('a2 06 0002 00 0001 62').expectsOctets('b0 04 0002 00 11');
    await peer.sends('62 02 0003').expectsOctets('70 03 0003 92');
    await peer.sends('f0 00').expectsOctets('e0 01 82');
  });

  test('MQTT-3.1.2-24: a client whose Maximum Packet Size cannot hold CONNACK is closed without it', async () => {
    const bench = await MqttBench.start();
    const watcher = await (await bench.connected({ clientId: 'watcher' })).subscribed({ filter: 'will' });
    const tiny = connect({ clientId: 'gw', properties: { maximumPacketSize: 4 }, will: will() });
    await bench
      .peer()
      .sends(tiny, publishBytes(5, 'will', 'x'))
      .expectsEnd();
    expect(bench.core.broker.connectedCount).toBe(1);
    expect(bench.metric('mqtt.connections')).toBe(1);
    await watcher.expectsNothing();
  });
});
