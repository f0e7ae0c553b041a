// The CONNECT conversation: what the packet asks for in the core's terms, and what CONNACK says to it (MQTT 5 §3.1, §3.2).
import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { ConnectRequest, GatewayContext, PausableReading, Will } from '../gateway/gateway.ts';
import { ProtocolViolationError } from '../model/errors.ts';
import { CLIENT_ID_BYTES_MAX } from '../model/limits.ts';
import { topicName } from '../model/topic.ts';
import type { Link } from '../transport/transport.ts';
import {
  type ConnackProperties,
  type ConnectPacket,
  type DisconnectPacket,
  MqttCodecError,
  type ProtocolVersion,
  REASON,
  type WillMessage,
} from './packets.ts';
import type { MqttSettings } from './settings.ts';

/** A client that sends no packet for one and a half times its keep-alive is gone (MQTT-3.1.2-22; MQTT-3.1.2-24 of 3.1.1): ms for each second of it. */
export const KEEP_ALIVE_GRACE_MS = 1_500;
const NEVER_EXPIRES = 0xffff_ffff; // MQTT 5 §3.1.2.11.2
/** In `responseInformation`. */
const CLIENT_ID_PLACE = /\$\{clientid\}/g;
const RECEIVE_MAXIMUM_DEFAULT = 65_535; // MQTT 5 §3.1.2.11.3

/** What a connection agreed on with its client. */
export interface Terms {
  readonly version: ProtocolVersion;
  readonly isBridge: boolean;
  readonly clientId: string;
  readonly isIdAssigned: boolean;
  /** 0: none. */
  readonly keepAliveSeconds: number;
  readonly isKeepAliveOurs: boolean;
  /** `Infinity`: never. */
  readonly sessionExpirySeconds: number;
  readonly sessionExpiryAsked: number;
  /** Deliveries the client takes unsettled. */
  readonly inflightMax: number;
  /** Largest packet the client takes; `Infinity`: any (MQTT-3.1.2-24). */
  readonly packetBytesMax: number;
  /** Topic aliases to be used towards the client (MQTT-3.1.2-26, MQTT-3.1.2-27). */
  readonly topicAliasMax: number;
  /** Request Problem Information (MQTT-3.1.2-29). */
  readonly wantsProblemInformation: boolean;
  /** Request Response Information (MQTT-3.1.2-28). */
  readonly wantsResponseInformation: boolean;
  /** Undefined: none, and no AUTH either (MQTT-4.12.0-6). */
  readonly authenticationMethod: string | undefined;
}

/**
 * @throws MqttCodecError - with the code CONNACK carries.
 */
export function termsOf(packet: ConnectPacket, settings: MqttSettings): Terms {
  const { version, properties = {}, clientId } = packet;
  requireVersion(packet, settings);
  requireClientId(clientId);
  if (packet.will !== undefined) requireWill(packet.will, settings);
  const asked = version === 5 ? expiryOf(properties.sessionExpirySeconds ?? 0) : packet.cleanStart ? 0 : Number.POSITIVE_INFINITY;
  const max = settings.keepAliveMaxSeconds;
  const isKeepAliveOurs = version === 5 && max > 0 && (packet.keepAliveSeconds === 0 || packet.keepAliveSeconds > max);
  return {
    version,
    isBridge: packet.isBridge,
    clientId: clientId === '' ? `auto-${randomUUID()}` : clientId, // MQTT-3.1.3-6
    isIdAssigned: clientId === '',
    keepAliveSeconds: isKeepAliveOurs ? max : packet.keepAliveSeconds,
    isKeepAliveOurs,
    sessionExpirySeconds: Math.min(asked, settings.sessionExpiryMaxSeconds),
    sessionExpiryAsked: asked,
    inflightMax: Math.min(properties.receiveMaximum ?? RECEIVE_MAXIMUM_DEFAULT, settings.inflightMax),
    packetBytesMax: properties.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    topicAliasMax: Math.min(properties.topicAliasMaximum ?? 0, settings.topicAliasOutMax),
    wantsProblemInformation: properties.requestProblemInformation ?? true,
    wantsResponseInformation: properties.requestResponseInformation ?? false,
    authenticationMethod: properties.authenticationMethod,
  };
}

function expiryOf(seconds: number): number {
  return seconds === NEVER_EXPIRES ? Number.POSITIVE_INFINITY : seconds;
}

export function connectRequest(
  packet: ConnectPacket,
  terms: Terms,
  link: Link,
  { context, settings, reading }: { readonly context: GatewayContext; readonly settings: MqttSettings; readonly reading: PausableReading },
): ConnectRequest {
  const { authenticationMethod: method } = terms;
  return {
    credentials: {
      clientId: terms.clientId,
      username: packet.username,
      password: packet.password,
      certificateSubject: link.certificateSubject,
      certificateCommonName: link.certificateCommonName,
      certificateIdentity: link.certificateIdentity,
      pskIdentity: link.pskIdentity,
      serverName: link.serverName,
      isProxied: link.isProxied,
      peer: link.peer,
      peerHost: link.peerHost,
      listener: link.listener,
      protocol: `mqtt ${terms.version === 5 ? '5.0' : terms.version === 4 ? '3.1.1' : '3.1'}`,
    },
    mountPoint: settings.mountPoint === '' ? undefined : settings.mountPoint,
    keepAliveSeconds: terms.keepAliveSeconds,
    cleanStart: packet.cleanStart,
    sessionExpirySeconds: terms.sessionExpirySeconds,
    inflightMax: terms.inflightMax,
    queueQos0: false,
    reading: terms.version === 5 ? undefined : reading,
    isReliableLink: true,
    will: packet.will === undefined ? undefined : willOf(packet.will, context),
    authentication: method === undefined ? undefined : { method, data: packet.properties?.authenticationData },
  };
}

/** What CONNACK announces where it differs from the specification's defaults (MQTT 5 §3.2.2.3). */
export function connackProperties(terms: Terms, settings: MqttSettings): ConnackProperties | undefined {
  if (terms.version !== 5) return undefined;
  const { sessionExpirySeconds, sessionExpiryAsked } = terms;
  return {
    topicAliasMaximum: settings.topicAliasMax,
    maximumPacketSize: settings.packetBytesMax,
    receiveMaximum: settings.receiveMax,
    sessionExpirySeconds: sessionExpirySeconds === sessionExpiryAsked ? undefined : sessionExpirySeconds,
    assignedClientIdentifier: terms.isIdAssigned ? terms.clientId : undefined,
    serverKeepAliveSeconds: terms.isKeepAliveOurs ? terms.keepAliveSeconds : undefined,
    maximumQoS: settings.maximumQos === 2 ? undefined : settings.maximumQos, // MQTT-3.2.2-9
    retainAvailable: settings.retainAvailable ? undefined : false,
    wildcardSubscriptionAvailable: settings.wildcardSubscriptionAvailable ? undefined : false,
    subscriptionIdentifierAvailable: settings.subscriptionIdentifiersAvailable ? undefined : false,
    sharedSubscriptionAvailable: settings.sharedSubscriptionAvailable ? undefined : false,
    responseInformation: terms.wantsResponseInformation ? settings.responseInformation?.replaceAll(CLIENT_ID_PLACE, () => terms.clientId) : undefined,
  };
}

function requireVersion({ version, isBridge }: ConnectPacket, { versions, allowBridgeBit }: MqttSettings): void {
  if (!versions.includes(version)) throw new MqttCodecError(REASON.unsupportedProtocolVersion, 'MQTT-3.1.2-2', `version ${version} is not spoken here`);
  if (isBridge && !allowBridgeBit) throw new MqttCodecError(REASON.unsupportedProtocolVersion, 'MQTT-3.1.2-2', 'bridge bit is not accepted here');
}

function requireWill({ qos, isRetain, payload, properties }: WillMessage, settings: MqttSettings): void {
  if (qos > settings.maximumQos) throw new MqttCodecError(REASON.qosNotSupported, 'MQTT-3.2.2-12', `a will of QoS ${qos}`);
  if (isRetain && !settings.retainAvailable) throw new MqttCodecError(REASON.retainNotSupported, 'MQTT-3.2.2-13', 'a will that is retained');
  if (settings.payloadFormatCheck && properties?.isUtf8 === true && !isUtf8(payload)) {
    throw new MqttCodecError(REASON.payloadFormatInvalid, 'MQTT 5 §3.1.3.2.3', 'the will is not the UTF-8 it says it is');
  }
}

/** Which versions may leave it empty the codec knows. */
function requireClientId(clientId: string): void {
  if (Buffer.byteLength(clientId) <= CLIENT_ID_BYTES_MAX) return;
  throw new MqttCodecError(REASON.clientIdentifierNotValid, 'MQTT-3.1.3-8', `client identifier above ${CLIENT_ID_BYTES_MAX} bytes`);
}

function willOf(will: WillMessage, { topics }: GatewayContext): Will {
  const { topic, payload, qos, isRetain, properties, expirySeconds } = will;
  return { draft: { topic: topics.intern(topicName(topic)), payload, qos, isRetain, properties, expirySeconds }, delaySeconds: will.delaySeconds ?? 0 };
}

/**
 * What DISCONNECT makes of the session's expiry; undefined: it stays as it is.
 *
 * @throws ProtocolViolationError - a session CONNECT did not want (MQTT 5 §3.14.2.2.2).
 */
export function expiryAtDisconnect(
  { properties }: DisconnectPacket,
  terms: Pick<Terms, 'sessionExpiryAsked'> | undefined,
  { sessionExpiryMaxSeconds }: MqttSettings,
): number | undefined {
  const asked = properties?.sessionExpirySeconds;
  if (asked === undefined) return undefined;
  if (asked > 0 && terms?.sessionExpiryAsked === 0) {
    throw new ProtocolViolationError('MQTT 5 §3.14.2.2.2', 'DISCONNECT asks for a session CONNECT did not want');
  }
  return Math.min(expiryOf(asked), sessionExpiryMaxSeconds);
}
