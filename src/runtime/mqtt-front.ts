// Makes the MQTT gateway of its part of the configuration: one transport per listener, and what is allowed on each.
import { resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import {
  type ConnectionSettings,
  type MqttListenerSettings,
  mqttListeners,
  type SecureWebSocketListener,
  type TlsListener,
  tlsPath,
  type WebSocketListener,
} from '../config/mqtt-listeners.ts';
import { formatPath } from '../config/paths.ts';
import { GatewayError } from '../model/errors.ts';
import { CONNECTIONS_TOLD_MAX } from '../model/limits.ts';
import { MqttGateway, type MqttListener } from '../mqtt/gateway.ts';
import type { ProtocolVersion } from '../mqtt/packets.ts';
import type { MqttSettings } from '../mqtt/settings.ts';
import type { ListenerOptions } from '../transport/acceptor.ts';
import { LinkBudget } from '../transport/link-budget.ts';
import { proxyOptions } from '../transport/proxied.ts';
import { TcpTransport } from '../transport/tcp.ts';
import type { StreamTransport } from '../transport/transport.ts';
import type { Front, FrontParts } from './fronts.ts';

/** Undefined when no listener of it is enabled. */
export async function mqttFront(mqtt: Config['mqtt'], parts: FrontParts): Promise<Front | undefined> {
  const whole = new LinkBudget(mqtt.connectionsMax + CONNECTIONS_TOLD_MAX);
  const listeners = await Promise.all(mqttListeners(mqtt).map((listener) => mqttListener(listener, whole, parts)));
  if (listeners.length === 0) return undefined;
  return { gateway: new MqttGateway(listeners), listeners: listeners.map(({ transport }) => transport) };
}

async function mqttListener(listener: MqttListenerSettings, whole: LinkBudget, parts: FrontParts): Promise<MqttListener> {
  const { connectionsMax } = listener;
  const budget = connectionsMax === undefined ? whole : new LinkBudget(connectionsMax + CONNECTIONS_TOLD_MAX, whole);
  const options = { ...parts, ...place(listener), budget };
  return { transport: await createTransport(listener, options), settings: settingsOf(listener.connection) };
}

/** What is needed for some types only is loaded on use: node:tls costs 3 MB, node:http another 4 MB. */
function createTransport(listener: MqttListenerSettings, options: ListenerOptions): StreamTransport | Promise<StreamTransport> {
  switch (listener.type) {
    case 'tcp':
    case 'unix':
      return new TcpTransport(options);
    case 'tls':
      return createTls(listener, options);
    case 'ws':
      return createWebSocket(listener, options);
    case 'wss':
      return createSecureWebSocket(listener, options);
  }
}

async function createTls(listener: TlsListener, options: ListenerOptions): Promise<StreamTransport> {
  const { TlsTransport } = await import('../transport/tls.ts');
  return new TlsTransport({ ...options, loadTls: await tlsLoader(listener) });
}

async function createWebSocket({ connection, webSocket }: WebSocketListener, options: ListenerOptions): Promise<StreamTransport> {
  const { WebSocketTransport } = await import('../transport/websocket.ts');
  return new WebSocketTransport({ ...options, policy: webSocket, payloadBytesMax: connection.packetBytesMax });
}

async function createSecureWebSocket(listener: SecureWebSocketListener, options: ListenerOptions): Promise<StreamTransport> {
  const { SecureWebSocketTransport } = await import('../transport/secure-websocket.ts');
  const { connection, webSocket } = listener;
  return new SecureWebSocketTransport({ ...options, policy: webSocket, payloadBytesMax: connection.packetBytesMax, loadTls: await tlsLoader(listener) });
}

/** Reads the certificates and keys of a listener; throws CONFIG_INVALID with one sentence when they cannot be used. */
export async function tlsLoader(listener: TlsListener | SecureWebSocketListener) {
  const { loadServerTls } = await import('../transport/tls-server-options.ts');
  return () => loadServerTls(formatPath(tlsPath(listener)), listener.tls);
}

function place({
  at,
  name,
  bind,
  path,
  mode,
  proxy,
}: MqttListenerSettings): Pick<ListenerOptions, 'name' | 'setting' | 'host' | 'port' | 'path' | 'mode' | 'proxy'> {
  const common = { name, setting: formatPath(at), proxy: proxyOptions(proxy.proxyProtocol, proxy.proxyTrusted) };
  if (path !== undefined) return { ...common, host: '', port: 0, path: resolve(path), mode };
  if (bind === undefined) throw new GatewayError('CONFIG_INVALID', `${common.setting} needs bind`);
  return { ...common, ...bind };
}

const VERSIONS: Readonly<Record<ConnectionSettings['versions'][number], ProtocolVersion>> = { '3.1': 3, '3.1.1': 4, '5.0': 5 };

function settingsOf({ versions, connectTimeoutSeconds, ...rest }: ConnectionSettings): MqttSettings {
  return { ...rest, versions: versions.map((version) => VERSIONS[version]), connectTimeoutMs: connectTimeoutSeconds * 1000 };
}
