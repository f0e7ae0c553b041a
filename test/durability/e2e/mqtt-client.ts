import { connect, type IClientOptions, type MqttClient, UniqueMessageIdProvider } from 'mqtt';
import { HOST } from './network.ts';

/** A stored session; long enough for any run. */
const SESSION_EXPIRY_SECONDS = 86_400;
const RECONNECT_MS = 40;
const CONNECT_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_SECONDS = 5;

/** An MQTT 5 client that comes back after every loss, to the session it had, without subscribing again. Its packet ids come round as soon as they can. */
export function persistentClient(port: number, clientId: string, options: IClientOptions = {}): MqttClient {
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
  client.on('error', () => undefined); // it dials again
  return client;
}

/** An MQTT 5 client without a past or a future. */
export function passingClient(port: number, options: IClientOptions = {}): MqttClient {
  return persistentClient(port, '', { clean: true, properties: {}, reconnectPeriod: 0, ...options });
}
