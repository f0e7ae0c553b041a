import * as limits from '../model/limits.ts';
import type { QoS } from '../model/message.ts';
import type { ProtocolVersion } from './packets.ts';

/** What the configuration decides for one listener of the native MQTT gateway. */
export interface MqttSettings {
  /** Versions spoken; others are refused with 0x84, or return code 1. */
  readonly versions: readonly ProtocolVersion[];
  /** Put before every topic and filter of a client by the core; may hold `${clientid}` and `${username}`. `''`: none. */
  readonly mountPoint: string;
  /** Connections of this listener at once; one more is told 0x89 (return code 3) and closed. */
  readonly connectionsMax: number;
  /** From accepted link to a complete CONNECT and its CONNACK; also the time a re-authentication may take. */
  readonly connectTimeoutMs: number;
  /** Longest keep-alive granted; 0: as the client asks. A client without keep-alive gets this one, if set. */
  readonly keepAliveMaxSeconds: number;
  /** Largest packet taken from a client. */
  readonly packetBytesMax: number;
  /** QoS 1 and 2 publishes a client may have unanswered (Receive Maximum). */
  readonly receiveMax: number;
  /** Topic aliases a client may use. */
  readonly topicAliasMax: number;
  /** Topic aliases used towards a client, whatever larger number it allows. */
  readonly topicAliasOutMax: number;
  /** Deliveries unsettled at once, whatever larger window the client offers. */
  readonly inflightMax: number;
  /** Longest session expiry granted; also that of 3.x sessions without Clean Session. `Infinity`: never. */
  readonly sessionExpiryMaxSeconds: number;
  /** Whether version bytes with the top bit set (3.1 and 3.1.1 bridges) are taken. */
  readonly allowBridgeBit: boolean;
  /** Highest QoS a client may publish at, and is granted (MQTT 5 §3.2.2.3.4). */
  readonly maximumQos: QoS;
  /** Whether clients may publish retained messages (§3.2.2.3.5). */
  readonly retainAvailable: boolean;
  /** §3.2.2.3.11 */
  readonly wildcardSubscriptionAvailable: boolean;
  /** §3.2.2.3.12 */
  readonly subscriptionIdentifiersAvailable: boolean;
  /** §3.2.2.3.13 */
  readonly sharedSubscriptionAvailable: boolean;
  /** Whether a payload that calls itself UTF-8 must be UTF-8 (§3.3.2.3.2). */
  readonly payloadFormatCheck: boolean;
  /** Whether a 5.0 client is told in words what was wrong (Reason String). */
  readonly reasonStrings: boolean;
  /** What a client that asks for it should build its response topics on; may hold `${clientid}` (§3.1.2.11.6). */
  readonly responseInformation?: string | undefined;
  /** Where clients of a full or stopping gateway are sent, and those the core sends away without saying where (§4.11). */
  readonly serverReference?: string | undefined;
}

export const DEFAULT_MQTT_SETTINGS: MqttSettings = {
  versions: [3, 4, 5],
  mountPoint: '',
  connectionsMax: limits.CONNECTIONS_MAX,
  connectTimeoutMs: limits.CONNECT_TIMEOUT_MS,
  keepAliveMaxSeconds: 0,
  packetBytesMax: limits.PACKET_BYTES_MAX,
  receiveMax: limits.RECEIVE_MAX,
  topicAliasMax: limits.TOPIC_ALIAS_MAX,
  topicAliasOutMax: limits.TOPIC_ALIAS_OUT_MAX,
  inflightMax: limits.INFLIGHT_MAX,
  sessionExpiryMaxSeconds: Number.POSITIVE_INFINITY,
  allowBridgeBit: true,
  maximumQos: 2,
  retainAvailable: true,
  wildcardSubscriptionAvailable: true,
  subscriptionIdentifiersAvailable: true,
  sharedSubscriptionAvailable: true,
  payloadFormatCheck: false,
  reasonStrings: false,
};
