// Every valid packet, small: for round trips, for comparison with another implementation, and as seeds of the fuzzer.
import fc, { type Arbitrary } from 'fast-check';
import { clientId } from '../../../../src/model/client.ts';
import { Message, type MessageProperties, type QoS } from '../../../../src/model/message.ts';
import { topicFilter, topicName } from '../../../../src/model/topic.ts';
import { topicOf } from '../../../../src/model/topic-utf8.ts';
import type {
  AckPacket,
  AckType,
  AuthPacket,
  ConnackPacket,
  ConnectPacket,
  DisconnectPacket,
  OutgoingPublish,
  Packet,
  PingPacket,
  ProtocolVersion,
  SubackPacket,
  SubscribePacket,
  UnsubackPacket,
  UnsubscribePacket,
  UserProperties,
} from '../../../../src/mqtt/packets.ts';

export type Role = 'server' | 'client';

const character = fc.constantFrom('a', 'b', 'Z', '0', ' ', '-', '/', '$', 'é', '€', '\ufeff', '\u{1f600}');
const string = fc.string({ unit: character, maxLength: 12 });
const named = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'é', '€'), minLength: 1, maxLength: 3 });
const topicText = fc.string({ unit: character, minLength: 1, maxLength: 12 });
const topic = topicText.map(topicName);
const level = fc.oneof(fc.constantFrom('+', 'a', 'bc', '', '$x', 'é'));
const filter = fc
  .tuple(fc.array(level, { minLength: 1, maxLength: 4 }), fc.constantFrom('', '/#'))
  .map(([levels, end]) => levels.join('/') + end)
  .filter((text) => text !== '' && text !== '$share')
  .map(topicFilter);
const binary = fc.uint8Array({ maxLength: 12 }).map((array) => Buffer.from(array));
const u16 = fc.integer({ min: 0, max: 0xffff });
const id = fc.integer({ min: 1, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const qos = fc.constantFrom<QoS>(0, 1, 2);
const identifier = fc.oneof(fc.constantFrom(1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455), fc.integer({ min: 1, max: 268_435_455 }));
const userProperties: Arbitrary<UserProperties> = fc.array(fc.tuple(named, string), { minLength: 1, maxLength: 4 });

/** Some of the properties, none when the version has none. */
function some<Properties extends object>(version: ProtocolVersion, model: { [Name in keyof Properties]: Arbitrary<Properties[Name]> }) {
  const record = fc.record(model, { requiredKeys: [] }).filter((properties) => Object.keys(properties).length > 0);
  return version === 5 ? fc.option(record, { nil: undefined }) : fc.constant(undefined);
}

const reasonProperties = { reasonString: string, userProperties };
const authentication = fc
  .tuple(string, fc.option(binary, { nil: undefined }))
  .map(([authenticationMethod, authenticationData]) => ({ authenticationMethod, ...(authenticationData && { authenticationData }) }));
const withAuthentication = <Properties extends object>(properties: Arbitrary<Properties | undefined>) =>
  fc.tuple(properties, fc.option(authentication, { nil: undefined })).map(([some, more]) => (some && more ? { ...some, ...more } : some));

const messageModel = { isUtf8: fc.boolean(), contentType: string, responseTopic: topicText, correlationData: binary, userProperties };

function messageProperties(version: ProtocolVersion): Arbitrary<MessageProperties | undefined> {
  return some<MessageProperties>(version, messageModel);
}

function connect(version: ProtocolVersion): Arbitrary<ConnectPacket> {
  const expiry = version === 5 ? fc.option(u32, { nil: undefined }) : fc.constant(undefined);
  const will = fc.record({
    ...{ topic, payload: binary, qos, isRetain: fc.boolean() },
    ...{ properties: messageProperties(version), expirySeconds: expiry, delaySeconds: expiry },
  });
  const properties = some(version, {
    ...{ sessionExpirySeconds: u32, receiveMaximum: id, maximumPacketSize: u32.map((size) => size + Number(size === 0)), topicAliasMaximum: u16 },
    ...{ requestResponseInformation: fc.boolean(), requestProblemInformation: fc.boolean(), userProperties },
  });
  return fc
    .record({
      ...{ type: fc.constant('connect' as const), version: fc.constant(version), isBridge: version === 5 ? fc.constant(false) : fc.boolean() },
      ...{ clientId: fc.string({ unit: character, minLength: 1, maxLength: 12 }), cleanStart: fc.boolean(), keepAliveSeconds: u16 },
      ...{ will: fc.option(will, { nil: undefined }), username: fc.option(string, { nil: undefined }), password: fc.option(binary, { nil: undefined }) },
      properties: withAuthentication(properties),
    })
    .map((packet) => (packet.username === undefined && version !== 5 ? { ...packet, password: undefined } : packet)); // MQTT-3.1.2-22 of 3.1.1
}

function connack(version: ProtocolVersion): Arbitrary<ConnackPacket> {
  const flags = { retainAvailable: fc.boolean(), wildcardSubscriptionAvailable: fc.boolean(), subscriptionIdentifierAvailable: fc.boolean() };
  const properties = some(version, {
    ...{ ...flags, sharedSubscriptionAvailable: fc.boolean(), maximumQoS: fc.constantFrom<0 | 1>(0, 1), sessionExpirySeconds: u32, receiveMaximum: id },
    ...{ maximumPacketSize: id, assignedClientIdentifier: string, topicAliasMaximum: u16, serverKeepAliveSeconds: u16 },
    ...{ responseInformation: string, serverReference: string, ...reasonProperties },
  });
  const reasonCode = version === 5 ? fc.constantFrom(0, 0x80, 0x85, 0x87, 0x8c, 0x9f) : fc.integer({ min: 0, max: 5 });
  return fc
    .record({ type: fc.constant('connack' as const), isSessionPresent: fc.boolean(), reasonCode, properties: withAuthentication(properties) })
    .map((packet) => ({ ...packet, isSessionPresent: packet.isSessionPresent && packet.reasonCode === 0 && version !== 3 }));
}

function ack(version: ProtocolVersion, type: AckType): Arbitrary<AckPacket> {
  const codes = type === 'puback' || type === 'pubrec' ? [0, 0x10, 0x80, 0x87, 0x97] : [0, 0x92];
  const reasonCode = version === 5 ? fc.constantFrom(...codes) : fc.constant(0);
  return fc.record({ type: fc.constant(type), packetId: id, reasonCode, properties: some(version, reasonProperties) });
}

function subscribe(version: ProtocolVersion): Arbitrary<SubscribePacket> {
  const flag = version === 5 ? fc.boolean() : fc.constant(false);
  const retainHandling = version === 5 ? fc.constantFrom<0 | 1 | 2>(0, 1, 2) : fc.constant(0 as const);
  const request = fc.record({ filter, qosMax: qos, noLocal: flag, retainAsPublished: flag, retainHandling });
  const subscriptions = fc.array(request, { minLength: 1, maxLength: 4 });
  const properties = some(version, { subscriptionIdentifier: identifier, userProperties });
  return fc.record({ type: fc.constant('subscribe' as const), packetId: id, subscriptions, properties });
}

function unsubscribe(version: ProtocolVersion): Arbitrary<UnsubscribePacket> {
  const filters = fc.array(filter, { minLength: 1, maxLength: 4 });
  return fc.record({ type: fc.constant('unsubscribe' as const), packetId: id, filters, properties: some(version, { userProperties }) });
}

function suback(version: ProtocolVersion): Arbitrary<SubackPacket> {
  const codes = version === 5 ? [0, 1, 2, 0x80, 0x87, 0xa2] : [0, 1, 2, 0x80];
  const reasonCodes = fc.array(fc.constantFrom(...codes), { minLength: 1, maxLength: 4 });
  return fc.record({ type: fc.constant('suback' as const), packetId: id, reasonCodes, properties: some(version, reasonProperties) });
}

function unsuback(version: ProtocolVersion): Arbitrary<UnsubackPacket> {
  const codes = fc.array(fc.constantFrom(0, 0x11, 0x87), { minLength: 1, maxLength: 4 });
  const reasonCodes = version === 5 ? codes : fc.constant([]);
  return fc.record({ type: fc.constant('unsuback' as const), packetId: id, reasonCodes, properties: some(version, reasonProperties) });
}

function disconnect(version: ProtocolVersion, sender: Role): Arbitrary<DisconnectPacket> {
  const reasonCode = version === 5 ? fc.constantFrom(0, 4, 0x81, 0x8e, 0x9d) : fc.constant(0);
  const own = sender === 'client' ? { sessionExpirySeconds: u32 } : { serverReference: string };
  return fc.record({ type: fc.constant('disconnect' as const), reasonCode, properties: some<object>(version, { ...reasonProperties, ...own }) });
}

function auth(): Arbitrary<AuthPacket> {
  const properties = withAuthentication(some(5, reasonProperties));
  return fc.record({ type: fc.constant('auth' as const), reasonCode: fc.constantFrom(0, 0x18, 0x19), properties });
}

const acks = (version: ProtocolVersion) => (['puback', 'pubrec', 'pubrel', 'pubcomp'] as const).map((type) => ack(version, type));
const ping = (type: PingPacket['type']): Arbitrary<PingPacket> => fc.constant({ type });

/** CONNECT or CONNACK. */
export function greeting(version: ProtocolVersion, sender: Role): Arbitrary<Packet> {
  return sender === 'client' ? connect(version) : connack(version);
}

/** Any packet after the greeting, but PUBLISH. */
export function packetFrom(version: ProtocolVersion, sender: Role): Arbitrary<Packet> {
  const own =
    sender === 'client'
      ? [subscribe(version), unsubscribe(version), ping('pingreq'), disconnect(version, sender)]
      : [suback(version), unsuback(version), ping('pingresp'), ...(version === 5 ? [disconnect(version, sender)] : [])];
  return fc.oneof(...acks(version), ...own, ...(version === 5 ? [auth()] : []));
}

const ORIGIN = { gateway: 'mqtt', clientId: clientId('c') };
const STAMPS = { publishedAtMs: 0, expiresAtMs: Number.POSITIVE_INFINITY };

/** A delivery of a message that may have any payload up to 2,000 bytes. */
export function outgoingPublish(version: ProtocolVersion, sender: Role): Arbitrary<OutgoingPublish> {
  const payload = fc.oneof(
    binary,
    fc.integer({ min: 1000, max: 2000 }).map((size) => Buffer.alloc(size, 7)),
  );
  const isV5 = version === 5;
  return fc
    .record({
      ...{ topic, payload, qos, isRetain: fc.boolean(), isDuplicate: fc.boolean(), packetId: id },
      properties: messageProperties(version),
      identifiers: isV5 && sender === 'server' ? fc.array(identifier, { maxLength: 3 }) : fc.constant([]),
      expirySeconds: isV5 ? fc.option(u32, { nil: undefined }) : fc.constant(undefined),
    })
    .map(({ topic: name, payload: bytes, properties, isDuplicate, packetId, ...rest }) => ({
      ...rest,
      isDuplicate: isDuplicate && rest.qos > 0,
      packetId: rest.qos > 0 ? packetId : 0,
      message: new Message({ topic: topicOf(name), payload: bytes, qos: rest.qos, isRetain: rest.isRetain, properties }, ORIGIN, STAMPS),
    }));
}
