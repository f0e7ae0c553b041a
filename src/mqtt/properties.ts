// The properties of MQTT 5 §2.2.2.2: one table, and the decoder that walks by it.
import type { MessageProperties } from '../model/message.ts';
import type { FieldReader } from './decode-fields.ts';
import { MqttCodecError, REASON, type UserProperties } from './packets.ts';

/** All properties of all packets; each packet's own type in packets.ts is a part of it. */
export interface PropertyBag {
  isUtf8?: boolean | undefined;
  messageExpirySeconds?: number | undefined;
  contentType?: string | undefined;
  responseTopic?: string | undefined;
  correlationData?: Uint8Array | undefined;
  subscriptionIdentifiers?: readonly number[] | undefined;
  sessionExpirySeconds?: number | undefined;
  assignedClientIdentifier?: string | undefined;
  serverKeepAliveSeconds?: number | undefined;
  authenticationMethod?: string | undefined;
  authenticationData?: Uint8Array | undefined;
  requestProblemInformation?: boolean | undefined;
  willDelaySeconds?: number | undefined;
  requestResponseInformation?: boolean | undefined;
  responseInformation?: string | undefined;
  serverReference?: string | undefined;
  reasonString?: string | undefined;
  receiveMaximum?: number | undefined;
  topicAliasMaximum?: number | undefined;
  topicAlias?: number | undefined;
  maximumQoS?: 0 | 1 | undefined;
  retainAvailable?: boolean | undefined;
  userProperties?: UserProperties | undefined;
  maximumPacketSize?: number | undefined;
  wildcardSubscriptionAvailable?: boolean | undefined;
  subscriptionIdentifierAvailable?: boolean | undefined;
  sharedSubscriptionAvailable?: boolean | undefined;
}

/** Where properties stand; sets are joined with `|`. */
export const WHERE = {
  connect: 1,
  will: 1 << 1,
  connack: 1 << 2,
  publishByClient: 1 << 3,
  publishByServer: 1 << 4,
  ack: 1 << 5, // PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK
  subscribe: 1 << 6,
  unsubscribe: 1 << 7,
  disconnectByClient: 1 << 8,
  disconnectByServer: 1 << 9,
  auth: 1 << 10,
} as const;

type NamesOf<Value> = {
  [Name in keyof PropertyBag]-?: [NonNullable<PropertyBag[Name]>, Value] extends [Value, NonNullable<PropertyBag[Name]>] ? Name : never;
}[keyof PropertyBag];

interface NonZero {
  readonly reasonCode: number;
  readonly clause: string;
}

export type Property = { readonly id: number; readonly where: number } & (
  | { readonly kind: 'flag'; readonly name: NamesOf<boolean> }
  | { readonly kind: 'u16' | 'u32'; readonly name: NamesOf<number>; readonly nonZero?: NonZero }
  | { readonly kind: 'text'; readonly name: NamesOf<string> }
  | { readonly kind: 'binary'; readonly name: NamesOf<Uint8Array> }
  | { readonly kind: 'qos'; readonly name: 'maximumQoS' }
  | { readonly kind: 'identifiers'; readonly name: 'subscriptionIdentifiers' }
  | { readonly kind: 'pairs'; readonly name: 'userProperties' }
);

const MESSAGE = WHERE.publishByClient | WHERE.publishByServer | WHERE.will;
const DISCONNECT = WHERE.disconnectByClient | WHERE.disconnectByServer;
const AUTHENTICATION = WHERE.connect | WHERE.connack | WHERE.auth;
const EVERYWHERE = (WHERE.auth << 1) - 1;
const protocolError = (clause: string): NonZero => ({ reasonCode: REASON.protocolError, clause });

/** MQTT 5 table 2-4, in the order we write them: that of Mosquitto, because suites compare the bytes of its CONNACK and PUBLISH. */
export const PROPERTIES: readonly Property[] = [
  { id: 19, kind: 'u16', name: 'serverKeepAliveSeconds', where: WHERE.connack },
  { id: 34, kind: 'u16', name: 'topicAliasMaximum', where: WHERE.connect | WHERE.connack },
  { id: 18, kind: 'text', name: 'assignedClientIdentifier', where: WHERE.connack },
  { id: 21, kind: 'text', name: 'authenticationMethod', where: AUTHENTICATION },
  { id: 22, kind: 'binary', name: 'authenticationData', where: AUTHENTICATION },
  { id: 17, kind: 'u32', name: 'sessionExpirySeconds', where: WHERE.connect | WHERE.connack | WHERE.disconnectByClient }, // MQTT-3.14.2-2
  { id: 26, kind: 'text', name: 'responseInformation', where: WHERE.connack },
  { id: 28, kind: 'text', name: 'serverReference', where: WHERE.connack | WHERE.disconnectByServer },
  { id: 37, kind: 'flag', name: 'retainAvailable', where: WHERE.connack },
  { id: 39, kind: 'u32', name: 'maximumPacketSize', where: WHERE.connect | WHERE.connack, nonZero: protocolError('MQTT 5 §3.1.2.11.4') },
  { id: 33, kind: 'u16', name: 'receiveMaximum', where: WHERE.connect | WHERE.connack, nonZero: protocolError('MQTT 5 §3.1.2.11.3') },
  { id: 36, kind: 'qos', name: 'maximumQoS', where: WHERE.connack },
  { id: 40, kind: 'flag', name: 'wildcardSubscriptionAvailable', where: WHERE.connack },
  { id: 41, kind: 'flag', name: 'subscriptionIdentifierAvailable', where: WHERE.connack },
  { id: 42, kind: 'flag', name: 'sharedSubscriptionAvailable', where: WHERE.connack },
  { id: 31, kind: 'text', name: 'reasonString', where: WHERE.connack | WHERE.ack | DISCONNECT | WHERE.auth },
  { id: 1, kind: 'flag', name: 'isUtf8', where: MESSAGE },
  { id: 3, kind: 'text', name: 'contentType', where: MESSAGE },
  { id: 8, kind: 'text', name: 'responseTopic', where: MESSAGE },
  { id: 9, kind: 'binary', name: 'correlationData', where: MESSAGE },
  { id: 38, kind: 'pairs', name: 'userProperties', where: EVERYWHERE },
  { id: 2, kind: 'u32', name: 'messageExpirySeconds', where: MESSAGE },
  {
    id: 35,
    kind: 'u16',
    name: 'topicAlias',
    where: WHERE.publishByClient | WHERE.publishByServer,
    nonZero: { reasonCode: REASON.topicAliasInvalid, clause: 'MQTT-3.3.2-8' },
  },
  { id: 11, kind: 'identifiers', name: 'subscriptionIdentifiers', where: WHERE.publishByServer | WHERE.subscribe },
  { id: 23, kind: 'flag', name: 'requestProblemInformation', where: WHERE.connect },
  { id: 24, kind: 'u32', name: 'willDelaySeconds', where: WHERE.will },
  { id: 25, kind: 'flag', name: 'requestResponseInformation', where: WHERE.connect },
];

const BY_ID: readonly (Property | undefined)[] = Array.from({ length: 43 }, (_, id) => PROPERTIES.find((property) => property.id === id));

/** §2.2.2.2 calls a misplaced property malformed; for CONNECT and PUBLISH Mosquitto says protocol error, and suites compare with it. */
const MISUSE_IS_PROTOCOL_ERROR = WHERE.connect | WHERE.will | WHERE.publishByClient | WHERE.publishByServer;
const TABLE = 'MQTT 5 §2.2.2.2';

/** A bag while it is filled. */
interface GrowingBag extends PropertyBag {
  subscriptionIdentifiers?: number[];
  userProperties?: (readonly [name: string, value: string])[];
}

/**
 * Reads Property Length and properties; undefined when there are none.
 *
 * @param where - one of WHERE.
 * @throws MqttCodecError - 0x81 unknown, truncated or ill-formed; 0x82 (or 0x81) misplaced, repeated or out of range; 0x94 for a Topic Alias of 0.
 */
export function readProperties(reader: FieldReader, where: number): PropertyBag | undefined {
  const length = reader.varint();
  if (length === 0) return undefined;
  if (length > reader.remaining) reader.fail(TABLE, 'Property Length beyond the end of the packet');
  const packetEnd = reader.end;
  reader.end = reader.at + length;
  const bag: GrowingBag = {};
  while (reader.remaining > 0) readProperty(reader, where, bag);
  reader.end = packetEnd;
  if (bag.authenticationData !== undefined && bag.authenticationMethod === undefined) violates('MQTT 5 §3.1.2.11.10', 'Authentication Data without a method');
  return bag;
}

/** The part of a PUBLISH's or Will's properties that belongs to the message; undefined when it is empty. */
export function messageProperties(bag: PropertyBag | undefined): MessageProperties | undefined {
  if (bag === undefined) return undefined;
  const properties: { -readonly [Name in keyof MessageProperties]: MessageProperties[Name] } = {};
  if (bag.isUtf8 !== undefined) properties.isUtf8 = bag.isUtf8;
  if (bag.contentType !== undefined) properties.contentType = bag.contentType;
  if (bag.responseTopic !== undefined) properties.responseTopic = bag.responseTopic;
  if (bag.correlationData !== undefined) properties.correlationData = bag.correlationData;
  if (bag.userProperties !== undefined) properties.userProperties = bag.userProperties;
  return Object.keys(properties).length === 0 ? undefined : properties;
}

function readProperty(reader: FieldReader, where: number, bag: GrowingBag): void {
  const id = reader.varint();
  const property = BY_ID[id];
  if (property === undefined) reader.fail(TABLE, `unknown property ${id}`);
  if ((property.where & where) === 0) {
    readValue(reader, property, {}); // when its value is cut off, that is what the peer is told
    throw new MqttCodecError(misuseReason(where), TABLE, `property ${property.name} does not belong here`);
  }
  if (bag[property.name] !== undefined && !isRepeatable(property, where)) violates(TABLE, `property ${property.name} repeated`);
  readValue(reader, property, bag);
  requireMeaning(property, where, bag);
}

function isRepeatable({ kind }: Property, where: number): boolean {
  return kind === 'pairs' || (kind === 'identifiers' && where === WHERE.publishByServer);
}

function misuseReason(where: number): number {
  return (where & MISUSE_IS_PROTOCOL_ERROR) === 0 ? REASON.malformedPacket : REASON.protocolError;
}

function readValue(reader: FieldReader, property: Property, bag: GrowingBag): void {
  switch (property.kind) {
    case 'flag':
      bag[property.name] = readBit(reader, property.name) === 1;
      break;
    case 'qos':
      bag[property.name] = readBit(reader, property.name);
      break;
    case 'u16':
      bag[property.name] = reader.u16();
      break;
    case 'u32':
      bag[property.name] = reader.u32();
      break;
    case 'text':
      bag[property.name] = reader.text();
      break;
    case 'binary':
      bag[property.name] = reader.binary();
      break;
    case 'identifiers':
      bag[property.name] = append(bag[property.name], reader.varint());
      break;
    case 'pairs':
      bag[property.name] = append(bag[property.name], [reader.text(), reader.text()]);
      break;
  }
}

function append<Item>(list: Item[] | undefined, item: Item): Item[] {
  if (list === undefined) return [item];
  list.push(item);
  return list;
}

function readBit(reader: FieldReader, name: string): 0 | 1 {
  const value = reader.u8();
  if (value !== 0 && value !== 1) violates('MQTT 5 §2.2.2.2', `${name} is neither 0 nor 1`);
  return value;
}

/** Values that have the right type and are forbidden all the same. */
function requireMeaning(property: Property, where: number, bag: GrowingBag): void {
  if ('nonZero' in property && bag[property.name] === 0)
    throw new MqttCodecError(property.nonZero.reasonCode, property.nonZero.clause, `${property.name} is 0`);
  if (property.kind === 'identifiers' && bag.subscriptionIdentifiers?.at(-1) === 0) {
    throw new MqttCodecError(misuseReason(where), 'MQTT 5 §3.8.2.1.2', 'Subscription Identifier 0');
  }
  if (property.name !== 'responseTopic') return;
  if (bag.responseTopic === '' || /[+#]/.test(bag.responseTopic ?? '')) violates('MQTT-3.3.2-14', 'Response Topic is empty or has a wildcard');
}

function violates(clause: string, message: string): never {
  throw new MqttCodecError(REASON.protocolError, clause, message);
}
