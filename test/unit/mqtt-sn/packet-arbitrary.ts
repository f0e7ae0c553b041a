import fc from 'fast-check';
import type { Packet, PacketType, PublishQoS, TopicField, TopicIdType } from '../../../gateways/mqtt-sn/packets.ts';
import type { QoS } from '../../../src/model/message.ts';

const octet = fc.integer({ min: 0, max: 0xff });
const uint16 = fc.integer({ min: 0, max: 0xffff });
const bytes = fc.uint8Array({ maxLength: 600 }).map((array) => Buffer.from(array));
const text = fc.string({ unit: 'grapheme', maxLength: 120 });
const qos = fc.constantFrom<QoS>(0, 1, 2);
const publishQos = fc.constantFrom<PublishQoS>(-1, 0, 1, 2);
const numbered = { topicId: uint16, msgId: uint16, returnCode: octet };
const willTopic = fc.option(fc.record({ qos: publishQos, isRetain: fc.boolean(), topicName: text }), { nil: undefined });
const nonEmpty = text.filter((value) => value.length > 0);
const topicField: fc.Arbitrary<TopicField> = fc.oneof(
  fc.record({ kind: fc.constant('name' as const), topicName: nonEmpty }),
  fc.record({ kind: fc.constantFrom('predefined' as const, 'short' as const), topicId: uint16 }),
);

const is = <Type extends PacketType>(...types: Type[]): fc.Arbitrary<Type> => fc.constantFrom(...types);

/** Every packet the protocol has, with every value its fields can carry. */
export const anyPacket: fc.Arbitrary<Packet> = fc.oneof(
  fc.record({ type: is('ADVERTISE'), gwId: octet, durationSeconds: uint16 }),
  fc.record({ type: is('SEARCHGW'), radius: octet }),
  fc.record({ type: is('GWINFO'), gwId: octet, gwAdd: bytes }),
  fc.record({ type: is('CONNECT'), hasWill: fc.boolean(), isCleanSession: fc.boolean(), protocolId: octet, durationSeconds: uint16, clientId: text }),
  fc.record({ type: is('CONNACK'), returnCode: octet }),
  fc.record({ type: is('WILLTOPICRESP', 'WILLMSGRESP'), returnCode: octet }),
  fc.record({ type: is('WILLTOPICREQ') }),
  fc.record({ type: is('WILLMSGREQ') }),
  fc.record({ type: is('PINGRESP') }),
  fc.record({ type: is('WILLTOPIC', 'WILLTOPICUPD'), will: willTopic }),
  fc.record({ type: is('WILLMSG', 'WILLMSGUPD'), message: bytes }),
  fc.record({ type: is('REGISTER'), topicId: uint16, msgId: uint16, topicName: text }),
  fc.record({ type: is('REGACK'), ...numbered }),
  fc.record({ type: is('PUBACK'), ...numbered }),
  fc.record({
    type: is('PUBLISH'),
    isDuplicate: fc.boolean(),
    qos: publishQos,
    isRetain: fc.boolean(),
    topicIdType: fc.constantFrom<TopicIdType>('normal', 'predefined', 'short'),
    topicId: uint16,
    msgId: uint16,
    data: bytes,
  }),
  fc.record({ type: is('PUBREC', 'PUBREL', 'PUBCOMP'), msgId: uint16 }),
  fc.record({ type: is('SUBSCRIBE'), isDuplicate: fc.boolean(), qos: publishQos, msgId: uint16, topic: topicField }),
  fc.record({ type: is('SUBACK'), qos, ...numbered }),
  fc.record({ type: is('UNSUBSCRIBE'), msgId: uint16, topic: topicField }),
  fc.record({ type: is('UNSUBACK'), msgId: uint16 }),
  fc.record({ type: is('PINGREQ'), clientId: fc.option(nonEmpty, { nil: undefined }) }),
  fc.record({ type: is('DISCONNECT'), durationSeconds: fc.option(uint16, { nil: undefined }) }),
);
