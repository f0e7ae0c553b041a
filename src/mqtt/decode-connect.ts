// CONNECT and CONNACK (MQTT 5 §3.1, §3.2; 3.1.1 and 3.1 alike where they differ).
import type { QoS } from '../model/message.ts';
import { CONNACK_REASONS, CONNACK_RETURN_CODE_MAX, requireListed } from './decode-codes.ts';
import { type Blame, type FieldReader, MALFORMED } from './decode-fields.ts';
import { type ConnackPacket, type ConnectPacket, MqttCodecError, type ProtocolVersion, REASON, type WillMessage } from './packets.ts';
import { messageProperties, readProperties, WHERE } from './properties.ts';

const CLEAN_START = 0x02;
const WILL = 0x04;
const WILL_RETAIN = 0x20;
const PASSWORD = 0x40;
const USERNAME = 0x80;
const BRIDGE = 0x80;

/** Protocol Name in the bytes it has on the wire, with the version bytes that may follow it. */
const PROTOCOLS: readonly { readonly name: Buffer; readonly versions: Readonly<Record<number, ProtocolVersion>> }[] = [
  { name: Buffer.from('\0\x04MQTT'), versions: { 4: 4, [4 | BRIDGE]: 4, 5: 5 } },
  { name: Buffer.from('\0\x06MQIsdp'), versions: { 3: 3, [3 | BRIDGE]: 3 } },
];

const CREDENTIALS: Blame = { reasonCode: REASON.malformedPacket, closesSilently: true };
const IDENTIFIER: Blame = { reasonCode: REASON.clientIdentifierNotValid, closesSilently: false };

/** Sets `reader.version` as soon as it is known: a 5.0 client is told what else is wrong. */
export function decodeConnect(reader: FieldReader, fixedHeaderFlags: number): ConnectPacket {
  const { version, isBridge } = readProtocol(reader);
  reader.version = version;
  if (fixedHeaderFlags !== 0 && version !== 3) reader.fail('MQTT-2.1.3-1', 'reserved flags of CONNECT are set');
  const flags = reader.u8();
  requireFlags(reader, flags, version);
  const keepAliveSeconds = reader.u16();
  const properties = version === 5 ? readProperties(reader, WHERE.connect) : undefined;
  const cleanStart = (flags & CLEAN_START) !== 0;
  const clientId = readClientId(reader, cleanStart, version);
  const will = (flags & WILL) === 0 ? undefined : readWill(reader, flags, version);
  reader.blame = CREDENTIALS;
  const username = isMissing(reader, flags & USERNAME) ? undefined : reader.text();
  const password = isMissing(reader, flags & PASSWORD) ? undefined : reader.binary();
  reader.blame = MALFORMED;
  reader.requireEnd();
  return { type: 'connect', version, isBridge, clientId, cleanStart, keepAliveSeconds, will, username, password, properties };
}

/** Protocol Name and version byte. */
function readProtocol(reader: FieldReader): Pick<ConnectPacket, 'version' | 'isBridge'> {
  const start = reader.at;
  const end = start + 2 + reader.u16();
  const protocol = PROTOCOLS.find(({ name }) => end <= reader.end && reader.bytes.compare(name, 0, name.length, start, end) === 0);
  if (protocol === undefined) {
    throw new MqttCodecError(REASON.unsupportedProtocolVersion, 'MQTT-3.1.2-1', 'the Protocol Name is not MQTT', { closesSilently: true });
  }
  reader.at = end;
  const byte = reader.u8();
  const version = protocol.versions[byte];
  if (version === undefined) throw new MqttCodecError(REASON.unsupportedProtocolVersion, 'MQTT-3.1.2-2', `protocol version ${byte} is not spoken here`);
  return { version, isBridge: (byte & BRIDGE) !== 0 };
}

function requireFlags(reader: FieldReader, flags: number, version: ProtocolVersion): void {
  const willQoS = (flags >> 3) & 3;
  if ((flags & 1) !== 0 && version !== 3) reader.fail('MQTT-3.1.2-3', 'reserved Connect Flag is set');
  if (willQoS === 3) reader.fail('MQTT-3.1.2-12', 'Will QoS 3');
  if ((flags & WILL) === 0 && version !== 3) {
    if (willQoS !== 0) reader.fail('MQTT-3.1.2-11', 'Will QoS without a Will');
    if ((flags & WILL_RETAIN) !== 0) reader.fail('MQTT-3.1.2-13', 'Will Retain without a Will');
  }
  if ((flags & PASSWORD) !== 0 && (flags & USERNAME) === 0 && version !== 5) reader.fail('MQTT-3.1.2-22 of 3.1.1', 'a password without a user name');
}

function readClientId(reader: FieldReader, cleanStart: boolean, version: ProtocolVersion): string {
  if (version === 5) reader.blame = IDENTIFIER;
  const clientId = reader.text();
  reader.blame = MALFORMED;
  const mayBeEmpty = version === 5 || (version === 4 && cleanStart);
  if (clientId === '' && !mayBeEmpty)
    throw new MqttCodecError(IDENTIFIER.reasonCode, 'MQTT-3.1.3-8 of 3.1.1', 'no client identifier for a session that is kept');
  return clientId;
}

function readWill(reader: FieldReader, flags: number, version: ProtocolVersion): WillMessage {
  const bag = version === 5 ? readProperties(reader, WHERE.will) : undefined;
  const topic = reader.topicName();
  return {
    topic,
    payload: reader.binary(),
    qos: ((flags >> 3) & 3) as QoS,
    isRetain: (flags & WILL_RETAIN) !== 0,
    properties: messageProperties(bag),
    expirySeconds: bag?.messageExpirySeconds,
    delaySeconds: bag?.willDelaySeconds,
  };
}

/** A field whose flag is clear; clients of 3.1 also leave out what they flagged. */
function isMissing(reader: FieldReader, flag: number): boolean {
  return flag === 0 || (reader.version === 3 && reader.remaining === 0);
}

export function decodeConnack(reader: FieldReader): ConnackPacket {
  const flags = reader.u8();
  const reasonCode = reader.u8();
  const isSessionPresent = reader.version !== 3 && (flags & 1) !== 0;
  if (reader.version !== 3 && flags > 1) reader.fail('MQTT-3.2.2-1', 'reserved Connect Acknowledge Flags are set');
  if (reader.version === 5) requireListed(CONNACK_REASONS, reasonCode, 'MQTT-3.2.2-8');
  else if (reasonCode > CONNACK_RETURN_CODE_MAX) reader.fail('MQTT-3.2.2-6 of 3.1.1', `return code ${reasonCode}`);
  if (isSessionPresent && reasonCode !== 0) throw new MqttCodecError(REASON.protocolError, 'MQTT-3.2.2-6', 'a session is present where none was accepted');
  const properties = reader.version === 5 ? readProperties(reader, WHERE.connack) : undefined;
  reader.requireEnd();
  return { type: 'connack', isSessionPresent, reasonCode, properties };
}
