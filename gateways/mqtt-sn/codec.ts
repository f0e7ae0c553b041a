// Datagram to packet and back (§5). Pure: one call, one datagram, no state. What state must judge (ids, topics, who may) is not judged here.
import { MalformedPacketError } from '../../src/model/errors.ts';
import type { Connect, Packet, PacketType, Publish, PublishQoS, TopicField, TopicIdType } from './packets.ts';

/** Largest value of the Length field (§5.2.1). */
export const PACKET_BYTES_MAX = 65_535;

const SHORT_LENGTH_MAX = 255;
const LONG_LENGTH_MARK = 0x01; // §5.2.1: the length follows in two octets
const LONG_HEADER_BYTES = 4;
const SHORT_HEADER_BYTES = 2;
const PUBLISH_FIXED_BYTES = 5;

/** Flags, §5.3.4. */
const DUP = 0x80;
const QOS_SHIFT = 5;
const RETAIN = 0x10;
const WILL = 0x08;
const CLEAN_SESSION = 0x04;
const TOPIC_ID_TYPE = 0x03;
const QOS_OF_BITS: readonly PublishQoS[] = [0, 1, 2, -1];
const TYPE_OF_BITS: readonly (TopicIdType | undefined)[] = ['normal', 'predefined', 'short', undefined];
const BITS_OF_TYPE: Readonly<Record<TopicIdType, number>> = { normal: 0, predefined: 1, short: 2 };

/** One row of the table in §5.2.2 with the sizes of §5.4: octets after MsgType, smallest and greatest. */
interface Layout {
  readonly code: number;
  readonly clause: string;
  readonly bodyMin: number;
  readonly bodyMax: number;
}

const LAYOUTS: Readonly<Record<PacketType, Layout>> = {
  ADVERTISE: { code: 0x00, clause: '§5.4.1', bodyMin: 3, bodyMax: 3 },
  SEARCHGW: { code: 0x01, clause: '§5.4.2', bodyMin: 1, bodyMax: 1 },
  GWINFO: { code: 0x02, clause: '§5.4.3', bodyMin: 1, bodyMax: PACKET_BYTES_MAX },
  CONNECT: { code: 0x04, clause: '§5.4.4', bodyMin: 4, bodyMax: PACKET_BYTES_MAX },
  CONNACK: { code: 0x05, clause: '§5.4.5', bodyMin: 1, bodyMax: 1 },
  WILLTOPICREQ: { code: 0x06, clause: '§5.4.6', bodyMin: 0, bodyMax: 0 },
  WILLTOPIC: { code: 0x07, clause: '§5.4.7', bodyMin: 0, bodyMax: PACKET_BYTES_MAX },
  WILLMSGREQ: { code: 0x08, clause: '§5.4.8', bodyMin: 0, bodyMax: 0 },
  WILLMSG: { code: 0x09, clause: '§5.4.9', bodyMin: 0, bodyMax: PACKET_BYTES_MAX },
  REGISTER: { code: 0x0a, clause: '§5.4.10', bodyMin: 4, bodyMax: PACKET_BYTES_MAX },
  REGACK: { code: 0x0b, clause: '§5.4.11', bodyMin: 5, bodyMax: 5 },
  PUBLISH: { code: 0x0c, clause: '§5.4.12', bodyMin: PUBLISH_FIXED_BYTES, bodyMax: PACKET_BYTES_MAX },
  PUBACK: { code: 0x0d, clause: '§5.4.13', bodyMin: 5, bodyMax: 5 },
  PUBCOMP: { code: 0x0e, clause: '§5.4.14', bodyMin: 2, bodyMax: 2 },
  PUBREC: { code: 0x0f, clause: '§5.4.14', bodyMin: 2, bodyMax: 2 },
  PUBREL: { code: 0x10, clause: '§5.4.14', bodyMin: 2, bodyMax: 2 },
  SUBSCRIBE: { code: 0x12, clause: '§5.4.15', bodyMin: 4, bodyMax: PACKET_BYTES_MAX },
  SUBACK: { code: 0x13, clause: '§5.4.16', bodyMin: 6, bodyMax: 6 },
  UNSUBSCRIBE: { code: 0x14, clause: '§5.4.17', bodyMin: 4, bodyMax: PACKET_BYTES_MAX },
  UNSUBACK: { code: 0x15, clause: '§5.4.18', bodyMin: 2, bodyMax: 2 },
  PINGREQ: { code: 0x16, clause: '§5.4.19', bodyMin: 0, bodyMax: PACKET_BYTES_MAX },
  PINGRESP: { code: 0x17, clause: '§5.4.20', bodyMin: 0, bodyMax: 0 },
  DISCONNECT: { code: 0x18, clause: '§5.4.21', bodyMin: 0, bodyMax: 2 },
  WILLTOPICUPD: { code: 0x1a, clause: '§5.4.22', bodyMin: 0, bodyMax: PACKET_BYTES_MAX },
  WILLTOPICRESP: { code: 0x1b, clause: '§5.4.24', bodyMin: 1, bodyMax: 1 },
  WILLMSGUPD: { code: 0x1c, clause: '§5.4.23', bodyMin: 0, bodyMax: PACKET_BYTES_MAX },
  WILLMSGRESP: { code: 0x1d, clause: '§5.4.25', bodyMin: 1, bodyMax: 1 },
};

const TYPE_OF_CODE: ReadonlyMap<number, PacketType> = new Map((Object.entries(LAYOUTS) as [PacketType, Layout][]).map(([type, layout]) => [layout.code, type]));

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const toUtf8 = new TextEncoder();
const NOTHING = new Uint8Array(0);

/**
 * Reads one datagram. `Uint8Array` fields of the packet are views into it.
 *
 * @returns undefined for a MsgType 1.2 reserves or leaves to another layer (0xFE): to be ignored, §5.2.2.
 * @throws MalformedPacketError - with the clause that was broken.
 */
export function decode(datagram: Buffer): Packet | undefined {
  const headerBytes = headerLength(datagram);
  const type = TYPE_OF_CODE.get(datagram[headerBytes - 1] ?? 0);
  if (type === undefined) return undefined;
  const { clause, bodyMin, bodyMax } = LAYOUTS[type];
  const bodyBytes = datagram.length - headerBytes;
  if (bodyBytes < bodyMin || bodyBytes > bodyMax) throw new MalformedPacketError(clause, `${type} of ${datagram.length} octets`);
  return DECODERS[type](datagram, headerBytes);
}

/** @throws RangeError - longer than `PACKET_BYTES_MAX`; who builds a packet from others' bytes asks `publishBytes` first. */
export function encode(packet: Packet): Buffer {
  const [fixed, tail] = bodyOf(packet);
  const shortTotal = SHORT_HEADER_BYTES + fixed.length + tail.length;
  const isShort = shortTotal <= SHORT_LENGTH_MAX;
  const total = isShort ? shortTotal : shortTotal - SHORT_HEADER_BYTES + LONG_HEADER_BYTES;
  const datagram = Buffer.allocUnsafe(total);
  let at = 0;
  if (isShort) {
    datagram[at++] = total;
  } else {
    datagram[at++] = LONG_LENGTH_MARK;
    at = datagram.writeUInt16BE(total, at);
  }
  datagram[at++] = LAYOUTS[packet.type].code;
  for (const octet of fixed) datagram[at++] = octet;
  datagram.set(tail, at);
  return datagram;
}

/** Octets of a PUBLISH that carries `dataBytes`. */
export function publishBytes(dataBytes: number): number {
  const short = SHORT_HEADER_BYTES + PUBLISH_FIXED_BYTES + dataBytes;
  return short <= SHORT_LENGTH_MAX ? short : short - SHORT_HEADER_BYTES + LONG_HEADER_BYTES;
}

/** The name a short topic's TopicId field spells; undefined when its octets are not UTF-8. */
export function shortTopicName(topicId: number): string | undefined {
  try {
    return utf8.decode(Uint8Array.of(topicId >> 8, topicId & 0xff));
  } catch {
    return undefined;
  }
}

/** The TopicId field of a name of exactly two octets. */
export function shortTopicId(name: string): number | undefined {
  if (name.length > 2) return undefined;
  const octets = Buffer.from(name);
  const [high, low] = octets;
  if (octets.length !== 2 || high === undefined || low === undefined) return undefined;
  return (high << 8) | low;
}

/** Checks the Length field (§5.2.1); the three-octet form is accepted for any length. @returns octets up to and with MsgType. */
function headerLength(datagram: Buffer): number {
  const isLong = datagram[0] === LONG_LENGTH_MARK;
  const headerBytes = isLong ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES;
  if (datagram.length < headerBytes) throw new MalformedPacketError('§5.2', `header of ${datagram.length} octets`);
  const length = isLong ? datagram.readUInt16BE(1) : datagram.readUInt8(0);
  if (length !== datagram.length) throw new MalformedPacketError('§5.2.1', `Length ${length} in a datagram of ${datagram.length} octets`);
  return headerBytes;
}

type Decoder = (datagram: Buffer, at: number) => Packet;

const DECODERS: Readonly<Record<PacketType, Decoder>> = {
  ADVERTISE: (datagram, at) => ({ type: 'ADVERTISE', gwId: datagram.readUInt8(at), durationSeconds: datagram.readUInt16BE(at + 1) }),
  SEARCHGW: (datagram, at) => ({ type: 'SEARCHGW', radius: datagram.readUInt8(at) }),
  GWINFO: (datagram, at) => ({ type: 'GWINFO', gwId: datagram.readUInt8(at), gwAdd: datagram.subarray(at + 1) }),
  CONNECT: decodeConnect,
  CONNACK: (datagram, at) => ({ type: 'CONNACK', returnCode: datagram.readUInt8(at) }),
  WILLTOPICREQ: () => ({ type: 'WILLTOPICREQ' }),
  WILLTOPIC: (datagram, at) => decodeWillTopic('WILLTOPIC', datagram, at),
  WILLMSGREQ: () => ({ type: 'WILLMSGREQ' }),
  WILLMSG: (datagram, at) => ({ type: 'WILLMSG', message: datagram.subarray(at) }),
  REGISTER: (datagram, at) => ({
    type: 'REGISTER',
    topicId: datagram.readUInt16BE(at),
    msgId: datagram.readUInt16BE(at + 2),
    topicName: text(datagram, at + 4, '§5.3.12'),
  }),
  REGACK: (datagram, at) => ({ type: 'REGACK', ...decodeAnswer(datagram, at) }),
  PUBLISH: decodePublish,
  PUBACK: (datagram, at) => ({ type: 'PUBACK', ...decodeAnswer(datagram, at) }),
  PUBCOMP: (datagram, at) => ({ type: 'PUBCOMP', msgId: datagram.readUInt16BE(at) }),
  PUBREC: (datagram, at) => ({ type: 'PUBREC', msgId: datagram.readUInt16BE(at) }),
  PUBREL: (datagram, at) => ({ type: 'PUBREL', msgId: datagram.readUInt16BE(at) }),
  SUBSCRIBE: (datagram, at) => {
    const flags = datagram.readUInt8(at);
    const msgId = datagram.readUInt16BE(at + 1);
    return { type: 'SUBSCRIBE', isDuplicate: (flags & DUP) !== 0, qos: qosOf(flags), msgId, topic: decodeTopicField(datagram, at, '§5.4.15') };
  },
  SUBACK: (datagram, at) => {
    const qos = qosOf(datagram.readUInt8(at));
    if (qos === -1) throw new MalformedPacketError('§5.4.16', 'QoS -1 granted');
    return { type: 'SUBACK', qos, ...decodeAnswer(datagram, at + 1) };
  },
  UNSUBSCRIBE: (datagram, at) => ({
    type: 'UNSUBSCRIBE',
    msgId: datagram.readUInt16BE(at + 1),
    topic: decodeTopicField(datagram, at, '§5.4.17'),
  }),
  UNSUBACK: (datagram, at) => ({ type: 'UNSUBACK', msgId: datagram.readUInt16BE(at) }),
  PINGREQ: (datagram, at) => ({ type: 'PINGREQ', clientId: at === datagram.length ? undefined : text(datagram, at, '§5.3.1') }),
  PINGRESP: () => ({ type: 'PINGRESP' }),
  DISCONNECT: (datagram, at) => {
    if (datagram.length - at === 1) throw new MalformedPacketError('§5.4.21', 'DISCONNECT with half a Duration');
    return { type: 'DISCONNECT', durationSeconds: at === datagram.length ? undefined : datagram.readUInt16BE(at) };
  },
  WILLTOPICUPD: (datagram, at) => decodeWillTopic('WILLTOPICUPD', datagram, at),
  WILLTOPICRESP: (datagram, at) => ({ type: 'WILLTOPICRESP', returnCode: datagram.readUInt8(at) }),
  WILLMSGUPD: (datagram, at) => ({ type: 'WILLMSGUPD', message: datagram.subarray(at) }),
  WILLMSGRESP: (datagram, at) => ({ type: 'WILLMSGRESP', returnCode: datagram.readUInt8(at) }),
};

function decodeConnect(datagram: Buffer, at: number): Packet {
  const flags = datagram.readUInt8(at);
  return {
    type: 'CONNECT',
    hasWill: (flags & WILL) !== 0,
    isCleanSession: (flags & CLEAN_SESSION) !== 0,
    protocolId: datagram.readUInt8(at + 1),
    durationSeconds: datagram.readUInt16BE(at + 2),
    clientId: text(datagram, at + 4, '§5.3.1'),
  };
}

function decodePublish(datagram: Buffer, at: number): Packet {
  const flags = datagram.readUInt8(at);
  return {
    type: 'PUBLISH',
    isDuplicate: (flags & DUP) !== 0,
    qos: qosOf(flags),
    isRetain: (flags & RETAIN) !== 0,
    topicIdType: topicIdTypeOf(flags, '§5.4.12'),
    topicId: datagram.readUInt16BE(at + 1),
    msgId: datagram.readUInt16BE(at + 3),
    data: datagram.subarray(at + PUBLISH_FIXED_BYTES),
  };
}

function decodeWillTopic(type: 'WILLTOPIC' | 'WILLTOPICUPD', datagram: Buffer, at: number): Packet {
  if (at === datagram.length) return { type, will: undefined };
  const flags = datagram.readUInt8(at);
  return { type, will: { qos: qosOf(flags), isRetain: (flags & RETAIN) !== 0, topicName: text(datagram, at + 1, '§5.3.14') } };
}

function decodeAnswer(datagram: Buffer, at: number): { topicId: number; msgId: number; returnCode: number } {
  return { topicId: datagram.readUInt16BE(at), msgId: datagram.readUInt16BE(at + 2), returnCode: datagram.readUInt8(at + 4) };
}

/** `at` is where Flags stand; MsgId follows, then the topic. */
function decodeTopicField(datagram: Buffer, at: number, clause: string): TopicField {
  const kind = topicIdTypeOf(datagram.readUInt8(at), clause);
  const start = at + 3;
  if (kind === 'normal') return { kind: 'name', topicName: text(datagram, start, '§5.3.12') };
  if (datagram.length - start !== 2) throw new MalformedPacketError(clause, `TopicId of ${datagram.length - start} octets`);
  return { kind, topicId: datagram.readUInt16BE(start) };
}

function qosOf(flags: number): PublishQoS {
  return QOS_OF_BITS[(flags >> QOS_SHIFT) & 0x03] ?? 0;
}

function topicIdTypeOf(flags: number, clause: string): TopicIdType {
  const type = TYPE_OF_BITS[flags & TOPIC_ID_TYPE];
  if (type === undefined) throw new MalformedPacketError(clause, 'TopicIdType 0b11 is reserved');
  return type;
}

function text(datagram: Buffer, start: number, clause: string): string {
  try {
    return utf8.decode(datagram.subarray(start));
  } catch {
    throw new MalformedPacketError(clause, 'not UTF-8');
  }
}

/** Octets after MsgType: the fixed fields, then the variable one. */
type Body = readonly [fixed: readonly number[], tail: Uint8Array];

function bodyOf(packet: Packet): Body {
  switch (packet.type) {
    case 'ADVERTISE':
      return [[packet.gwId, ...uint16(packet.durationSeconds)], NOTHING];
    case 'SEARCHGW':
      return [[packet.radius], NOTHING];
    case 'GWINFO':
      return [[packet.gwId], packet.gwAdd];
    case 'CONNECT':
      return connectBody(packet);
    case 'WILLTOPIC':
    case 'WILLTOPICUPD':
      if (packet.will === undefined) return [[], NOTHING];
      return [[qosBits(packet.will.qos) | flag(packet.will.isRetain, RETAIN)], toUtf8.encode(packet.will.topicName)];
    case 'WILLMSG':
    case 'WILLMSGUPD':
      return [[], packet.message];
    case 'REGISTER':
      return [[...uint16(packet.topicId), ...uint16(packet.msgId)], toUtf8.encode(packet.topicName)];
    case 'REGACK':
    case 'PUBACK':
      return [[...uint16(packet.topicId), ...uint16(packet.msgId), packet.returnCode], NOTHING];
    case 'PUBLISH':
      return publishBody(packet);
    case 'SUBSCRIBE':
      return topicFieldBody(flag(packet.isDuplicate, DUP) | qosBits(packet.qos), packet.msgId, packet.topic);
    case 'UNSUBSCRIBE':
      return topicFieldBody(0, packet.msgId, packet.topic);
    case 'SUBACK':
      return [[qosBits(packet.qos), ...uint16(packet.topicId), ...uint16(packet.msgId), packet.returnCode], NOTHING];
    case 'PUBREC':
    case 'PUBREL':
    case 'PUBCOMP':
    case 'UNSUBACK':
      return [uint16(packet.msgId), NOTHING];
    case 'PINGREQ':
      return [[], packet.clientId === undefined ? NOTHING : toUtf8.encode(packet.clientId)];
    case 'DISCONNECT':
      return [packet.durationSeconds === undefined ? [] : uint16(packet.durationSeconds), NOTHING];
    case 'CONNACK':
    case 'WILLTOPICRESP':
    case 'WILLMSGRESP':
      return [[packet.returnCode], NOTHING];
    case 'WILLTOPICREQ':
    case 'WILLMSGREQ':
    case 'PINGRESP':
      return [[], NOTHING];
  }
}

function connectBody({ hasWill, isCleanSession, protocolId, durationSeconds, clientId }: Connect): Body {
  const flags = flag(hasWill, WILL) | flag(isCleanSession, CLEAN_SESSION);
  return [[flags, protocolId, ...uint16(durationSeconds)], toUtf8.encode(clientId)];
}

function publishBody({ isDuplicate, qos, isRetain, topicIdType, topicId, msgId, data }: Publish): Body {
  const flags = flag(isDuplicate, DUP) | qosBits(qos) | flag(isRetain, RETAIN) | BITS_OF_TYPE[topicIdType];
  return [[flags, ...uint16(topicId), ...uint16(msgId)], data];
}

function topicFieldBody(flags: number, msgId: number, topic: TopicField): Body {
  if (topic.kind === 'name') return [[flags, ...uint16(msgId)], toUtf8.encode(topic.topicName)];
  return [[flags | BITS_OF_TYPE[topic.kind], ...uint16(msgId), ...uint16(topic.topicId)], NOTHING];
}

function qosBits(qos: PublishQoS): number {
  return (qos & 0x03) << QOS_SHIFT; // −1 is 0b11
}

function flag(isSet: boolean, bit: number): number {
  return isSet ? bit : 0;
}

function uint16(value: number): readonly [number, number] {
  return [value >> 8, value & 0xff];
}
