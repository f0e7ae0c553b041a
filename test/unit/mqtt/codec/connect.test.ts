import { describe, expect, test } from 'vitest';
import { MqttDecoder } from '../../../../src/mqtt/codec.ts';
import type { ProtocolVersion } from '../../../../src/mqtt/packets.ts';
import { bytes, Collector, packet, properties, protocol, refusal, text } from './support.ts';

/** What a server's decoder makes of a first packet, and the version it then knows. */
function connecting(input: Buffer) {
  const decoder = new MqttDecoder({ role: 'server', packetBytesMax: 2_000_000 });
  const collector = new Collector();
  return { decoder, collector, push: () => decoder.push(input, collector) };
}

function connected(input: Buffer): unknown {
  const { collector, push } = connecting(input);
  push();
  return collector.seen[0];
}

const MINIMAL = { type: 'connect', isBridge: false, cleanStart: true, keepAliveSeconds: 60 };

describe('CONNECT (MQTT 5 §3.1, 3.1.1 §3.1, 3.1 §3.1)', () => {
  test('3.1: "MQIsdp", level 3', () => {
    expect(connected(bytes('10 10 00 06 4d 51 49 73 64 70 03 02 00 3c 00 02 67 77'))).toEqual({ ...MINIMAL, version: 3, clientId: 'gw' });
  });

  test('5.0: clean start, session expiry and receive maximum', () => {
    const input = bytes('10 17 00 04 4d 51 54 54 05 02 00 3c 08 11 00 00 0e 10 21 00 14 00 02 67 77');
    expect(connected(input)).toEqual({ ...MINIMAL, version: 5, clientId: 'gw', properties: { sessionExpirySeconds: 3600, receiveMaximum: 20 } });
  });

  test.each<[level: string, version: ProtocolVersion, isBridge: boolean]>([
    [`${text('MQTT')} 84`, 4, true],
    [`${text('MQIsdp')} 83`, 3, true],
    [`${text('MQTT')} 04`, 4, false],
  ])('the top bit of %s says bridge: version %i, %s', (level, version, isBridge) => {
    expect(connected(packet('10', level, '00 003c', text('gw')))).toEqual({ ...MINIMAL, cleanStart: false, version, isBridge, clientId: 'gw' });
  });

  test('MQTT-3.1.3-1: client id, will properties, will topic, will payload, user name, password in this order', () => {
    const willProperties = '18 00000005 01 01 02 0000000a 03 0001 74 08 0001 72 09 0001 ff 26 0001 61 0001 62';
    const input = packet('10', protocol(5), 'f6 0000', '00', text('gw'), properties(willProperties), text('w/t'), text('gone'), text('me'), text('pw'));
    expect(connected(input)).toEqual({
      ...{ type: 'connect', version: 5, isBridge: false, clientId: 'gw', cleanStart: true, keepAliveSeconds: 0 },
      will: {
        ...{ topic: 'w/t', payload: Buffer.from('gone'), qos: 2, isRetain: true, delaySeconds: 5, expirySeconds: 10 },
        properties: { isUtf8: true, contentType: 't', responseTopic: 'r', correlationData: Buffer.from([0xff]), userProperties: [['a', 'b']] },
      },
      ...{ username: 'me', password: Buffer.from('pw') },
    });
  });

  test('every property of CONNECT', () => {
    const all = '11 ffffffff 15 0001 6d 16 0001 64 17 00 19 01 21 0001 22 000a 26 0001 61 0000 26 0001 61 0001 62 27 00000100';
    expect(connected(packet('10', protocol(5), '02 003c', properties(all), text('')))).toMatchObject({
      clientId: '',
      properties: {
        ...{ sessionExpirySeconds: 0xffff_ffff, authenticationMethod: 'm', authenticationData: Buffer.from('d'), requestProblemInformation: false },
        ...{ requestResponseInformation: true, receiveMaximum: 1, topicAliasMaximum: 10, maximumPacketSize: 256 },
        userProperties: [
          ['a', ''],
          ['a', 'b'],
        ],
      },
    });
  });

  test.each([
    ['a password without a user name (5.0)', packet('10', protocol(5), '42 003c 00', text('c'), text('p')), { password: Buffer.from('p') }],
    ['an empty user name', packet('10', protocol(4), '82 003c', text('c'), text('')), { username: '' }],
    ['MQTT-3.1.3-6: an empty client id', packet('10', protocol(4), '02 003c', text('')), { clientId: '' }],
    ['binary passwords', packet('10', protocol(4), 'c2 003c', text('c'), text('u'), '0002 00ff'), { password: bytes('00ff') }],
    ['MQTT-1.5.4-3: U+FEFF stays', packet('10', protocol(4), '02 003c', text('\ufeffa')), { clientId: '\ufeffa' }],
    ['3.1: flagged credentials that are not there', packet('10', protocol(3), 'c2 003c', text('c')), { username: undefined, password: undefined }],
    ['3.1: any flags in the fixed header', packet('1e', protocol(3), '02 003c', text('c')), { clientId: 'c' }],
    ['3.1: the reserved connect flag', packet('10', protocol(3), '03 003c', text('c')), { clientId: 'c' }],
    ['3.1: will flags without a will', packet('10', protocol(3), '2a 003c', text('c')), { will: undefined }],
    ['3.1: control characters', packet('10', protocol(3), '02 003c', text('a\tb')), { clientId: 'a\tb' }],
  ])('takes %s', (_name, input, expected) => {
    expect(connected(input)).toMatchObject(expected);
  });

  test('strings and payloads are copied out of the chunk', () => {
    const input = packet('10', protocol(4), 'c6 003c', text('c'), text('w'), text('gone'), text('u'), text('pw'));
    const packetSeen = connected(input);
    input.fill(0);
    expect(packetSeen).toMatchObject({ clientId: 'c', will: { topic: 'w', payload: Buffer.from('gone') }, username: 'u', password: Buffer.from('pw') });
  });
});

type Refused = readonly [clause: string, meaning: string, reasonCode: number, input: Buffer];

const ILL_FORMED = '0003 61 ed a0'; // a surrogate, cut off
const withClientId = (version: ProtocolVersion, hex: string) => packet('10', protocol(version), '02 003c', version === 5 ? '00' : '', hex);
const withUsername = (version: ProtocolVersion, hex: string) => packet('10', protocol(version), '82 003c', version === 5 ? '00' : '', text('c'), hex);
const withProperties = (hex: string) => packet('10', protocol(5), '02 003c', properties(hex), text('c'));
const withFlags = (version: ProtocolVersion, flags: string, ...rest: readonly string[]) => packet('10', protocol(version), flags, '003c', ...rest);

describe('CONNECT refused', () => {
  test.each<Refused>([
    ['MQTT-3.1.2-2', 'version 6', 0x84, packet('10', text('MQTT'), '06 02 003c', text('c'))],
    ['MQTT-3.1.2-2', 'version 3 called MQTT', 0x84, packet('10', text('MQTT'), '03 02 003c', text('c'))],
    ['MQTT-3.1.2-2', 'version 4 called MQIsdp', 0x84, packet('10', text('MQIsdp'), '04 02 003c', text('c'))],
    ['MQTT-3.1.2-2', 'a bridge of 5.0', 0x84, packet('10', text('MQTT'), '85 02 003c 00', text('c'))],
    ['MQTT-2.1.3-1', 'flags in the fixed header', 0x81, packet('11', protocol(5), '02 003c 00', text('c'))],
    ['MQTT-3.1.2-3', 'reserved connect flag', 0x81, withFlags(5, '03', '00', text('c'))],
    ['MQTT-3.1.2-12', 'Will QoS 3', 0x81, withFlags(5, '1e', '00', text('c'), '00', text('w'), text(''))],
    ['MQTT-3.1.2-11', 'Will QoS without a will', 0x81, withFlags(5, '0a', '00', text('c'))],
    ['MQTT-3.1.2-13', 'Will Retain without a will', 0x81, withFlags(5, '22', '00', text('c'))],
    ['MQTT-3.1.2-22 of 3.1.1', '3.1.1: a password without a user name', 0x81, withFlags(4, '42', text('c'), text('p'))],
    ['MQTT-3.1.2-22 of 3.1.1', '3.1: a password without a user name', 0x81, withFlags(3, '42', text('c'), text('p'))],
    ['MQTT-3.1.3-8 of 3.1.1', '3.1.1: no client id, clean session 0', 0x85, withFlags(4, '00', text(''))],
    ['MQTT-3.1.3-8 of 3.1.1', '3.1: no client id', 0x85, withFlags(3, '02', text(''))],
    ['MQTT-1.5.4-1', '5.0: client id is not UTF-8', 0x85, withClientId(5, ILL_FORMED)],
    ['MQTT-1.5.4-2', '5.0: NUL in the client id', 0x85, withClientId(5, text('a\0'))],
    ['MQTT 5 §1.5.4', '5.0: control character in the client id', 0x85, withClientId(5, text('a\x1f'))],
    ['MQTT-1.5.4-1', '3.1.1: client id is not UTF-8', 0x81, withClientId(4, ILL_FORMED)],
    ['MQTT 5 §1.5.4', '3.1.1: control character in the client id', 0x81, withClientId(4, text('a\x7f'))],
    ['MQTT-1.5.4-1', '3.1: client id is not UTF-8', 0x81, withClientId(3, ILL_FORMED)],
    ['MQTT 5 §3.1', 'no client id at all', 0x81, packet('10', protocol(4), '02 003c')],
    ['MQTT 5 §3.1', 'ends after the version', 0x81, packet('10', protocol(4))],
    ['MQTT 5 §3.1', 'bytes after the client id', 0x81, withFlags(5, '02', '00', text('c'), '00')],
    ['MQTT-4.7.1-1', 'wildcard in the will topic', 0x81, withFlags(5, '06', '00', text('c'), '00', text('w/#'), text(''))],
    ['MQTT-4.7.3-1', 'empty will topic', 0x81, withFlags(4, '06', text('c'), text(''), text(''))],
    ['MQTT 5 §3.1', 'will flag without a will', 0x81, withFlags(4, '06', text('c'))],
    ['MQTT 5 §3.1', 'will topic without a will payload', 0x81, withFlags(4, '06', text('c'), text('w'))],
    ['MQTT 5 §2.2.2.2', 'a message property', 0x82, withProperties('01 01')],
    ['MQTT 5 §2.2.2.2', 'repeated session expiry', 0x82, withProperties('11 00000001 11 00000001')],
    ['MQTT 5 §2.2.2.2', 'unknown property', 0x81, withProperties('04 01')],
    ['MQTT 5 §2.2.2.2', 'Property Length beyond the packet', 0x81, packet('10', protocol(5), '02 003c 7f', text('c'))],
    ['MQTT 5 §3.1', 'value cut by the Property Length', 0x81, withProperties('11')],
    ['MQTT 5 §3.1', 'misplaced property whose value is cut', 0x81, withProperties('02')],
    ['MQTT-1.5.5-1', 'property id longer than it need be', 0x81, withProperties('9100 00')],
    ['MQTT 5 §1.5.5', 'Property Length of five bytes', 0x81, packet('10', protocol(5), '02 003c', 'ffffffff01', text('c'))],
    ['MQTT 5 §3.1.2.11.3', 'Receive Maximum 0', 0x82, withProperties('21 0000')],
    ['MQTT 5 §3.1.2.11.4', 'Maximum Packet Size 0', 0x82, withProperties('27 00000000')],
    ['MQTT 5 §2.2.2.2', 'a flag that is 2', 0x82, withProperties('17 02')],
    ['MQTT 5 §3.1.2.11.10', 'Authentication Data without a method', 0x82, withProperties('16 0001 64')],
    ['MQTT-3.3.2-14', 'empty Response Topic in the will', 0x82, withFlags(5, '06', '00', text('c'), '03 08 0000', text('w'), text(''))],
    ['MQTT 5 §2.2.2.2', 'a CONNECT property in the will', 0x82, withFlags(5, '06', '00', text('c'), '03 21 0001', text('w'), text(''))],
  ])('%s: %s', (clause, _meaning, reasonCode, input) => {
    expect(refusal(connecting(input).push)).toMatchObject({ clause, reasonCode, closesSilently: false, code: 'MALFORMED_PACKET' });
  });

  test.each<Refused>([
    ['MQTT-3.1.2-1', 'another protocol name', 0x84, packet('10', text('MQTU'), '04 02 003c', text('c'))],
    ['MQTT-3.1.2-1', 'a shorter protocol name', 0x84, packet('10', text('MQT'), '04 02 003c', text('c'))],
    ['MQTT-3.1.2-1', 'a longer protocol name', 0x84, packet('10', text('MQTTT'), '04 02 003c', text('c'))],
    ['MQTT-3.1.2-1', 'a protocol name beyond the packet', 0x84, packet('10', '00ff 4d')],
    ['MQTT 5 §3.1', 'a flagged user name that is not there', 0x81, packet('10', protocol(5), '82 003c 00', text('c'))],
    ['MQTT 5 §3.1', 'a flagged password that is not there', 0x81, packet('10', protocol(5), 'c2 003c 00', text('c'), text('u'))],
    ['MQTT-1.5.4-1', 'user name is not UTF-8', 0x81, withUsername(5, ILL_FORMED)],
    ['MQTT-1.5.4-2', 'NUL in the user name', 0x81, withUsername(4, text('a\0'))],
    ['MQTT 5 §1.5.4', 'non-character in the user name', 0x81, withUsername(5, text('a\uffff'))],
  ])('%s: %s; closed without an answer', (clause, _meaning, reasonCode, input) => {
    expect(refusal(connecting(input).push)).toMatchObject({ clause, reasonCode, closesSilently: true });
  });

  test('the version is known as soon as it was read, whatever follows', () => {
    const { decoder, push } = connecting(withProperties('04 01'));
    expect(decoder.version).toBeUndefined();
    refusal(push);
    expect(decoder.version).toBe(5);
  });

  test('an unknown version stays unknown', () => {
    const { decoder, push } = connecting(packet('10', text('MQTT'), '06 02 003c', text('c')));
    refusal(push);
    expect(decoder.version).toBeUndefined();
  });
});

describe('CONNACK at a client (MQTT 5 §3.2)', () => {
  function answered(version: ProtocolVersion, input: Buffer) {
    const collector = new Collector();
    new MqttDecoder({ role: 'client', packetBytesMax: 1000, version }).push(input, collector);
    return collector.seen[0];
  }

  test.each<[ProtocolVersion, string, object]>([
    [3, '20 02 00 00', { isSessionPresent: false, reasonCode: 0 }],
    [3, '20 02 01 00', { isSessionPresent: false, reasonCode: 0 }], // reserved byte of 3.1
    [4, '20 02 01 00', { isSessionPresent: true, reasonCode: 0 }],
    [4, '20 02 00 05', { isSessionPresent: false, reasonCode: 5 }],
    [5, '20 03 00 87 00', { isSessionPresent: false, reasonCode: 0x87 }],
    [5, '20 06 01 00 03 22 000a', { isSessionPresent: true, reasonCode: 0, properties: { topicAliasMaximum: 10 } }],
  ])('version %i: %s', (version, hex, expected) => {
    expect(answered(version, bytes(hex))).toEqual({ type: 'connack', ...expected });
  });

  test('every property of CONNACK', () => {
    const numbers = '11 00000001 13 001e 21 0005 22 000a 24 01 25 00 27 00001000 28 00 29 01 2a 00';
    const texts = '12 0001 69 15 0001 6d 16 0001 64 1a 0001 72 1c 0001 73 1f 0001 77 26 0001 61 0001 62';
    expect(answered(5, packet('20', '00 00', properties(numbers, texts)))).toMatchObject({
      properties: {
        ...{ sessionExpirySeconds: 1, serverKeepAliveSeconds: 30, receiveMaximum: 5, topicAliasMaximum: 10, maximumQoS: 1, retainAvailable: false },
        ...{ maximumPacketSize: 4096, wildcardSubscriptionAvailable: false, subscriptionIdentifierAvailable: true, sharedSubscriptionAvailable: false },
        ...{ assignedClientIdentifier: 'i', authenticationMethod: 'm', authenticationData: Buffer.from('d'), responseInformation: 'r' },
        ...{ serverReference: 's', reasonString: 'w', userProperties: [['a', 'b']] },
      },
    });
  });

  test.each<[clause: string, version: ProtocolVersion, hex: string, reasonCode: number]>([
    ['MQTT-3.2.2-1', 5, '20 03 02 00 00', 0x81],
    ['MQTT-3.2.2-8', 5, '20 03 00 8b 00', 0x82],
    ['MQTT-3.2.2-6 of 3.1.1', 4, '20 02 00 06', 0x81],
    ['MQTT-3.2.2-6', 5, '20 03 01 87 00', 0x82],
    ['MQTT 5 §3.2', 4, '20 03 00 00 00', 0x81],
    ['MQTT 5 §3.2', 5, '20 02 00 00', 0x81],
    ['MQTT 5 §2.2.2.2', 5, '20 05 00 00 02 24 02', 0x82],
    ['MQTT-2.1.3-1', 5, '21 03 00 00 00', 0x81],
  ])('%s at version %i: %s', (clause, version, hex, reasonCode) => {
    expect(refusal(() => answered(version, bytes(hex)))).toMatchObject({ clause, reasonCode });
  });
});
