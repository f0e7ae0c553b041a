// Every rule whose breach ends the connection, broken in the smallest way. 3.1.1 has no words for it: the link closes.
import { describe, expect, test } from 'vitest';
import { MqttBench, publishBytes } from '../../support/mqtt.ts';

const V4 = { version: 4 } as const;

describe('MQTT 3.1.1 §4.8 Handling errors (MQTT-4.8.0-1)', () => {
  test.each([
    ['MQTT-2.2.2-1, -2: PUBACK with flags', '42 02 0001'],
    ['MQTT-2.2.2-1, -2: PUBREC with flags', '51 02 0001'],
    ['MQTT-3.6.1-1: PUBREL with flags 0000', '60 02 0001'],
    ['MQTT-3.6.1-1: PUBREL with DUP', '6a 02 0001'],
    ['MQTT-2.2.2-1, -2: PUBCOMP with flags', '74 02 0001'],
    ['MQTT-2.2.2-1, -2: PINGREQ with flags', 'c1 00'],
    ['MQTT-2.2.2-2: a packet type of the server', '90 03 0001 00'],
    ['MQTT-2.2.2-2: packet type 0', '00 00'],
    ['MQTT-2.2.2-2: packet type 15', 'f0 00'],
    ['MQTT-2.3.1-1: PUBLISH with Packet Identifier 0', '32 05 0001 61 0000'],
    ['MQTT-2.3.1-1: SUBSCRIBE with Packet Identifier 0', '82 06 0000 0001 61 00'],
    ['MQTT-2.3.1-1: UNSUBSCRIBE with Packet Identifier 0', 'a2 05 0000 0001 61'],
    ['MQTT-1.5.3-1: a surrogate', '30 05 0003 eda080'],
    ['MQTT-1.5.3-1: an overlong form', '30 04 0002 c0af'],
    ['MQTT-1.5.3-2, MQTT-4.7.3-2: U+0000 in a Topic Name', '30 04 0002 6100'],
    ['MQTT-4.7.3-2: U+0000 in a filter', '82 06 0001 0001 00 00'],
    ['MQTT-4.7.3-1: an empty filter', '82 05 0001 0000 00'],
    ['MQTT-4.7.3-1: an empty filter in UNSUBSCRIBE', 'a2 04 0001 0000'],
    ['MQTT-4.7.1-1: "+" in a Topic Name', '30 05 0003 612f2b'],
    ['MQTT-4.7.1-1: "#" in a Topic Name', '30 03 0001 23'],
    ['MQTT-4.7.1-2: "#" before the end', '82 08 0001 0003 232f61 00'],
    ['MQTT-4.7.1-2: "#" beside a letter', '82 07 0001 0002 6123 00'],
    ['MQTT-4.7.1-3: "+" beside a letter', '82 07 0001 0002 2b61 00'],
    ['MQTT-3.8.3-4: QoS 3', '82 06 0001 0001 61 03'],
    ['MQTT-3.8.3-4: a reserved bit', '82 06 0001 0001 61 80'],
    ['MQTT-3.3.2-1: a Topic Name beyond the packet', '30 03 0005 61'],
    ['a Remaining Length of five bytes', '30 80 80 80 80 01'],
    ['octets behind the last field', '40 03 0001 00'],
  ])('%s', async (_, hex) => {
    const bench = await MqttBench.start();
    const other = await (await bench.connected({ clientId: 'other', ...V4 })).subscribed({ filter: '#' });
    const peer = await bench.connected({ clientId: 'peer', ...V4 });
    await peer.sends(hex, publishBytes(4, 'behind', 'x')).expectsEnd();
    await other.sends('c000').expects({ type: 'pingresp' });
    expect(bench.core.broker.connectedCount).toBe(1);
  });
});
