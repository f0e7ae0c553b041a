import { describe, expect, test } from 'vitest';
import { encodePacket } from '../../../../src/mqtt/encode.ts';
import type { Packet } from '../../../../src/mqtt/packets.ts';
import { Sink } from './support.ts';

const properties = { reasonString: 'no', userProperties: [['a', 'b']] } as const;

/** The packet as it is when it must be at most `packetBytesMax` long. */
function within(packet: Packet, packetBytesMax: number): string | false {
  const sink = new Sink();
  return encodePacket(packet, 5, sink, packetBytesMax) && sink.taken().toString('hex');
}

const REASON_STRING = '1f00026e6f';
const USER_PROPERTY = '26000161000162';

describe('MQTT 5 §3.1.2.11.4: what is left out so that a packet is not larger than the receiver takes', () => {
  test.each<[clauses: string, Packet, bare: string]>([
    ['MQTT-3.2.2-19, -20: CONNACK', { type: 'connack', isSessionPresent: false, reasonCode: 0x87, properties }, '2003008700'],
    ['MQTT-3.4.2-2, -3: PUBACK', { type: 'puback', packetId: 1, reasonCode: 0x87, properties }, '4003000187'],
    ['MQTT-3.5.2-2, -3: PUBREC', { type: 'pubrec', packetId: 1, reasonCode: 0x87, properties }, '5003000187'],
    ['MQTT-3.6.2-2, -3: PUBREL', { type: 'pubrel', packetId: 1, reasonCode: 0x92, properties }, '6203000192'],
    ['MQTT-3.7.2-2, -3: PUBCOMP', { type: 'pubcomp', packetId: 1, reasonCode: 0x92, properties }, '7003000192'],
    ['MQTT-3.9.2-1, -2: SUBACK', { type: 'suback', packetId: 1, reasonCodes: [0x87], properties }, '900400010087'],
    ['MQTT-3.11.2-1, -2: UNSUBACK', { type: 'unsuback', packetId: 1, reasonCodes: [0x87], properties }, 'b00400010087'],
    ['MQTT-3.14.2-3, -4: DISCONNECT', { type: 'disconnect', reasonCode: 0x81, properties }, 'e00181'],
    [
      'MQTT-3.15.2-2, -3: AUTH',
      { type: 'auth', reasonCode: 0x18, properties: { ...properties, authenticationMethod: 'm', authenticationData: undefined } },
      'f00618041500016d',
    ],
  ])('%s: User Properties first, then the Reason String, and nothing else', (_, packet, bare) => {
    const everything = within(packet, 1_000) || '';
    expect(everything).toContain(REASON_STRING);
    expect(everything).toContain(USER_PROPERTY);
    const bytes = everything.length / 2;
    const explained = within(packet, bytes - 1) || '';
    expect(explained).toContain(REASON_STRING);
    expect(explained).not.toContain(USER_PROPERTY);
    expect(within(packet, explained.length / 2 - 1)).toBe(bare);
    expect(within(packet, bare.length / 2)).toBe(bare);
    expect(within(packet, bare.length / 2 - 1)).toBe(false);
  });
});
