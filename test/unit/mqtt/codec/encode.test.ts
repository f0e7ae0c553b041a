import { describe, expect, test } from 'vitest';
import { clientId } from '../../../../src/model/client.ts';
import { Message, type MessageProperties } from '../../../../src/model/message.ts';
import { type Topic, topicFilter, topicName } from '../../../../src/model/topic.ts';
import { topicOf } from '../../../../src/model/topic-utf8.ts';
import { encodeAck, encodePacket } from '../../../../src/mqtt/encode.ts';
import { PublishEncoder } from '../../../../src/mqtt/encode-publish.ts';
import type { AckType, OutgoingPublish, Packet, ProtocolVersion } from '../../../../src/mqtt/packets.ts';
import { bytes, packet, properties, protocol, Sink, text } from './support.ts';

function written(what: Packet, version: ProtocolVersion, packetBytesMax?: number): string | false {
  const sink = new Sink();
  return encodePacket(what, version, sink, packetBytesMax) && sink.taken().toString('hex');
}

const CONNECT = { type: 'connect', clientId: 'gw', cleanStart: false, keepAliveSeconds: 60, isBridge: false } as const;
const WILL = { topic: topicName('w'), payload: Buffer.from('x'), qos: 1, isRetain: true } as const;
const REQUEST = { filter: topicFilter('a/#'), qosMax: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 } as const;

describe('encodePacket', () => {
  test.each<[meaning: string, version: ProtocolVersion, what: Packet, hex: string]>([
    ['CONNECT', 4, { ...CONNECT, version: 4 }, '10 0e 00 04 4d 51 54 54 04 00 00 3c 00 02 67 77'],
    ['CONNECT of a bridge', 4, { ...CONNECT, version: 4, isBridge: true }, '10 0e 00 04 4d 51 54 54 84 00 00 3c 00 02 67 77'],
    ['CONNECT of a 3.1 bridge', 3, { ...CONNECT, version: 3, isBridge: true }, '10 10 00 06 4d 51 49 73 64 70 83 00 00 3c 00 02 67 77'],
    ['5.0 never says bridge', 5, { ...CONNECT, version: 5, isBridge: true }, '10 0f 00 04 4d 51 54 54 05 00 00 3c 00 00 02 67 77'],
    [
      ...(['CONNECT with everything', 5] as const),
      {
        ...{ ...CONNECT, version: 5, cleanStart: true, username: 'u', password: bytes('00ff') },
        ...{ will: { ...WILL, delaySeconds: 5 }, properties: { sessionExpirySeconds: 0xffff_ffff, receiveMaximum: 20 } },
      },
      packet('10', protocol(5), 'ee 003c', '08 11 ffffffff 21 0014', text('gw'), '05 18 00000005', text('w'), text('x'), text('u'), '0002 00ff').toString(
        'hex',
      ),
    ],
    ['CONNACK', 4, { type: 'connack', isSessionPresent: true, reasonCode: 0 }, '20 02 01 00'],
    ['CONNACK of 3.1', 3, { type: 'connack', isSessionPresent: true, reasonCode: 0 }, '20 02 00 00'],
    ['CONNACK that refuses', 5, { type: 'connack', isSessionPresent: false, reasonCode: 0x84 }, '20 03 00 84 00'],
    [
      ...(['CONNACK, limits as Mosquitto orders them', 5] as const),
      { type: 'connack', isSessionPresent: false, reasonCode: 0, properties: { receiveMaximum: 20, maximumPacketSize: 2_000_000, topicAliasMaximum: 10 } },
      '20 0e 00 00 0b 22 000a 27 001e8480 21 0014',
    ],
    ['PUBREC', 4, { type: 'pubrec', packetId: 1234, reasonCode: 0 }, '50 02 04d2'],
    ['PUBREL', 5, { type: 'pubrel', packetId: 1, reasonCode: 0x92 }, '62 03 0001 92'],
    [
      'PUBACK, success with a reason string',
      5,
      { type: 'puback', packetId: 1, reasonCode: 0, properties: { reasonString: 'w' } },
      '40 08 0001 00 04 1f 0001 77',
    ],
    ['SUBSCRIBE', 4, { type: 'subscribe', packetId: 1, subscriptions: [REQUEST] }, '82 08 0001 0003 612f23 01'],
    [
      ...(['SUBSCRIBE with options', 5, { type: 'subscribe', packetId: 1, subscriptions: [REQUEST], properties: { subscriptionIdentifier: 128 } }] as const),
      '82 0c 0001 03 0b 8001 0003 612f23 2d',
    ],
    ['SUBACK', 4, { type: 'suback', packetId: 1, reasonCodes: [0, 1, 2, 0x80] }, '90 06 0001 00 01 02 80'],
    ['SUBACK', 5, { type: 'suback', packetId: 1, reasonCodes: [0x87] }, '90 04 0001 00 87'],
    ['UNSUBSCRIBE', 4, { type: 'unsubscribe', packetId: 1, filters: [topicFilter('a'), topicFilter('+')] }, 'a2 08 0001 0001 61 0001 2b'],
    ['UNSUBACK', 3, { type: 'unsuback', packetId: 1, reasonCodes: [0x11] }, 'b0 02 0001'],
    ['UNSUBACK', 5, { type: 'unsuback', packetId: 1, reasonCodes: [0x11, 0] }, 'b0 05 0001 00 11 00'],
    ['PINGREQ', 5, { type: 'pingreq' }, 'c0 00'],
    ['PINGRESP', 4, { type: 'pingresp' }, 'd0 00'],
    ['DISCONNECT', 4, { type: 'disconnect', reasonCode: 0x8e }, 'e0 00'],
    ['DISCONNECT', 5, { type: 'disconnect', reasonCode: 0 }, 'e0 00'],
    ['DISCONNECT with a reason', 5, { type: 'disconnect', reasonCode: 0x81, properties: {} }, 'e0 01 81'],
    ['DISCONNECT that changes the expiry', 5, { type: 'disconnect', reasonCode: 0, properties: { sessionExpirySeconds: 1 } }, 'e0 07 00 05 11 00000001'],
    [
      'AUTH',
      5,
      { type: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'm', authenticationData: bytes('01') } },
      'f0 0a 18 08 15 0001 6d 16 0001 01',
    ],
  ])('%s (version %i)', (_meaning, version, what, hex) => {
    expect(written(what, version)).toBe(hex.replaceAll(' ', ''));
  });

  test('the Remaining Length takes as many bytes as it must', () => {
    const filters = Array.from({ length: 100 }, () => topicFilter('x'.repeat(200)));
    const what: Packet = { type: 'unsubscribe', packetId: 1, filters };
    expect(written(what, 4)).toBe(packet('a2', '0001', ...filters.map((filter) => text(filter))).toString('hex'));
  });

  test('properties of more than 127 bytes', () => {
    const reasonString = 'w'.repeat(300);
    expect(written({ type: 'disconnect', reasonCode: 0x81, properties: { reasonString } }, 5)).toBe(
      packet('e0', '81 af02 1f', text(reasonString)).toString('hex'),
    );
  });

  test('a field beyond 65,535 bytes is named, not cut', () => {
    const what: Packet = { type: 'disconnect', reasonCode: 0x81, properties: { reasonString: 'é'.repeat(32_768) } };
    expect(() => written(what, 5)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
  });
});

describe('the peer’s Maximum Packet Size (MQTT-3.1.2-24)', () => {
  const talkative: Packet = {
    ...{ type: 'suback', packetId: 1, reasonCodes: [0x87] },
    properties: { reasonString: 'no', userProperties: [['a', 'b']] },
  };
  test.each<[clause: string, packetBytesMax: number, hex: string | false]>([
    ['everything fits', 18, packet('90', '0001', properties('1f 0002 6e6f 26 0001 61 0001 62'), '87').toString('hex')],
    ['MQTT-3.9.2-2: without User Properties', 17, '90090001051f00026e6f87'],
    ['MQTT-3.9.2-1: nor Reason String', 10, '900400010087'],
    ['MQTT-3.1.2-24: not at all', 5, false],
  ])('%s in %i bytes', (_clause, packetBytesMax, hex) => {
    expect(written(talkative, 5, packetBytesMax)).toBe(hex);
  });

  test('nothing is written of what does not fit', () => {
    const sink = new Sink();
    expect(encodePacket({ type: 'connack', isSessionPresent: false, reasonCode: 0 }, 5, sink, 4)).toBe(false);
    expect(sink.reserved).toEqual([]);
  });

  test('what a client asks for is never shortened', () => {
    const subscribe: Packet = { type: 'subscribe', packetId: 1, subscriptions: [REQUEST], properties: { userProperties: [['a', 'b']] } };
    expect(written(subscribe, 5, 12)).toBe(false);
  });
});

describe('encodeAck', () => {
  test.each<[AckType, packetId: number, reasonCode: number, hex: string]>([
    ['puback', 1234, 0, '400204d2'],
    ['puback', 1, 0x10, '4003000110'],
    ['pubrec', 65_535, 0, '5002ffff'],
    ['pubrel', 256, 0, '62020100'],
    ['pubcomp', 1, 0x92, '7003000192'],
  ])('%s %i, code %i', (type, packetId, reasonCode, hex) => {
    const sink = new Sink();
    encodeAck(type, packetId, reasonCode, sink);
    expect(sink.taken().toString('hex')).toBe(hex);
    expect(sink.reserved).toEqual([hex.length / 2]);
  });
});

const TOPIC = topicOf(topicName('a/b'));

function message(payload: Buffer, messageProperties?: MessageProperties): Message {
  const draft = { topic: TOPIC, payload, qos: 2, isRetain: false, properties: messageProperties } as const;
  return new Message(draft, { gateway: 'mqtt', clientId: clientId('c') }, { publishedAtMs: 0, expiresAtMs: Number.POSITIVE_INFINITY });
}

function delivery(of: Message, more: Partial<OutgoingPublish> = {}): OutgoingPublish {
  return { message: of, qos: 0, isRetain: false, isDuplicate: false, packetId: 0, identifiers: [], expirySeconds: undefined, ...more };
}

describe('PublishEncoder', () => {
  const encoderOfAll = new PublishEncoder(4);
  const sharedByAll = message(bytes('ff'));

  test.each<[meaning: string, more: Partial<OutgoingPublish>, hex: string]>([
    ['QoS 0', {}, '30 06 0003 612f62 ff'],
    ['retained', { isRetain: true }, '31 06 0003 612f62 ff'],
    ['QoS 1', { qos: 1, packetId: 1 }, '32 08 0003 612f62 0001 ff'],
    ['QoS 1 to the next', { qos: 1, packetId: 0x1234 }, '32 08 0003 612f62 1234 ff'],
    ['QoS 2 again', { qos: 2, packetId: 0xffff, isDuplicate: true, isRetain: true }, '3d 08 0003 612f62 ffff ff'],
    ['QoS 0 after all', {}, '30 06 0003 612f62 ff'],
    ['3.x has no identifiers and no expiry', { identifiers: [1], expirySeconds: 1 }, '30 06 0003 612f62 ff'],
  ])('one encoder after the other: %s', (_meaning, more, hex) => {
    const sink = new Sink();
    expect(encoderOfAll.encode(delivery(sharedByAll, more), sink, 100)).toBe(true);
    expect(sink.taken().toString('hex')).toBe(hex.replaceAll(' ', ''));
    expect(sink.reserved).toEqual([bytes(hex).length]);
  });
  test('5.0: what differs from peer to peer is never taken from the last', () => {
    const encoder = new PublishEncoder(5);
    const shared = message(bytes('ff'), { contentType: 'c' });
    const head = '0003 612f62';
    const cases: [Partial<OutgoingPublish>, string][] = [
      [{}, `${head} 04 03 0001 63 ff`],
      [{ identifiers: [1] }, `${head} 06 03 0001 63 0b 01 ff`],
      [{ identifiers: [1, 128] }, `${head} 09 03 0001 63 0b 01 0b 8001 ff`],
      [{ identifiers: [1, 129] }, `${head} 09 03 0001 63 0b 01 0b 8101 ff`],
      [{ identifiers: [1, 129], expirySeconds: 10 }, `${head} 0e 03 0001 63 02 0000000a 0b 01 0b 8101 ff`],
      [{ expirySeconds: 9 }, `${head} 09 03 0001 63 02 00000009 ff`],
    ];
    const sink = new Sink();
    for (const [more, body] of cases) {
      encoder.encode(delivery(shared, more), sink, 100);
      expect(sink.taken().toString('hex')).toBe(packet('30', body).toString('hex'));
    }
  });

  test('a list of identifiers that was changed in place is another list', () => {
    const encoder = new PublishEncoder(5);
    const shared = message(bytes('ff'));
    const identifiers = [1];
    const sink = new Sink();
    encoder.encode(delivery(shared, { identifiers }), sink, 100);
    sink.taken();
    identifiers[0] = 2;
    encoder.encode(delivery(shared, { identifiers }), sink, 100);
    expect(sink.taken().toString('hex')).toBe('30090003612f62020b02ff');
  });

  test('another message with the same content is another message', () => {
    const encoder = new PublishEncoder(4);
    const sink = new Sink();
    encoder.encode(delivery(message(bytes('01'))), sink, 100);
    encoder.encode(delivery(message(bytes('02'))), sink, 100);
    expect(sink.taken().toString('hex')).toBe('30060003612f620130060003612f6202');
  });

  test('the template outlives the chunk its payload lay in', () => {
    const encoder = new PublishEncoder(4);
    const payload = bytes('ff');
    const shared = message(payload);
    const sink = new Sink();
    encoder.encode(delivery(shared), sink, 100);
    payload.fill(0);
    sink.taken();
    encoder.encode(delivery(shared), sink, 100);
    expect(sink.taken().toString('hex')).toBe('30060003612f62ff');
  });

  test('properties of a message, in order; nothing else of its object', () => {
    const userProperties = [['b', '1'] as const, ['a', '2'] as const, ['b', '3'] as const];
    const more = { ...{ isUtf8: false, contentType: 't', responseTopic: 'r', correlationData: bytes('ff'), userProperties }, topicAlias: 9 };
    const sink = new Sink();
    new PublishEncoder(5).encode(delivery(message(bytes(''), more)), sink, 100);
    const block = properties('01 00 03 0001 74 08 0001 72 09 0001 ff 26 0001 62 0001 31 26 0001 61 0001 32 26 0001 62 0001 33');
    expect(sink.taken().toString('hex')).toBe(packet('30', text('a/b'), block).toString('hex'));
  });

  describe("the gateway's own User Properties", () => {
    const receipt = [['r', '9'] as const];
    const head = '0003 612f62';

    test.each<[meaning: string, more: MessageProperties | undefined, receipt: OutgoingPublish['receipt'], packetBytesMax: number, body: string]>([
      ['behind those of the message (MQTT-3.3.2-17)', { userProperties: [['a', '1']] }, receipt, 100, '0e 26 0001 61 0001 31 26 0001 72 0001 39 ff'],
      ['of a message without any', undefined, receipt, 100, '07 26 0001 72 0001 39 ff'],
      ['of another moment', undefined, [['r', '8']], 100, '07 26 0001 72 0001 38 ff'],
      ['that fit exactly', undefined, receipt, 16, '07 26 0001 72 0001 39 ff'],
      ['left out rather than the message', undefined, receipt, 15, '00 ff'],
    ])('%s', (_meaning, more, said, packetBytesMax, body) => {
      const sink = new Sink();
      const encoder = new PublishEncoder(5);
      expect(encoder.encode(delivery(message(bytes('ff'), more), { receipt: said }), sink, packetBytesMax)).toBe(true);
      expect(sink.taken().toString('hex')).toBe(packet('30', `${head} ${body}`).toString('hex'));
    });

    test('are never taken from the last', () => {
      const sink = new Sink();
      const encoder = new PublishEncoder(5);
      const shared = message(bytes('ff'));
      for (const said of [receipt, undefined, [['r', '8'] as const]]) encoder.encode(delivery(shared, { receipt: said }), sink, 100);
      expect(sink.taken().toString('hex')).toBe(
        [packet('30', `${head} 07 26 0001 72 0001 39 ff`), packet('30', `${head} 00 ff`), packet('30', `${head} 07 26 0001 72 0001 38 ff`)]
          .map((each) => each.toString('hex'))
          .join(''),
      );
    });

    test('3.1.1 has none', () => {
      const sink = new Sink();
      expect(new PublishEncoder(4).encode(delivery(message(bytes('ff')), { receipt }), sink, 8)).toBe(true);
      expect(sink.taken().toString('hex')).toBe('30060003612f62ff');
      expect(new PublishEncoder(4).encode(delivery(message(bytes('ff')), { receipt }), sink, 7)).toBe(false);
    });
  });

  test.each([1023, 1024, 1025, 70_000])('a payload of %i bytes, sent twice', (size) => {
    const shared = message(Buffer.alloc(size, 0xab));
    const encoder = new PublishEncoder(4);
    const sink = new Sink();
    encoder.encode(delivery(shared, { qos: 1, packetId: 1 }), sink, 100_000);
    encoder.encode(delivery(shared, { qos: 1, packetId: 2 }), sink, 100_000);
    const expected = ['0001', '0002'].map((packetId) => packet('32', text('a/b'), packetId, 'ab'.repeat(size)));
    expect(sink.taken().equals(Buffer.concat(expected))).toBe(true);
  });

  test('a topic longer than the template', () => {
    const name = topicName('x'.repeat(65_535));
    const sink = new Sink();
    new PublishEncoder(5).encode(delivery(message(bytes('ff'))), sink, 100_000, { topic: topicOf(name), alias: 0 });
    expect(sink.taken().equals(packet('30', text(name), '00 ff'))).toBe(true);
  });

  test('MQTT-3.1.2-24: too large by one byte is not written', () => {
    const sink = new Sink();
    const encoder = new PublishEncoder(4);
    expect(encoder.encode(delivery(message(bytes('ff'))), sink, 7)).toBe(false);
    expect(sink.reserved).toEqual([]);
    expect(encoder.encode(delivery(message(bytes('ff'))), sink, 8)).toBe(true);
  });

  test('a topic of the peer’s own, and aliases for it', () => {
    const encoder = new PublishEncoder(5);
    const sink = new Sink();
    const shared = message(bytes('ff'));
    const own = topicOf(topicName('up/a/b'));
    const wire = (topic: Topic | undefined, alias: number) => {
      encoder.encode(delivery(shared), sink, 100, { topic, alias });
      return sink.taken().toString('hex');
    };
    expect(wire(own, 0)).toBe('300a000675702f612f6200ff');
    expect(wire(own, 5)).toBe('300d000675702f612f6203230005ff');
    expect(wire(undefined, 5)).toBe('3007000003230005ff');
    encoder.encode(delivery(shared), sink, 100);
    expect(sink.taken().toString('hex')).toBe('30070003612f6200ff');
  });
});
