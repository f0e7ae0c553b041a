// Every packet but PUBLISH, written into a link's buffer.
import type { MessageProperties } from '../model/message.ts';
import { putVarint, varintBytes } from '../wire/varint.ts';
import { FieldWriter, type OutSink, PACKET_BYTES_LIMIT } from './encode-fields.ts';
import type {
  AckPacket,
  AckType,
  AuthPacket,
  ConnackPacket,
  ConnectPacket,
  DisconnectPacket,
  Packet,
  ProtocolVersion,
  SubackPacket,
  SubscribePacket,
  SubscriptionRequest,
  UnsubackPacket,
  UnsubscribePacket,
  WillMessage,
} from './packets.ts';
import type { PropertyBag } from './properties.ts';

const ACK_HEADER: Record<AckType, number> = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 };

/** Type and flags, MQTT 5 §2.1.2 and §2.1.3. */
const HEADER: Record<Packet['type'], number> = {
  connect: 0x10,
  connack: 0x20,
  ...ACK_HEADER,
  subscribe: 0x82,
  suback: 0x90,
  unsubscribe: 0xa2,
  unsuback: 0xb0,
  pingreq: 0xc0,
  pingresp: 0xd0,
  disconnect: 0xe0,
  auth: 0xf0,
};

/**
 * An acknowledgement without properties: four bytes, five when there is a reason to tell.
 *
 * @param reasonCode - 0 towards 3.x.
 */
export function encodeAck(type: AckType, packetId: number, reasonCode: number, sink: OutSink): void {
  const size = reasonCode === 0 ? 4 : 5;
  const out = sink.reserve(size);
  const { bytes, length } = out;
  bytes[length] = ACK_HEADER[type];
  bytes[length + 1] = size - 2;
  bytes[length + 2] = packetId >> 8;
  bytes[length + 3] = packetId & 0xff;
  if (reasonCode !== 0) bytes[length + 4] = reasonCode;
  out.length = length + size;
}

/**
 * Writes `packet`; what the version has no field for is left out. To fit, User Properties go first and the Reason String next (MQTT-3.2.2-20,
 * MQTT-3.2.2-19 and their like).
 *
 * @param packetBytesMax - the peer's Maximum Packet Size.
 * @returns false: it does not fit, and nothing was written (MQTT-3.1.2-24).
 * @throws GatewayError LIMIT_EXCEEDED - a string or binary field above 65,535 bytes.
 */
export function encodePacket(packet: Packet, version: ProtocolVersion, sink: OutSink, packetBytesMax = PACKET_BYTES_LIMIT): boolean {
  const body = new FieldWriter();
  writeBody(body, packet, version);
  const size = 1 + varintBytes(body.length) + body.length;
  if (size > packetBytesMax || size > PACKET_BYTES_LIMIT) {
    const shorter = shortened(packet);
    return shorter !== undefined && encodePacket(shorter, version, sink, packetBytesMax);
  }
  const out = sink.reserve(size);
  out.bytes[out.length] = HEADER[packet.type];
  const bodyStart = putVarint(out.bytes, out.length + 1, body.length);
  body.bytes.copy(out.bytes, bodyStart, 0, body.length);
  out.length += size;
  return true;
}

/** The packet without the next thing it can spare; undefined when there is none. */
function shortened(packet: Packet): Packet | undefined {
  if (packet.type === 'connect' || packet.type === 'subscribe' || packet.type === 'unsubscribe' || !('properties' in packet)) return undefined;
  const properties: PropertyBag = packet.properties ?? {};
  if (properties.userProperties !== undefined) return { ...packet, properties: { ...properties, userProperties: undefined } };
  if (properties.reasonString !== undefined) return { ...packet, properties: { ...properties, reasonString: undefined } };
  return undefined;
}

function writeBody(body: FieldWriter, packet: Packet, version: ProtocolVersion): void {
  switch (packet.type) {
    case 'connect':
      writeConnect(body, packet);
      break;
    case 'connack':
      writeConnack(body, packet, version);
      break;
    case 'subscribe':
      writeSubscribe(body, packet, version);
      break;
    case 'unsubscribe':
      writeIdentified(body, packet, version);
      for (const filter of packet.filters) body.text(filter);
      break;
    case 'suback':
      writeIdentified(body, packet, version).raw(Uint8Array.from(packet.reasonCodes));
      break;
    case 'unsuback':
      writeIdentified(body, packet, version);
      if (version === 5) body.raw(Uint8Array.from(packet.reasonCodes));
      break;
    case 'pingreq':
    case 'pingresp':
      break;
    default:
      if ('packetId' in packet) body.u16(packet.packetId);
      if (version === 5) writeReason(body, packet);
  }
}

/** Packet Identifier and properties. */
function writeIdentified(body: FieldWriter, packet: UnsubscribePacket | SubackPacket | UnsubackPacket, version: ProtocolVersion): FieldWriter {
  body.u16(packet.packetId);
  return version === 5 ? body.properties(packet.properties) : body;
}

/** Reason Code and properties, as short as they may be: nothing for success, no Property Length for no properties. */
function writeReason(body: FieldWriter, { reasonCode, properties }: AckPacket | DisconnectPacket | AuthPacket): void {
  const hasProperties = properties !== undefined && Object.values(properties).some((value) => value !== undefined);
  if (reasonCode !== 0 || hasProperties) body.u8(reasonCode);
  if (hasProperties) body.properties(properties);
}

function writeConnect(body: FieldWriter, packet: ConnectPacket): void {
  const { version, will, username, password } = packet;
  body.text(version === 3 ? 'MQIsdp' : 'MQTT');
  body.u8(packet.isBridge && version !== 5 ? version | 0x80 : version);
  const credentials = (username === undefined ? 0 : 0x80) | (password === undefined ? 0 : 0x40);
  body.u8(credentials | (will === undefined ? 0 : willFlags(will)) | (packet.cleanStart ? 0x02 : 0));
  body.u16(packet.keepAliveSeconds);
  if (version === 5) body.properties(packet.properties);
  body.text(packet.clientId);
  if (will !== undefined) {
    if (version === 5) body.properties(willProperties(will));
    body.text(will.topic).binary(will.payload);
  }
  if (username !== undefined) body.text(username);
  if (password !== undefined) body.binary(password);
}

function willFlags({ qos, isRetain }: WillMessage): number {
  return 0x04 | (qos << 3) | (isRetain ? 0x20 : 0);
}

function willProperties({ properties, expirySeconds, delaySeconds }: WillMessage): PropertyBag {
  return { ...messageBag(properties), messageExpirySeconds: expirySeconds, willDelaySeconds: delaySeconds };
}

/** The five properties of a message, and nothing else its object may hold. */
export function messageBag(properties: MessageProperties | undefined): PropertyBag {
  if (properties === undefined) return {};
  const { isUtf8, contentType, responseTopic, correlationData, userProperties } = properties;
  return { isUtf8, contentType, responseTopic, correlationData, userProperties };
}

function writeConnack(body: FieldWriter, { isSessionPresent, reasonCode, properties }: ConnackPacket, version: ProtocolVersion): void {
  body.u8(isSessionPresent && version !== 3 ? 1 : 0).u8(reasonCode);
  if (version === 5) body.properties(properties);
}

function writeSubscribe(body: FieldWriter, { packetId, subscriptions, properties }: SubscribePacket, version: ProtocolVersion): void {
  body.u16(packetId);
  if (version === 5) {
    const identifier = properties?.subscriptionIdentifier;
    body.properties({ subscriptionIdentifiers: identifier === undefined ? undefined : [identifier], userProperties: properties?.userProperties });
  }
  for (const request of subscriptions) body.text(request.filter).u8(version === 5 ? subscriptionOptions(request) : request.qosMax);
}

function subscriptionOptions({ qosMax, noLocal, retainAsPublished, retainHandling }: SubscriptionRequest): number {
  return qosMax | (noLocal ? 0x04 : 0) | (retainAsPublished ? 0x08 : 0) | (retainHandling << 4);
}
