import { describe, expect, test } from 'vitest';
import type { ProtocolVersion } from '../../../../src/mqtt/packets.ts';
import { bytes, decoded, packet, refusal, text } from './support.ts';

type Role = 'server' | 'client';
type Taken = readonly [meaning: string, role: Role, version: ProtocolVersion, input: Buffer, expected: object];
type Refused = readonly [clause: string, meaning: string, reasonCode: number, role: Role, version: ProtocolVersion, input: Buffer];

const PLAIN = { noLocal: false, retainAsPublished: false, retainHandling: 0 };
const NONE = '00'; // Property Length

describe('PUBACK, PUBREC, PUBREL, PUBCOMP (MQTT 5 §3.4 to §3.7)', () => {
  test.each<Taken>([
    ['PUBACK', 'server', 4, bytes('40 02 04d2'), { type: 'puback', packetId: 1234, reasonCode: 0 }],
    ['PUBREC', 'client', 4, bytes('50 02 0001'), { type: 'pubrec', packetId: 1, reasonCode: 0 }],
    ['PUBREL', 'server', 4, bytes('62 02 ffff'), { type: 'pubrel', packetId: 65_535, reasonCode: 0 }],
    ['PUBCOMP', 'server', 5, bytes('70 02 0001'), { type: 'pubcomp', packetId: 1, reasonCode: 0 }],
    ['a reason code without Property Length', 'server', 5, bytes('40 03 0001 10'), { type: 'puback', packetId: 1, reasonCode: 0x10 }],
    ['a reason code and no properties', 'server', 5, bytes('70 04 0001 92 00'), { type: 'pubcomp', packetId: 1, reasonCode: 0x92 }],
    [
      ...(['properties', 'server', 5, packet('50', '0001 80 0b 1f 0001 77 26 0001 61 0001 62')] as const),
      { type: 'pubrec', packetId: 1, reasonCode: 0x80, properties: { reasonString: 'w', userProperties: [['a', 'b']] } },
    ],
    ['3.1: PUBREL may carry DUP', 'server', 3, bytes('6a 02 0001'), { type: 'pubrel', packetId: 1, reasonCode: 0 }],
  ])('%s (%s, version %i)', (_meaning, role, version, input, expected) => {
    expect(decoded(role, version, input)).toEqual([expected]);
  });

  test.each<Refused>([
    ['MQTT-2.1.3-1', 'MQTT-3.6.1-1: PUBREL with flags 0', 0x81, 'server', 4, bytes('60 02 0001')],
    ['MQTT-2.1.3-1', 'PUBACK with flags', 0x81, 'server', 5, bytes('42 02 0001')],
    ['MQTT-2.2.1-3', 'packet identifier 0', 0x82, 'server', 5, bytes('40 02 0000')],
    ['MQTT 5 §3.4', 'no packet identifier', 0x81, 'server', 4, bytes('40 00')],
    ['MQTT 5 §3.4', '3.1.1 has no reason code', 0x81, 'server', 4, bytes('40 03 0001 00')],
    ['MQTT 5 §3.4', 'bytes after the properties', 0x81, 'server', 5, bytes('40 05 0001 00 00 00')],
    ['MQTT-3.4.2-1', 'unlisted PUBACK code', 0x82, 'server', 5, bytes('40 03 0001 92')],
    ['MQTT-3.5.2-1', 'unlisted PUBREC code', 0x82, 'server', 5, bytes('50 03 0001 01')],
    ['MQTT-3.6.2-1', 'unlisted PUBREL code', 0x82, 'server', 5, bytes('62 03 0001 10')],
    ['MQTT-3.7.2-1', 'unlisted PUBCOMP code', 0x82, 'server', 5, bytes('70 03 0001 80')],
    ['MQTT 5 §2.2.2.2', 'a property of PUBLISH', 0x81, 'server', 5, bytes('40 06 0001 00 02 01 01')],
  ])('%s: %s', (clause, _meaning, reasonCode, role, version, input) => {
    expect(refusal(() => decoded(role, version, input))).toMatchObject({ clause, reasonCode, closesSilently: false });
  });
});

const subscribe = (...body: readonly string[]) => packet('82', '04d2', ...body);

describe('SUBSCRIBE and UNSUBSCRIBE (MQTT 5 §3.8, §3.10)', () => {
  test.each<Taken>([
    [
      ...(['3.1.1, two filters', 'server', 4, subscribe(text('a/+'), '01', text('#'), '02')] as const),
      {
        ...{ type: 'subscribe', packetId: 1234 },
        subscriptions: [
          { ...PLAIN, filter: 'a/+', qosMax: 1 },
          { ...PLAIN, filter: '#', qosMax: 2 },
        ],
      },
    ],
    [
      ...(['every option and property', 'server', 5, subscribe('0a 0b 8001 26 0001 61 0001 62', text('a'), '2e')] as const),
      {
        ...{ type: 'subscribe', packetId: 1234, properties: { subscriptionIdentifier: 128, userProperties: [['a', 'b']] } },
        subscriptions: [{ filter: 'a', qosMax: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 }],
      },
    ],
    [
      ...(['the largest identifier', 'server', 5, subscribe('05 0b ffffff7f', text('a'), '10')] as const),
      { properties: { subscriptionIdentifier: 268_435_455 }, subscriptions: [{ ...PLAIN, filter: 'a', qosMax: 0, retainHandling: 1 }] },
    ],
    ['a shared subscription', 'server', 5, subscribe(NONE, text('$share/g/a/#'), '01'), { subscriptions: [{ ...PLAIN, filter: '$share/g/a/#', qosMax: 1 }] }],
    ['3.1.1 knows no $share', 'server', 4, subscribe(text('$share/g'), '01'), { subscriptions: [{ ...PLAIN, filter: '$share/g', qosMax: 1 }] }],
    ['3.1: DUP', 'server', 3, packet('8a', '0001', text('a'), '00'), { packetId: 1, subscriptions: [{ ...PLAIN, filter: 'a', qosMax: 0 }] }],
    ['UNSUBSCRIBE', 'server', 4, packet('a2', '0001', text('a'), text('b/#')), { type: 'unsubscribe', packetId: 1, filters: ['a', 'b/#'] }],
    [
      ...(['UNSUBSCRIBE with a property', 'server', 5, packet('a2', '0001 07 26 0001 61 0001 62', text('$share/g/a'))] as const),
      { type: 'unsubscribe', packetId: 1, filters: ['$share/g/a'], properties: { userProperties: [['a', 'b']] } },
    ],
  ])('%s (%s, version %i)', (_meaning, role, version, input, expected) => {
    expect(decoded(role, version, input)).toMatchObject([expected]);
  });

  test.each<Refused>([
    ['MQTT-2.1.3-1', 'MQTT-3.8.1-1', 0x81, 'server', 4, packet('80', '0001', text('a'), '00')],
    ['MQTT-2.1.3-1', 'MQTT-3.10.1-1', 0x81, 'server', 5, packet('a0', '0001', NONE, text('a'))],
    ['MQTT-2.2.1-3', 'packet identifier 0', 0x81, 'server', 4, packet('82', '0000', text('a'), '00')],
    ['MQTT-3.8.3-2', 'no filter', 0x81, 'server', 5, subscribe(NONE)],
    ['MQTT-3.10.3-2', 'nothing to unsubscribe', 0x81, 'server', 4, packet('a2', '0001')],
    ['MQTT-4.7.3-1', 'empty filter', 0x81, 'server', 4, subscribe(text('a'), '00', text(''), '00')],
    ['MQTT-4.7.3-1', 'empty filter', 0x81, 'server', 5, packet('a2', '0001', NONE, text(''))],
    ['MQTT-4.7.1-1, MQTT-4.7.1-2', '# not last', 0x81, 'server', 4, subscribe(text('a/#/b'), '00')],
    ['MQTT-4.7.1-1, MQTT-4.7.1-2', '+ in a level', 0x81, 'server', 5, subscribe(NONE, text('a+'), '00')],
    ['MQTT-4.7.1-1, MQTT-4.7.1-2', '# not last', 0x81, 'server', 4, packet('a2', '0001', text('#/a'))],
    ['MQTT-3.8.3-5', '3.1.1: QoS 3', 0x81, 'server', 4, subscribe(text('a'), '03')],
    ['MQTT-3.8.3-5', '3.1.1: reserved bit', 0x81, 'server', 4, subscribe(text('a'), '04')],
    ['MQTT-3.8.3-5', 'reserved bit 6', 0x81, 'server', 5, subscribe(NONE, text('a'), '40')],
    ['MQTT-3.8.3-5', 'reserved bit 7', 0x81, 'server', 5, subscribe(NONE, text('a'), '80')],
    ['MQTT 5 §3.8.3.1', 'QoS 3', 0x81, 'server', 5, subscribe(NONE, text('a'), '03')],
    ['MQTT 5 §3.8.3.1', 'Retain Handling 3', 0x81, 'server', 5, subscribe(NONE, text('a'), '30')],
    ['MQTT 5 §3.8', 'no options', 0x81, 'server', 5, subscribe(NONE, text('a'))],
    ['MQTT 5 §3.8', 'ends inside a filter', 0x81, 'server', 4, subscribe('0002 61')],
    ['MQTT 5 §3.8', 'one byte more', 0x81, 'server', 4, subscribe(text('a'), '00 00')],
    ['MQTT 5 §3.8', 'no Property Length', 0x81, 'server', 5, subscribe()],
    ['MQTT-3.8.3-4', 'No Local on a shared subscription', 0x82, 'server', 5, subscribe(NONE, text('$share/g/a'), '04')],
    ['MQTT-4.8.2-1, MQTT-4.8.2-2', 'share name with a wildcard', 0x82, 'server', 5, subscribe(NONE, text('$share/+/a'), '00')],
    ['MQTT-4.8.2-1, MQTT-4.8.2-2', 'empty share name', 0x82, 'server', 5, subscribe(NONE, text('$share//a'), '00')],
    ['MQTT-4.8.2-1, MQTT-4.8.2-2', 'share without a filter', 0x82, 'server', 5, subscribe(NONE, text('$share/g/'), '00')],
    ['MQTT-4.8.2-1, MQTT-4.8.2-2', 'share name alone', 0x82, 'server', 5, subscribe(NONE, text('$share/g'), '00')],
    ['MQTT 5 §3.8.2.1.2', 'Subscription Identifier 0', 0x81, 'server', 5, subscribe('02 0b 00', text('a'), '00')],
    ['MQTT 5 §2.2.2.2', 'two Subscription Identifiers', 0x82, 'server', 5, subscribe('04 0b 01 0b 02', text('a'), '00')],
    ['MQTT-1.5.5-1', 'Subscription Identifier longer than it need be', 0x81, 'server', 5, subscribe('03 0b 8000', text('a'), '00')],
    ['MQTT 5 §2.2.2.2', 'a property of CONNACK', 0x81, 'server', 5, subscribe('02 28 00', text('a'), '00')],
    ['MQTT-1.5.4-1', 'filter is not UTF-8', 0x81, 'server', 4, subscribe('0001 ff 00')],
    ['MQTT-1.5.4-2', 'NUL in a filter', 0x81, 'server', 4, subscribe('0001 00 00')],
  ])('%s: %s', (clause, _meaning, reasonCode, role, version, input) => {
    expect(refusal(() => decoded(role, version, input))).toMatchObject({ clause, reasonCode, closesSilently: false });
  });
});

describe('SUBACK and UNSUBACK at a client (MQTT 5 §3.9, §3.11)', () => {
  test.each<Taken>([
    ['SUBACK', 'client', 4, bytes('90 06 04d2 00 01 02 80'), { type: 'suback', packetId: 1234, reasonCodes: [0, 1, 2, 0x80] }],
    ['SUBACK of 5.0', 'client', 5, bytes('90 05 0001 00 02 a2'), { type: 'suback', packetId: 1, reasonCodes: [2, 0xa2] }],
    ['UNSUBACK', 'client', 4, bytes('b0 02 0001'), { type: 'unsuback', packetId: 1, reasonCodes: [] }],
    [
      ...(['UNSUBACK of 5.0', 'client', 5, packet('b0', '0001 04 1f 0001 77 11 00')] as const),
      { type: 'unsuback', packetId: 1, reasonCodes: [0x11, 0], properties: { reasonString: 'w' } },
    ],
  ])('%s (%s, version %i)', (_meaning, role, version, input, expected) => {
    expect(decoded(role, version, input)).toEqual([expected]);
  });

  test.each<Refused>([
    ['MQTT-3.9.3-2', 'unlisted SUBACK code', 0x82, 'client', 5, bytes('90 04 0001 00 03')],
    ['MQTT-3.9.3-2', '3.1.1: a code of 5.0', 0x82, 'client', 4, bytes('90 03 0001 87')],
    ['MQTT-3.11.3-2', 'unlisted UNSUBACK code', 0x82, 'client', 5, bytes('b0 04 0001 00 01')],
    ['MQTT 5 §3.9', 'no code', 0x81, 'client', 4, bytes('90 02 0001')],
    ['MQTT 5 §3.11', '3.1.1 has no codes', 0x81, 'client', 4, bytes('b0 03 0001 00')],
    ['MQTT-2.2.1-3', 'packet identifier 0', 0x82, 'client', 4, bytes('b0 02 0000')],
  ])('%s: %s', (clause, _meaning, reasonCode, role, version, input) => {
    expect(refusal(() => decoded(role, version, input))).toMatchObject({ clause, reasonCode });
  });
});

describe('PINGREQ, PINGRESP, DISCONNECT, AUTH (MQTT 5 §3.12 to §3.15)', () => {
  test.each<Taken>([
    ['PINGREQ', 'server', 4, bytes('c0 00'), { type: 'pingreq' }],
    ['PINGRESP', 'client', 5, bytes('d0 00'), { type: 'pingresp' }],
    ['DISCONNECT', 'server', 4, bytes('e0 00'), { type: 'disconnect', reasonCode: 0 }],
    ['DISCONNECT of 5.0', 'server', 5, bytes('e0 00'), { type: 'disconnect', reasonCode: 0 }],
    ['DISCONNECT with will', 'server', 5, bytes('e0 01 04'), { type: 'disconnect', reasonCode: 4 }],
    ['new session expiry', 'server', 5, bytes('e0 07 00 05 11 0000000a'), { type: 'disconnect', reasonCode: 0, properties: { sessionExpirySeconds: 10 } }],
    ['server moved', 'client', 5, bytes('e0 06 9d 04 1c 0001 73'), { type: 'disconnect', reasonCode: 0x9d, properties: { serverReference: 's' } }],
    ['AUTH', 'server', 5, bytes('f0 00'), { type: 'auth', reasonCode: 0 }],
    [
      ...(['AUTH with data', 'client', 5, packet('f0', '18 08 15 0001 6d 16 0001 64')] as const),
      { type: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'm', authenticationData: Buffer.from('d') } },
    ],
    ['AUTH without properties', 'server', 5, bytes('f0 02 19 00'), { type: 'auth', reasonCode: 0x19 }],
    ['3.1: PINGREQ with flags', 'server', 3, bytes('c8 00'), { type: 'pingreq' }],
  ])('%s (%s, version %i)', (_meaning, role, version, input, expected) => {
    expect(decoded(role, version, input)).toEqual([expected]);
  });

  test.each<Refused>([
    ['MQTT-2.1.3-1', 'PINGREQ with flags', 0x81, 'server', 5, bytes('c1 00')],
    ['MQTT-2.1.3-1', 'MQTT-3.14.1-1', 0x81, 'server', 4, bytes('e1 00')],
    ['MQTT-2.1.3-1', 'MQTT-3.15.1-1', 0x81, 'server', 5, bytes('f2 00')],
    ['MQTT 5 §3.14', '3.1.1: DISCONNECT has no body', 0x81, 'server', 4, bytes('e0 01 00')],
    ['MQTT-3.14.2-1', 'unlisted DISCONNECT code', 0x82, 'server', 5, bytes('e0 01 01')],
    ['MQTT-3.15.2-1', 'unlisted AUTH code', 0x82, 'server', 5, bytes('f0 01 01')],
    ['MQTT 5 §2.2.2.2', 'MQTT-3.14.2-2: a server changes the session expiry', 0x81, 'client', 5, bytes('e0 07 00 05 11 0000000a')],
    ['MQTT 5 §2.2.2.2', 'a client names another server', 0x81, 'server', 5, bytes('e0 06 00 04 1c 0001 73')],
    ['MQTT 5 §3.1.2.11.10', 'AUTH data without a method', 0x82, 'server', 5, bytes('f0 06 18 04 16 0001 64')],
    ['MQTT 5 §3.14', 'bytes after the properties', 0x81, 'server', 5, bytes('e0 03 00 00 00')],
    ['MQTT 5 §3.15', 'bytes after the properties', 0x81, 'server', 5, bytes('f0 03 18 00 00')],
  ])('%s: %s', (clause, _meaning, reasonCode, role, version, input) => {
    expect(refusal(() => decoded(role, version, input))).toMatchObject({ clause, reasonCode, closesSilently: false });
  });

  test.each<[Role, string]>([
    ['server', 'c0 01 00'],
    ['client', 'd0 01 00'],
  ])('a %s closes silently on a ping with a body: %s', (role, hex) => {
    expect(refusal(() => decoded(role, 5, bytes(hex)))).toMatchObject({ reasonCode: 0x81, closesSilently: true });
  });
});
