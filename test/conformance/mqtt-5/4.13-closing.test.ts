// Every rule whose breach ends the connection, broken in the smallest way: the reason code, then the end, and nobody else notices.
import { describe, expect, test } from 'vitest';
import { MqttBench, publishBytes } from '../../support/mqtt.ts';

type Breach = readonly [rule: string, hex: string, reasonCode: number];

const FIXED_HEADERS: readonly Breach[] = [
  ['MQTT-2.1.3-1: CONNACK, which is the server’s', '20 03 00 00 00', 0x82],
  ['MQTT-2.1.3-1: packet type 0', '00 00', 0x81],
  ['MQTT-2.1.3-1: PUBACK with flags', '42 02 0001', 0x81],
  ['MQTT-2.1.3-1: PUBREC with flags', '51 02 0001', 0x81],
  ['MQTT-3.6.1-1: PUBREL with flags 0000', '60 02 0001', 0x81],
  ['MQTT-3.6.1-1: PUBREL with flags 0011', '63 02 0001', 0x81],
  ['MQTT-2.1.3-1: PUBCOMP with flags', '74 02 0001', 0x81],
  ['MQTT-3.8.1-1: SUBSCRIBE with flags 0000', '80 07 0001 00 0001 61 00', 0x81],
  ['MQTT-3.10.1-1: UNSUBSCRIBE with flags 0110', 'a6 06 0001 00 0001 61', 0x81],
  ['MQTT-2.1.3-1: PINGREQ with flags', 'c1 00', 0x81],
  ['MQTT-3.14.1-1: DISCONNECT with flags', 'e1 00', 0x81],
  ['MQTT-3.15.1-1: AUTH with flags', 'f8 00', 0x81],
];

const REASON_CODES: readonly Breach[] = [
  ['MQTT-3.4.2-1: PUBACK 0x92', '40 03 0001 92', 0x82],
  ['MQTT-3.5.2-1: PUBREC 0x01', '50 03 0001 01', 0x82],
  ['MQTT-3.6.2-1: PUBREL 0x10', '62 03 0001 10', 0x82],
  ['MQTT-3.7.2-1: PUBCOMP 0x80', '70 03 0001 80', 0x82],
  ['MQTT-3.14.2-1: DISCONNECT 0x01', 'e0 01 01', 0x82],
  ['MQTT-3.15.2-1: AUTH 0x01', 'f0 01 01', 0x82],
];

const STRINGS: readonly Breach[] = [
  ['MQTT-1.5.4-1: a surrogate', '30 06 0003 eda080 00', 0x81],
  ['MQTT-1.5.4-1: an overlong form', '30 05 0002 c0af 00', 0x81],
  ['MQTT-1.5.4-1: beyond U+10FFFF', '30 07 0004 f4908080 00', 0x81],
  ['MQTT-1.5.4-1: cut off', '30 04 0001 c3 00', 0x81],
  ['MQTT-1.5.4-2: U+0000', '30 04 0001 00 00', 0x81],
  ['MQTT-1.5.7-1: the name of a User Property', '30 0a 0001 61 06 26 0001 ff 0000', 0x81],
  ['MQTT-1.5.7-1: the value of a User Property', '30 0a 0001 61 06 26 0000 0001 ff', 0x81],
];

const PROPERTIES: readonly Breach[] = [
  ['MQTT-1.5.5-1: a Property Length of five bytes', '30 08 0001 61 8080808001', 0x81],
  ['MQTT-1.5.5-1: a Property Length longer than need be', '30 05 0001 61 8000', 0x81],
  ['§2.2.2.1: a Property Length beyond the packet', '30 05 0001 61 05 01', 0x81],
  ['§2.2.2.2: an unknown property', '30 06 0001 61 02 7f00', 0x81],
  ['§2.2.2.2: a property cut off', '30 06 0001 61 02 0200', 0x81],
  ['§2.2.2.2: a property of another packet', '30 09 0001 61 05 1100000001', 0x82],
  ['§2.2.2.2: a property twice', '30 08 0001 61 04 01000100', 0x82],
  ['§3.3.2.3.2: a Payload Format Indicator of 2', '30 06 0001 61 02 0102', 0x82],
  ['MQTT-3.3.2-8: Topic Alias 0', '30 07 0001 61 03 230000', 0x94],
  ['MQTT-3.3.2-13: a Response Topic that is not UTF-8', '30 08 0001 61 04 080001 ff', 0x81],
  ['MQTT-3.3.2-14: an empty Response Topic', '30 07 0001 61 03 080000', 0x82],
  ['MQTT-3.3.2-19: a Content Type that is not UTF-8', '30 08 0001 61 04 030001 ff', 0x81],
  ['MQTT-3.3.4-6: a Subscription Identifier from a client', '30 06 0001 61 02 0b01', 0x82],
  ['§3.8.2.1.2: two Subscription Identifiers in a SUBSCRIBE', '82 0b 0001 04 0b010b02 0001 61 00', 0x82],
  ['§3.8.2.1.2: a Subscription Identifier of 0', '82 09 0001 02 0b00 0001 61 00', 0x81],
  ['§3.14.2.2.2: a session that CONNECT did not want', 'e0 07 00 05 1100000001', 0x82],
];

const IDENTIFIERS: readonly Breach[] = [
  ['MQTT-2.2.1-3: PUBLISH with Packet Identifier 0', '32 06 0001 61 0000 00', 0x82],
  ['MQTT-2.2.1-3: SUBSCRIBE with Packet Identifier 0', '82 07 0000 00 0001 61 00', 0x81],
  ['MQTT-2.2.1-3: UNSUBSCRIBE with Packet Identifier 0', 'a2 06 0000 00 0001 61', 0x81],
  ['MQTT-2.2.1-5: PUBREL with Packet Identifier 0', '62 02 0000', 0x82],
];

const TOPICS: readonly Breach[] = [
  ['MQTT-4.7.0-1, MQTT-3.3.2-2: "+" in a Topic Name', '30 06 0003 612f2b 00', 0x81],
  ['MQTT-4.7.0-1, MQTT-3.3.2-2: "#" in a Topic Name', '30 04 0001 23 00', 0x81],
  ['MQTT-4.7.3-1: an empty Topic Name', '30 03 0000 00', 0x81],
  ['MQTT-4.7.3-1: an empty filter', '82 06 0001 00 0000 00', 0x81],
  ['MQTT-4.7.3-2: U+0000 in a filter', '82 07 0001 00 0001 00 00', 0x81],
  ['MQTT-4.7.3-2: U+0000 in a Topic Name', '30 05 0002 6100 00', 0x81],
  ['MQTT-4.7.1-1: "#" before the end', '82 09 0001 00 0003 232f61 00', 0x81],
  ['MQTT-4.7.1-1: "#" beside a letter', '82 08 0001 00 0002 6123 00', 0x81],
  ['MQTT-4.7.1-2: "+" beside a letter', '82 08 0001 00 0002 2b61 00', 0x81],
  ['MQTT-4.7.1-2: "+" beside a letter, in UNSUBSCRIBE', 'a2 07 0001 00 0002 2b61', 0x81],
  ['MQTT-4.8.2-1: $share without a name', '82 0f 0001 00 0009 2473686172652f2f61 00', 0x82],
  ['MQTT-4.8.2-2: $share with a wildcard in the name', '82 10 0001 00 000a 2473686172652f2b2f61 00', 0x82],
  ['MQTT-4.8.2-2: $share without a filter', '82 0e 0001 00 0008 2473686172652f67 00', 0x82],
  ['MQTT-3.8.3-4: No Local on a shared subscription', '82 10 0001 00 000a 2473686172652f672f61 04', 0x82],
];

const PACKETS: readonly Breach[] = [
  ['MQTT-3.1.0-2: a second CONNECT', '10 0f 0004 4d515454 05 02 0000 00 0002 6777', 0x82],
  ['MQTT-3.3.1-2: DUP at QoS 0', '38 04 0001 61 00', 0x81],
  ['MQTT-3.3.1-4: QoS 3', '36 06 0001 61 0001 00', 0x81],
  ['MQTT-3.3.2-1: a Topic Name beyond the packet', '30 04 0005 61 00', 0x81],
  ['MQTT-3.8.3-1: a filter that is not UTF-8', '82 07 0001 00 0001 ff 00', 0x81],
  ['MQTT-3.8.3-2: SUBSCRIBE without a filter', '82 03 0001 00', 0x81],
  ['MQTT-3.8.3-5: reserved option bit 6', '82 07 0001 00 0001 61 40', 0x81],
  ['MQTT-3.8.3-5: reserved option bit 7', '82 07 0001 00 0001 61 80', 0x81],
  ['MQTT-3.10.3-1: UNSUBSCRIBE from what is not UTF-8', 'a2 06 0001 00 0001 ff', 0x81],
  ['MQTT-3.10.3-2: UNSUBSCRIBE without a filter', 'a2 03 0001 00', 0x81],
  ['MQTT-3.14.2-1: DISCONNECT with a body behind its properties', 'e0 03 00 00 00', 0x81],
  ['MQTT-4.12.0-7: AUTH without a method', 'f0 00', 0x82],
  ['MQTT-4.12.0-7: AUTH 0x19 with a method CONNECT did not have', 'f0 06 19 04 15 0001 6d', 0x82],
];

const ALL = [...FIXED_HEADERS, ...REASON_CODES, ...STRINGS, ...PROPERTIES, ...IDENTIFIERS, ...TOPICS, ...PACKETS];

async function breaks(hex: string, reasonCode: number): Promise<void> {
  const bench = await MqttBench.start();
  const other = await (await bench.connected({ clientId: 'other' })).subscribed({ filter: '#' });
  const peer = await bench.connected({ clientId: 'peer' });
  await peer.sends(hex, publishBytes(5, 'behind', 'x')).expectsEnd({ type: 'disconnect', reasonCode });
  await other.sends('c000').expects({ type: 'pingresp' });
  expect(bench.metric('mqtt.malformed') + bench.metric('mqtt.protocol-errors')).toBe(1);
  expect(bench.core.broker.connectedCount).toBe(1);
}

describe('MQTT 5 §4.13.1 Malformed Packet and Protocol Errors (MQTT-4.13.1-1, MQTT-4.13.2-1, MQTT-3.14.4-2)', () => {
  test.each(FIXED_HEADERS)('%s', (_, hex, reasonCode) => breaks(hex, reasonCode));
  test.each(REASON_CODES)('%s', (_, hex, reasonCode) => breaks(hex, reasonCode));
  test.each(STRINGS)('%s', (_, hex, reasonCode) => breaks(hex, reasonCode));
  test.each(PROPERTIES)('%s', (_, hex, reasonCode) => breaks(hex, reasonCode));
  test.each(IDENTIFIERS)('%s', (_, hex, reasonCode) => breaks(hex, reasonCode));
  test.each(TOPICS)('%s', (_, hex, reasonCode) => breaks(hex, reasonCode));
  test.each(PACKETS)('%s', (_, hex, reasonCode) => breaks(hex, reasonCode));
});

describe('MQTT 5 §4.13.1 with words', () => {
  test('every code comes with a Reason String where the listener gives them', async () => {
    const bench = await MqttBench.start({ settings: { reasonStrings: true } });
    for (const [index, [, hex, reasonCode]] of ALL.entries()) {
      const peer = await bench.connected({ clientId: `peer${index}` });
      await peer.sends(hex).expectsEnd({ type: 'disconnect', reasonCode, properties: { reasonString: expect.stringMatching(/.{4}/) } });
    }
  });
});

describe('MQTT 5 §3.1.4 CONNECT that breaks a rule (MQTT-3.1.4-1, MQTT-4.13.1-1)', () => {
  const head = '0004 4d515454 05';
  test.each([
    ['§3.1.2.11.3: Receive Maximum 0', `10 12 ${head} 02 0000 03 210000 0002 6777`, 0x82],
    ['§3.1.2.11.4: Maximum Packet Size 0', `10 14 ${head} 02 0000 05 2700000000 0002 6777`, 0x82],
    ['§3.1.2.11.6: Request Response Information 2', `10 11 ${head} 02 0000 02 1902 0002 6777`, 0x82],
    ['§3.1.2.11.7: Request Problem Information 2', `10 11 ${head} 02 0000 02 1702 0002 6777`, 0x82],
    ['§3.1.2.11.10: Authentication Data without a method', `10 13 ${head} 02 0000 04 160001 78 0002 6777`, 0x82],
    ['§2.2.2.2: a property twice', `10 15 ${head} 02 0000 06 210001 210001 0002 6777`, 0x82],
    ['§2.2.2.2: a property of another packet', `10 12 ${head} 02 0000 03 230001 0002 6777`, 0x82],
    ['§2.2.2.2: an unknown property', `10 11 ${head} 02 0000 02 7f00 0002 6777`, 0x81],
    ['MQTT-1.5.4-2: U+0000 in the client id', `10 0f ${head} 02 0000 00 0002 6700`, 0x85],
    ['MQTT-1.5.7-1: a User Property that is not UTF-8', `10 15 ${head} 02 0000 06 26 0001 ff 0000 0002 6777`, 0x81],
    ['MQTT-4.7.0-1: a wildcard in the will topic', `10 16 ${head} 06 0000 00 0002 6777 00 0001 23 0001 62`, 0x81],
    ['MQTT-4.7.3-1: an empty will topic', `10 15 ${head} 06 0000 00 0002 6777 00 0000 0001 62`, 0x81],
    ['MQTT-3.3.2-14: a wildcard in the response topic of the will', `10 1a ${head} 06 0000 00 0002 6777 04 080001 2b 0001 61 0001 62`, 0x82],
    ['octets behind the last field', `10 10 ${head} 02 0000 00 0002 6777 00`, 0x81],
  ])('%s', async (_, hex, reasonCode) => {
    const bench = await MqttBench.start();
    await bench.peer().sends(hex).expectsEnd({ type: 'connack', reasonCode, isSessionPresent: false });
    expect(bench.core.broker.sessionCount).toBe(0);
  });
});
