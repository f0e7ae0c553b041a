// The packets off the hot path: SUBSCRIBE to AUTH (MQTT 5 §3.8 to §3.15).
import type { QoS } from '../model/message.ts';
import type { TopicFilter } from '../model/topic.ts';
import { AUTH_REASONS, DISCONNECT_REASONS, requireListed, SUBACK_REASONS, SUBACK_RETURN_CODES, UNSUBACK_REASONS } from './decode-codes.ts';
import type { FieldReader } from './decode-fields.ts';
import {
  type AuthPacket,
  type DisconnectPacket,
  MqttCodecError,
  REASON,
  type SubackPacket,
  type SubscribePacket,
  type SubscribeProperties,
  type SubscriptionRequest,
  type UnsubackPacket,
  type UnsubscribePacket,
} from './packets.ts';
import { readProperties, WHERE } from './properties.ts';

const NO_LOCAL = 0x04;
const RETAIN_AS_PUBLISHED = 0x08;
/** `$share/`, a share name without wildcards, `/`, a filter (MQTT 5 §4.8.2). */
const SHARED = /^\$share\/[^/+#]+\/./;

export function decodeSubscribe(reader: FieldReader): SubscribePacket {
  const packetId = reader.packetId(REASON.malformedPacket);
  const bag = reader.version === 5 ? readProperties(reader, WHERE.subscribe) : undefined;
  const properties: SubscribeProperties | undefined = bag && { subscriptionIdentifier: bag.subscriptionIdentifiers?.[0], userProperties: bag.userProperties };
  const subscriptions: SubscriptionRequest[] = [];
  while (reader.remaining > 0) subscriptions.push(decodeSubscription(reader));
  if (subscriptions.length === 0) reader.fail('MQTT-3.8.3-2', 'SUBSCRIBE without a Topic Filter');
  return { type: 'subscribe', packetId, subscriptions, properties };
}

function decodeSubscription(reader: FieldReader): SubscriptionRequest {
  const filter = reader.topicFilter();
  const options = reader.u8();
  if (options > (reader.version === 5 ? 0x3f : 2)) reader.fail('MQTT-3.8.3-5', 'reserved bits of the Subscription Options are set');
  const qosMax = options & 3;
  if (qosMax === 3) reader.fail('MQTT 5 §3.8.3.1', 'Maximum QoS 3');
  const retainHandling = options >> 4;
  if (retainHandling === 3) reader.fail('MQTT 5 §3.8.3.1', 'Retain Handling 3');
  const noLocal = (options & NO_LOCAL) !== 0;
  if (reader.version === 5 && filter.startsWith('$share/')) requireShared(filter, noLocal);
  return { filter, qosMax: qosMax as QoS, noLocal, retainAsPublished: (options & RETAIN_AS_PUBLISHED) !== 0, retainHandling: retainHandling as 0 | 1 | 2 };
}

function requireShared(filter: TopicFilter, noLocal: boolean): void {
  if (!SHARED.test(filter)) throw new MqttCodecError(REASON.protocolError, 'MQTT-4.8.2-1, MQTT-4.8.2-2', 'a shared subscription lacks its name or filter');
  if (noLocal) throw new MqttCodecError(REASON.protocolError, 'MQTT-3.8.3-4', 'No Local on a shared subscription');
}

export function decodeUnsubscribe(reader: FieldReader): UnsubscribePacket {
  const packetId = reader.packetId(REASON.malformedPacket);
  const properties = reader.version === 5 ? readProperties(reader, WHERE.unsubscribe) : undefined;
  const filters: TopicFilter[] = [];
  while (reader.remaining > 0) filters.push(reader.topicFilter());
  if (filters.length === 0) reader.fail('MQTT-3.10.3-2', 'UNSUBSCRIBE without a Topic Filter');
  return { type: 'unsubscribe', packetId, filters, properties };
}

export function decodeSuback(reader: FieldReader): SubackPacket {
  const packetId = reader.packetId(REASON.protocolError);
  const properties = reader.version === 5 ? readProperties(reader, WHERE.ack) : undefined;
  const reasonCodes = readReasonCodes(reader, reader.version === 5 ? SUBACK_REASONS : SUBACK_RETURN_CODES, 'MQTT-3.9.3-2');
  return { type: 'suback', packetId, reasonCodes, properties };
}

export function decodeUnsuback(reader: FieldReader): UnsubackPacket {
  const packetId = reader.packetId(REASON.protocolError);
  if (reader.version !== 5) {
    reader.requireEnd();
    return { type: 'unsuback', packetId, reasonCodes: [], properties: undefined };
  }
  const properties = readProperties(reader, WHERE.ack);
  return { type: 'unsuback', packetId, reasonCodes: readReasonCodes(reader, UNSUBACK_REASONS, 'MQTT-3.11.3-2'), properties };
}

/** The reason codes that fill the rest of the packet, at least one. */
function readReasonCodes(reader: FieldReader, list: readonly number[], clause: string): number[] {
  const reasonCodes: number[] = [];
  do {
    const reasonCode = reader.u8();
    requireListed(list, reasonCode, clause);
    reasonCodes.push(reasonCode);
  } while (reader.remaining > 0);
  return reasonCodes;
}

export function decodeDisconnect(reader: FieldReader, role: 'server' | 'client'): DisconnectPacket {
  if (reader.version !== 5) reader.requireEnd();
  if (reader.remaining === 0) return { type: 'disconnect', reasonCode: REASON.success, properties: undefined };
  const reasonCode = reader.u8();
  requireListed(DISCONNECT_REASONS, reasonCode, 'MQTT-3.14.2-1');
  const properties = reader.remaining === 0 ? undefined : readProperties(reader, role === 'server' ? WHERE.disconnectByClient : WHERE.disconnectByServer);
  reader.requireEnd();
  return { type: 'disconnect', reasonCode, properties };
}

export function decodeAuth(reader: FieldReader): AuthPacket {
  if (reader.remaining === 0) return { type: 'auth', reasonCode: REASON.success, properties: undefined };
  const reasonCode = reader.u8();
  requireListed(AUTH_REASONS, reasonCode, 'MQTT-3.15.2-1');
  const properties = reader.remaining === 0 ? undefined : readProperties(reader, WHERE.auth);
  reader.requireEnd();
  return { type: 'auth', reasonCode, properties };
}
