import { describe, test } from 'vitest';
import type { MqttSettings } from '../../../src/mqtt/settings.ts';
import { MqttBench } from '../../support/mqtt.ts';

describe('MQTT 5 §3.2.2.3 a client that goes beyond what CONNACK told it', () => {
  test.each<[string, Partial<MqttSettings>, string, number]>([
    ['MQTT-3.2.2-11: PUBLISH above the Maximum QoS: 0x9B', { maximumQos: 1 }, '34 06 0001 61 0001 00', 0x9b],
    ['MQTT-3.2.2-14: RETAIN where it is not available: 0x9A', { retainAvailable: false }, '31 04 0001 61 00', 0x9a],
    ['MQTT-3.2.2-15: a packet above the Maximum Packet Size: 0x95', { packetBytesMax: 100 }, '30 63 0001 61 00', 0x95],
    ['MQTT-3.2.2-17, MQTT-3.3.2-9: a Topic Alias above the maximum: 0x94', { topicAliasMax: 2 }, '30 07 0001 61 03 230003', 0x94],
    ['MQTT-3.2.2-18: a Topic Alias where none is taken: 0x94', { topicAliasMax: 0 }, '30 07 0001 61 03 230001', 0x94],
  ])('%s, and the end', async (_, settings, hex, reasonCode) => {
    const bench = await MqttBench.start({ settings });
    const peer = await bench.connected({ clientId: 'gw' });
    await peer.sends(hex).expectsEnd({ type: 'disconnect', reasonCode });
  });
});
