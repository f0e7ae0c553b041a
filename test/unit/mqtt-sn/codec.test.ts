import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, encode, PACKET_BYTES_MAX, publishBytes, shortTopicId, shortTopicName } from '../../../gateways/mqtt-sn/codec.ts';
import type { Packet } from '../../../gateways/mqtt-sn/packets.ts';
import { MalformedPacketError } from '../../../src/model/errors.ts';
import * as packets from '../../support/mqtt-sn-packets.ts';
import { anyPacket } from './packet-arbitrary.ts';

const fromHex = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

describe('MQTT-SN 1.2 §5.4 Format of Individual Messages', () => {
  test.each<[string, string, Packet]>([
    ['CONNECT clean, keep-alive 60', '0c 04 04 01 00 3c 73 65 6e 73 6f 72', packets.connect({ isCleanSession: true, durationSeconds: 60, clientId: 'sensor' })],
    ['CONNACK', '03 05 00', packets.connack()],
    ['WILLTOPICREQ', '02 06', packets.willTopicReq],
    ['WILLTOPIC QoS 1', '07 07 20 77 2f 74 31', packets.willTopic('w/t1')],
    ['WILLTOPIC that deletes', '02 07', packets.emptyWillTopic],
    ['WILLMSGREQ', '02 08', packets.willMsgReq],
    ['WILLMSG', '05 09 6f 66 66', packets.willMsg('off')],
    ['REGISTER', '0d 0a 00 00 00 01 74 2f 74 65 6d 70 31', packets.register('t/temp1')],
    ['REGACK', '07 0b 00 01 00 01 00', packets.regack(1)],
    ['PUBLISH QoS 1', '0b 0c 20 00 01 00 02 32 31 2e 35', packets.publish('21.5', { qos: 1, msgId: 2 })],
    ['PUBLISH QoS -1, predefined id', '09 0c 61 00 05 00 00 6f 6e', packets.publish('on', { qos: -1, topicIdType: 'predefined', topicId: 5 })],
    ['PUBLISH QoS -1, short name', '09 0c 62 61 62 00 00 6f 6e', packets.publish('on', { qos: -1, topicIdType: 'short', topicId: 0x6162 })],
    ['PUBLISH QoS 2, DUP, RETAIN', '08 0c d0 00 01 00 02 78', packets.publish('x', { qos: 2, msgId: 2, isDuplicate: true, isRetain: true })],
    ['PUBACK', '07 0d 00 01 00 02 00', packets.puback(2)],
    ['PUBCOMP', '04 0e 00 02', packets.pubcomp(2)],
    ['PUBREC', '04 0f 00 02', packets.pubrec(2)],
    ['PUBREL', '04 10 00 02', packets.pubrel(2)],
    ['SUBSCRIBE to a name', '08 12 20 00 03 61 2f 23', packets.subscribe('a/#', { msgId: 3 })],
    ['SUBSCRIBE to a predefined id', '07 12 21 00 03 00 05', packets.subscribe(packets.predefined(5), { msgId: 3 })],
    ['SUBSCRIBE to a short name', '07 12 22 00 03 61 62', packets.subscribe(packets.short('ab'), { msgId: 3 })],
    ['SUBACK, QoS 1 granted', '08 13 20 00 00 00 03 00', packets.suback(0, { msgId: 3 })],
    ['UNSUBSCRIBE', '08 14 00 00 03 61 2f 23', packets.unsubscribe('a/#', 3)],
    ['UNSUBACK', '04 15 00 03', packets.unsuback(3)],
    ['PINGREQ', '02 16', packets.pingreq()],
    ['PINGREQ of a sleeping client', '08 16 73 65 6e 73 6f 72', packets.pingreq('sensor')],
    ['PINGRESP', '02 17', packets.pingresp],
    ['DISCONNECT', '02 18', packets.disconnect()],
    ['DISCONNECT to sleep for 60 s', '04 18 00 3c', packets.disconnect(60)],
    ['WILLTOPICUPD that deletes', '02 1a', packets.emptyWillTopicUpd],
    ['WILLTOPICUPD', '07 1a 20 77 2f 74 31', packets.willTopicUpd('w/t1')],
    ['WILLTOPICRESP', '03 1b 00', packets.willTopicResp()],
    ['WILLMSGUPD', '05 1c 6f 66 66', packets.willMsgUpd('off')],
    ['WILLMSGRESP', '03 1d 00', packets.willMsgResp()],
    ['ADVERTISE, every 900 s', '05 00 01 03 84', { type: 'ADVERTISE', gwId: 1, durationSeconds: 900 }],
    ['SEARCHGW, radius 1', '03 01 01', { type: 'SEARCHGW', radius: 1 }],
    ['GWINFO', '03 02 01', { type: 'GWINFO', gwId: 1, gwAdd: Buffer.alloc(0) }],
  ])('%s is %s', (_, hex, packet) => {
    expect(encode(packet).toString('hex')).toBe(fromHex(hex).toString('hex'));
    expect(decode(fromHex(hex))).toEqual(packet);
  });

  test('every packet survives encoding and decoding', () => {
    fc.assert(
      fc.property(anyPacket, (packet) => {
        expect(decode(encode(packet))).toEqual(packet);
      }),
    );
  });
});

describe('MQTT-SN 1.2 §5.2.1 Length', () => {
  test.each([
    [247, 254, 1],
    [248, 255, 1],
    [249, 258, 3],
    [65_526, 65_535, 3],
  ])('PUBLISH of %i octets of data takes %i octets, its Length %i', (dataBytes, total, lengthOctets) => {
    const datagram = encode(packets.publish('x'.repeat(dataBytes)));
    expect(datagram.length).toBe(total);
    expect(publishBytes(dataBytes)).toBe(total);
    expect(datagram[0] === 1 ? 3 : 1).toBe(lengthOctets);
    expect(decode(datagram)).toMatchObject({ type: 'PUBLISH', topicId: 1 });
  });

  test('a packet longer than the Length field can say is not made', () => {
    expect(() => encode(packets.publish('x'.repeat(PACKET_BYTES_MAX - 8)))).toThrow(RangeError);
  });

  test('the form of three octets is accepted for a short packet', () => {
    expect(decode(fromHex('01 00 05 05 00'))).toEqual(packets.connack());
  });

  test.each([
    ['', '§5.2', 'an empty datagram'],
    ['02', '§5.2', 'a header cut off'],
    ['01 00 04', '§5.2', 'a long header cut off'],
    ['00 05 00', '§5.2.1', 'Length 0'],
    ['04 05 00', '§5.2.1', 'Length greater than the datagram'],
    ['02 05 00', '§5.2.1', 'Length smaller than the datagram'],
    ['01 00 04 05 00', '§5.2.1', 'long Length smaller than the datagram'],
  ])('%s: %s, %s', expectMalformed);
});

describe('MQTT-SN 1.2 §5.2.2 MsgType', () => {
  test.each(['02 03', '02 11', '02 19', '02 1e', '02 fd', '02 ff', '03 fe 00'])('%s is of a reserved type: nothing to decode', (hex) => {
    expect(decode(fromHex(hex))).toBeUndefined();
  });
});

describe('MQTT-SN 1.2 §5.4, malformed', () => {
  test.each([
    ['05 04 00 01 00', '§5.4.4', 'CONNECT with half a Duration'],
    ['02 05', '§5.4.5', 'CONNACK without return code'],
    ['04 05 00 00', '§5.4.5', 'CONNACK with an octet too many'],
    ['03 06 00', '§5.4.6', 'WILLTOPICREQ with a body'],
    ['05 0a 00 00 00', '§5.4.10', 'REGISTER with half a MsgId'],
    ['07 0a 00 00 00 01 ff', '§5.3.12', 'REGISTER of a name that is not UTF-8'],
    ['06 0b 00 01 00 01', '§5.4.11', 'REGACK without return code'],
    ['06 0c 00 00 01 00', '§5.4.12', 'PUBLISH with half a MsgId'],
    ['08 0c 03 00 01 00 00 78', '§5.4.12', 'PUBLISH with the reserved TopicIdType'],
    ['05 10 00 02 00', '§5.4.14', 'PUBREL with an octet too many'],
    ['05 12 00 00 03', '§5.4.15', 'SUBSCRIBE without a topic'],
    ['06 12 01 00 03 00', '§5.4.15', 'SUBSCRIBE with half a TopicId'],
    ['08 12 02 00 03 61 62 63', '§5.4.15', 'SUBSCRIBE with a short name of three octets'],
    ['07 12 03 00 03 00 01', '§5.4.15', 'SUBSCRIBE with the reserved TopicIdType'],
    ['07 14 03 00 03 00 01', '§5.4.17', 'UNSUBSCRIBE with the reserved TopicIdType'],
    ['08 13 60 00 00 00 03 00', '§5.4.16', 'SUBACK that grants QoS -1'],
    ['03 17 00', '§5.4.20', 'PINGRESP with a body'],
    ['03 16 ff', '§5.3.1', 'PINGREQ with a client id that is not UTF-8'],
    ['03 18 00', '§5.4.21', 'DISCONNECT with half a Duration'],
    ['05 18 00 3c 00', '§5.4.21', 'DISCONNECT with an octet too many'],
    ['04 07 20 ff', '§5.3.14', 'WILLTOPIC that is not UTF-8'],
  ])('%s: %s, %s', expectMalformed);
});

describe('MQTT-SN 1.2 §5.3.4 Flags', () => {
  test('bits that belong to other messages are ignored', () => {
    expect(decode(fromHex('0c 04 f7 01 00 3c 73 65 6e 73 6f 72'))).toEqual(packets.connect({ isCleanSession: true }));
    expect(decode(fromHex('08 12 3c 00 03 61 2f 23'))).toEqual(packets.subscribe('a/#', { msgId: 3 }));
  });
});

describe('MQTT-SN 1.2 §6.7 Short topic names', () => {
  test.each([
    ['ab', 0x6162],
    ['é', 0xc3a9],
  ])('%s is the topic id %i', (name, topicId) => {
    expect(shortTopicId(name)).toBe(topicId);
    expect(shortTopicName(topicId)).toBe(name);
  });

  test.each(['a', 'abc', 'éa'])('%s is no short name: it is not two octets', (name) => {
    expect(shortTopicId(name)).toBeUndefined();
  });

  test('octets that are not UTF-8 are no name', () => {
    expect(shortTopicName(0xff00)).toBeUndefined();
  });
});

function expectMalformed(hex: string, clause: string): void {
  let thrown: unknown;
  try {
    decode(fromHex(hex));
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(MalformedPacketError);
  expect((thrown as MalformedPacketError).clause).toBe(clause);
}
