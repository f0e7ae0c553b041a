import { connect, ErrorWithReasonCode, type IClientOptions, type IClientPublishOptions, type MqttClient, UniqueMessageIdProvider } from 'mqtt';
import { HOST } from './network.ts';

/** A stored session; long enough for any run. */
const SESSION_EXPIRY_SECONDS = 86_400;
const RECONNECT_MS = 40;
const CONNECT_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_SECONDS = 5;

export interface PersistentOptions extends IClientOptions {
  /** Told when the broker does not know the session any more. */
  readonly complain?: (what: string) => void;
}

/** An MQTT 5 client that comes back after every loss, to the session it had, without subscribing again. Its packet ids come round as soon as they can. */
export function persistentClient(port: number, clientId: string, { complain, ...options }: PersistentOptions = {}): MqttClient {
  const client = connect({
    host: HOST,
    port,
    clientId,
    protocolVersion: 5,
    clean: false,
    properties: { sessionExpiryInterval: SESSION_EXPIRY_SECONDS },
    resubscribe: false,
    reconnectPeriod: RECONNECT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    keepalive: KEEP_ALIVE_SECONDS,
    messageIdProvider: new UniqueMessageIdProvider(),
    ...options,
  });
  let wasConnected = false;
  client.on('connect', ({ sessionPresent }) => {
    if (wasConnected && !sessionPresent) complain?.(`session of ${clientId} forgotten`);
    wasConnected = true;
  });
  client.on('error', () => undefined); // it dials again
  return client;
}

/** What is published, and how. */
export interface Publication extends IClientPublishOptions {
  readonly topic: string;
  readonly payload: string;
}

/** PUBCOMP for a PUBREL that was sent again: the broker has completed the exchange before, and MQTT.js calls that an error (MQTT 5 §3.7.2.1). */
const PACKET_IDENTIFIER_NOT_FOUND = 0x92;

/** @returns whether the broker took responsibility; false when the client was ended before. */
export function published(client: MqttClient, { topic, payload, ...options }: Publication): Promise<boolean> {
  return new Promise((resolve) => {
    client.publish(topic, payload, options, (error) => {
      resolve(!error || (error instanceof ErrorWithReasonCode && error.code === PACKET_IDENTIFIER_NOT_FOUND));
    });
  });
}

/** An MQTT 5 client without a past or a future. */
export function passingClient(port: number): MqttClient {
  return connect({ host: HOST, port, protocolVersion: 5, clean: true, connectTimeout: CONNECT_TIMEOUT_MS, reconnectPeriod: RECONNECT_MS });
}
