import * as limits from '../model/limits.ts';

/** What the configuration decides for the native MQTT gateway. */
export interface MqttSettings {
  /** From accepted link to a complete CONNECT. */
  readonly connectTimeoutMs: number;
  /** Longest keep-alive granted; 0: as the client asks. A client without keep-alive gets this one, if set. */
  readonly keepAliveMaxSeconds: number;
  /** Largest packet taken from a client. */
  readonly packetBytesMax: number;
  /** QoS 1 and 2 publishes a client may have unanswered (Receive Maximum). */
  readonly receiveMax: number;
  /** Topic aliases a client may use. */
  readonly topicAliasMax: number;
  /** Deliveries unsettled at once, whatever larger window the client offers. */
  readonly inflightMax: number;
  /** Longest session expiry granted; also that of 3.x sessions without Clean Session. `Infinity`: never. */
  readonly sessionExpiryMaxSeconds: number;
  /** Whether version bytes with the top bit set (3.1 and 3.1.1 bridges) are taken. */
  readonly allowBridgeBit: boolean;
}

export const DEFAULT_MQTT_SETTINGS: MqttSettings = {
  connectTimeoutMs: limits.CONNECT_TIMEOUT_MS,
  keepAliveMaxSeconds: 0,
  packetBytesMax: limits.PACKET_BYTES_MAX,
  receiveMax: limits.RECEIVE_MAX,
  topicAliasMax: limits.TOPIC_ALIAS_MAX,
  inflightMax: limits.INFLIGHT_MAX,
  sessionExpiryMaxSeconds: Number.POSITIVE_INFINITY,
  allowBridgeBit: true,
};
