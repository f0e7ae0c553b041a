// The MQTT listeners of a configuration in one form, wherever they were written: in a section of their own or in the list.
import type { Path } from './paths.ts';
import type { Settings } from './schema/schema.ts';
import type { Endpoint } from './schema/values.ts';

type Mqtt = Settings['mqtt'];
type Item = Mqtt['listeners'][number];

/** What holds for every connection of a listener. */
export type ConnectionSettings = Omit<Mqtt, 'tcp' | 'tls' | 'ws' | 'wss' | 'listeners'>;

interface Common {
  /** Its section of the configuration. */
  readonly at: Path;
  /** `mqtt.tcp`, or `mqtt.` and the name in the list. */
  readonly name: string;
  /** Every type but `unix` has one. */
  readonly bind: Endpoint | undefined;
  /** The Unix socket, and its permissions. */
  readonly path: string | undefined;
  readonly mode: number;
  readonly proxy: Pick<Item, 'proxyProtocol' | 'proxyTrusted'>;
  readonly connection: ConnectionSettings;
  /** A bound of its own; that of `mqtt` holds over all listeners together. */
  readonly connectionsMax: number | undefined;
}

interface PlainListener extends Common {
  readonly type: 'tcp' | 'unix';
}

export interface TlsListener extends Common {
  readonly type: 'tls';
  readonly tls: Item['tls'];
}

export interface WebSocketListener extends Common {
  readonly type: 'ws';
  readonly webSocket: Item['webSocket'];
}

export interface SecureWebSocketListener extends Common {
  readonly type: 'wss';
  readonly tls: Item['tls'];
  readonly webSocket: Item['webSocket'];
}

export type MqttListenerSettings = PlainListener | TlsListener | WebSocketListener | SecureWebSocketListener;

/** The section that holds the keys of its TLS. */
export function tlsPath({ at }: TlsListener | SecureWebSocketListener): Path {
  return at.includes('listeners') ? [...at, 'tls'] : at;
}

/** Those that are to be opened. */
export function mqttListeners(mqtt: Mqtt): readonly MqttListenerSettings[] {
  const { tcp, tls, ws, wss, listeners, ...connection } = mqtt;
  const short = (type: 'tcp' | 'tls' | 'ws' | 'wss'): Common => ({
    at: ['mqtt', type],
    name: `mqtt.${type}`,
    bind: mqtt[type].bind,
    path: undefined,
    mode: 0,
    proxy: mqtt[type],
    connection,
    connectionsMax: undefined,
  });
  return [
    ...(tcp.enabled ? [{ type: 'tcp', ...short('tcp') } as const] : []),
    ...(tls.enabled ? [{ type: 'tls', ...short('tls'), tls } as const] : []),
    ...(ws.enabled ? [{ type: 'ws', ...short('ws'), webSocket: ws } as const] : []),
    ...(wss.enabled ? [{ type: 'wss', ...short('wss'), tls: wss, webSocket: wss } as const] : []),
    ...listeners.map((item, index) => listed(item, index, connection)),
  ];
}

function listed(item: Item, index: number, shared: ConnectionSettings): MqttListenerSettings {
  const { name, type, bind, path, mode, proxyProtocol, proxyTrusted, tls, webSocket, ...own } = item;
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  const common: Common = {
    at: ['mqtt', 'listeners', index],
    name: `mqtt.${name}`,
    bind: type === 'unix' ? undefined : bind,
    path: type === 'unix' ? path : undefined,
    mode,
    proxy: { proxyProtocol, proxyTrusted },
    connection: { ...shared, ...given },
    connectionsMax: own.connectionsMax,
  };
  switch (type) {
    case 'tcp':
    case 'unix':
      return { type, ...common };
    case 'tls':
      return { type, ...common, tls };
    case 'ws':
      return { type, ...common, webSocket };
    case 'wss':
      return { type, ...common, tls, webSocket };
  }
}
