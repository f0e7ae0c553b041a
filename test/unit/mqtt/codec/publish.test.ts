import { describe, expect, test } from 'vitest';
import type { MqttVisitor, ProtocolVersion, PublishView } from '../../../../src/mqtt/packets.ts';
import { bytes, Collector, decoded, greeted, packet, properties, refusal, type Seen, text } from './support.ts';

const PLAIN = { type: 'publish', qos: 0, isDuplicate: false, isRetain: false, packetId: 0, topic: 't', payload: '', topicAlias: 0, isSameTopic: false };

describe('PUBLISH (MQTT 5 §3.3)', () => {
  test.each<[meaning: string, version: ProtocolVersion, first: string, body: string, expected: object]>([
    ['QoS 0', 4, '30', `${text('t')} 0102`, { payload: '0102' }],
    ['no payload', 4, '31', text('t'), { isRetain: true }],
    ['QoS 1', 4, '32', `${text('t')} 04d2 ff`, { qos: 1, packetId: 1234, payload: 'ff' }],
    ['QoS 1 again', 4, '3a', `${text('t')} ffff`, { qos: 1, packetId: 65_535, isDuplicate: true }],
    ['QoS 2', 3, '34', `${text('t')} 0001`, { qos: 2, packetId: 1 }],
    ['5.0, no properties', 5, '3d', `${text('t')} 0001 00 ff`, { qos: 2, packetId: 1, isDuplicate: true, isRetain: true, payload: 'ff' }],
    ['a topic of four-byte characters', 4, '30', text('A\u{2a6d4}'), { topic: 'A\u{2a6d4}' }],
    ['MQTT-4.7.3-4: no normalisation', 4, '30', text('e\u0301'), { topic: 'e\u0301' }],
    ['MQTT-1.5.4-3: U+FEFF stays', 4, '30', text('\ufefft'), { topic: '\ufefft' }],
  ])('%s at version %i', (_meaning, version, first, body, expected) => {
    expect(decoded('server', version, packet(first, body))).toEqual([{ ...PLAIN, ...expected }]);
  });

  test('every property a client may send', () => {
    const all = '01 01 02 0000000a 03 0001 74 08 0001 72 09 0002 00ff 23 0005 26 0001 62 0001 31 26 0001 61 0001 32 26 0001 62 0001 33';
    const [seen] = decoded('server', 5, packet('30', text('t'), properties(all), 'ff'));
    expect(seen).toEqual({
      ...{ ...PLAIN, payload: 'ff', topicAlias: 5, expirySeconds: 10 },
      properties: {
        ...{ isUtf8: true, contentType: 't', responseTopic: 'r', correlationData: bytes('00ff') },
        // MQTT-3.3.2-18: in order, repeated names kept
        userProperties: [
          ['b', '1'],
          ['a', '2'],
          ['b', '3'],
        ],
      },
    });
  });

  test.each([
    ['01 00', { isUtf8: false }],
    ['03 0000', { contentType: '' }],
    ['09 0000', { correlationData: Buffer.alloc(0) }],
  ])('keeps the empty property %s', (hex, expected) => {
    expect(decoded('server', 5, packet('30', text('t'), properties(hex)))).toEqual([{ ...PLAIN, properties: expected }]);
  });

  test('expiry alone is no property of the message', () => {
    expect(decoded('server', 5, packet('30', text('t'), '05 02 00000000'))).toEqual([{ ...PLAIN, expirySeconds: 0 }]);
  });

  test('a topic alias may stand for the topic', () => {
    expect(decoded('server', 5, packet('30', text(''), '03 23 0001'))).toEqual([{ ...PLAIN, topic: '', topicAlias: 1 }]);
  });

  test('one packet leaves nothing to the next', () => {
    const full = packet('3b', text('t'), '0001', '0d 02 0000000a 23 0001 26 0000 0000');
    expect(decoded('server', 5, Buffer.concat([full, packet('30', text('u'), '00')])).at(-1)).toEqual({ ...PLAIN, topic: 'u' });
  });

  test('a server sends one subscription identifier for each subscription', () => {
    const [seen] = decoded('client', 5, packet('30', text('t'), '05 0b 01 0b 8001'));
    expect(seen).toMatchObject({ subscriptionIdentifiers: [1, 128] });
  });

  test('nothing of the chunk is held when push has returned', () => {
    const views: PublishView[] = [];
    const keeping: MqttVisitor = { onPublish: (view) => void views.push(view), onAck() {}, onPacket() {} };
    greeted('server', 5).push(packet('30', text('t'), properties('26 0000 0000'), 'ff'), keeping);
    expect(views).toMatchObject([{ bytes: Buffer.alloc(0), properties: undefined }]);
  });

  test('properties outlive the chunk', () => {
    const input = packet('30', text('t'), '05 09 0002 6162');
    const [seen] = decoded('server', 5, input);
    input.fill(0);
    expect(seen).toMatchObject({ properties: { correlationData: Buffer.from('ab') } });
  });

  test('MQTT 5 §1.5.4: a client takes control characters from its server', () => {
    expect(decoded('client', 5, packet('30', text('a\tb'), '07 26 0001 0a 0001 01'))).toMatchObject([
      { topic: 'a\tb', properties: { userProperties: [['\n', '\x01']] } },
    ]);
  });
});

describe('PUBLISH refused', () => {
  test.each<[clause: string, meaning: string, reasonCode: number, version: ProtocolVersion, input: Buffer]>([
    ['MQTT-3.3.1-4', 'QoS 3', 0x81, 4, packet('36', text('t'), '0001')],
    ['MQTT-3.3.1-2', 'DUP at QoS 0', 0x81, 4, packet('38', text('t'))],
    ['MQTT-2.2.1-3', 'packet identifier 0', 0x82, 4, packet('32', text('t'), '0000')],
    ['MQTT-3.3.2-2', '+ in the topic', 0x81, 4, packet('30', text('a/+'))],
    ['MQTT-3.3.2-2', '# in the topic', 0x81, 5, packet('30', text('#'), '00')],
    ['MQTT 5 §3.3.2.1', 'no topic', 0x81, 4, packet('30', text(''))],
    ['MQTT 5 §3.3.2.1', 'no topic and no alias', 0x81, 5, packet('30', text(''), '00')],
    ['MQTT-1.5.4-1', 'surrogate in the topic', 0x81, 4, packet('30', '0003 eda080')],
    ['MQTT-1.5.4-1', 'overlong form in the topic', 0x81, 4, packet('30', '0002 c0af')],
    ['MQTT-1.5.4-2', 'NUL in the topic', 0x81, 4, packet('30', text('a\0'))],
    ['MQTT 5 §1.5.4', 'control character in the topic', 0x81, 4, packet('30', text('a\x01'))],
    ['MQTT 5 §1.5.4', 'C1 control character in the topic', 0x81, 5, packet('30', text('a\u009f'), '00')],
    ['MQTT 5 §3.3.2', 'empty packet', 0x81, 4, bytes('30 00')],
    ['MQTT 5 §3.3.2', 'one byte', 0x81, 4, bytes('30 01 00')],
    ['MQTT 5 §3.3.2', 'topic beyond the packet', 0x81, 4, packet('30', '0002 61')],
    ['MQTT 5 §3.3.2', 'no packet identifier', 0x81, 4, packet('32', text('t'))],
    ['MQTT 5 §3.3.2', 'half a packet identifier', 0x81, 4, packet('32', text('t'), '01')],
    ['MQTT 5 §3.3.2.3', 'no Property Length', 0x81, 5, packet('30', text('t'))],
    ['MQTT 5 §2.2.2.2', 'Property Length beyond the packet', 0x81, 5, packet('30', text('t'), '01')],
    ['MQTT 5 §2.2.2.2', 'unknown property', 0x81, 5, packet('30', text('t'), '02 7f00')],
    ['MQTT 5 §2.2.2.2', 'repeated content type', 0x82, 5, packet('30', text('t'), '06 03 0000 03 0000')],
    ['MQTT 5 §2.2.2.2', 'repeated correlation data', 0x82, 5, packet('30', text('t'), '06 09 0000 09 0000')],
    ['MQTT 5 §2.2.2.2', 'repeated topic alias', 0x82, 5, packet('30', text('t'), '06 23 0001 23 0002')],
    ['MQTT 5 §2.2.2.2', 'payload format 2', 0x82, 5, packet('30', text('t'), '02 01 02')],
    ['MQTT 5 §2.2.2.2', 'a property of CONNACK', 0x82, 5, packet('30', text('t'), '02 25 00')],
    ['MQTT-3.3.2-8', 'topic alias 0', 0x94, 5, packet('30', text('t'), '03 23 0000')],
    ['MQTT-3.3.2-14', 'wildcard in the response topic', 0x82, 5, packet('30', text('t'), '04 08 0001 23')],
    ['MQTT-3.3.2-14', 'empty response topic', 0x82, 5, packet('30', text('t'), '03 08 0000')],
    ['MQTT-1.5.4-1', 'content type is not UTF-8', 0x81, 5, packet('30', text('t'), '04 03 0001 80')],
    ['MQTT-1.5.4-2', 'NUL in a user property (MQTT-1.5.7-1)', 0x81, 5, packet('30', text('t'), '06 26 0001 00 0000')],
    ['MQTT 5 §3.3.2.3', 'user property without a value', 0x81, 5, packet('30', text('t'), '04 26 0001 61')],
    ['MQTT 5 §2.2.2.2', 'MQTT-3.3.4-6: a subscription identifier from a client', 0x82, 5, packet('30', text('t'), '02 0b 01')],
  ])('%s: %s', (clause, _meaning, reasonCode, version, input) => {
    expect(refusal(() => decoded('server', version, input))).toMatchObject({ clause, reasonCode, closesSilently: false });
  });

  test('subscription identifier 0 from a server', () => {
    expect(refusal(() => decoded('client', 5, packet('30', text('t'), '02 0b 00')))).toMatchObject({ clause: 'MQTT 5 §3.8.2.1.2', reasonCode: 0x82 });
  });

  test('a topic that was refused is no topic to compare with', () => {
    const decoder = greeted('server', 4);
    refusal(() => decoder.push(packet('30', text('a/+')), new Collector()));
    const collector = new Collector();
    decoder.push(packet('30', text('a/+')), collector);
    expect(collector.seen).toEqual([]);
  });
});

describe('the same topic again', () => {
  function sameness(version: ProtocolVersion, ...packets: readonly Buffer[]): readonly unknown[] {
    return decoded('server', version, Buffer.concat(packets)).map((seen: Seen) => 'isSameTopic' in seen && seen.isSameTopic);
  }
  const plain = (topic: string) => packet('30', text(topic));
  const aliased = (topic: string) => packet('30', text(topic), '03 23 0001');

  test.each<[meaning: string, seen: readonly unknown[], expected: readonly boolean[]]>([
    ['the same bytes', sameness(4, plain('a/b'), plain('a/b'), plain('a/b')), [false, true, true]],
    ['another end', sameness(4, plain('a/b'), plain('a/c'), plain('a/b')), [false, false, false]],
    ['another beginning', sameness(4, plain('a/b'), plain('b/b')), [false, false]],
    ['a prefix', sameness(4, plain('a/b'), plain('a'), plain('a/b')), [false, false, false]],
    ['an alias between', sameness(5, aliased('a/b'), aliased(''), aliased('a/b'), aliased('')), [false, false, true, false]],
    ['256 bytes', sameness(4, plain('x'.repeat(256)), plain('x'.repeat(256))), [false, true]],
    ['too long to remember', sameness(4, plain('x'.repeat(257)), plain('x'.repeat(257))), [false, false]],
    ['long, then short', sameness(4, plain('a'), plain('x'.repeat(257)), plain('a'), plain('a')), [false, false, false, true]],
  ])('%s: %j', (_meaning, seen, expected) => {
    expect(seen).toEqual(expected);
  });

  test('the memory is not the chunk', () => {
    const decoder = greeted('server', 4);
    const collector = new Collector();
    const first = plain('a/b');
    decoder.push(first, collector);
    first.fill(0);
    decoder.push(plain('a/b'), collector);
    expect(collector.seen).toMatchObject([{ isSameTopic: false }, { isSameTopic: true }]);
  });
});
