// Makes the protocol gateways of their part of the configuration, with the transports they listen on.
import { readFileSync } from 'node:fs';
import { createMqttSnGateway } from '../../gateways/mqtt-sn/index.ts';
import type { Config } from '../config/config.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Clock } from '../model/clock.ts';
import { GatewayError } from '../model/errors.ts';
import type { Log } from '../model/log.ts';
import type { Metrics } from '../model/metrics.ts';
import { MqttGateway } from '../mqtt/gateway.ts';
import { LinkBudget } from '../transport/link-budget.ts';
import { TcpTransport } from '../transport/tcp.ts';
import type { StreamTransport } from '../transport/transport.ts';
import type { TurnWriter } from '../transport/turn-writer.ts';
import { UdpTransport } from '../transport/udp.ts';

/** What gateways and their transports work with. */
export interface FrontParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly writer: TurnWriter;
}

/** One protocol with its listeners; their addresses are final once the gateway has started. */
export interface Front {
  readonly gateway: Gateway;
  readonly listeners: readonly { readonly name: string; readonly address: string }[];
}

/** Undefined when no listener of it is enabled. */
export async function mqttFront(mqtt: Config['mqtt'], parts: FrontParts): Promise<Front | undefined> {
  const transports: StreamTransport[] = [];
  const shared = { ...parts, budget: new LinkBudget(mqtt.connectionsMax) };
  if (mqtt.tcp.enabled) transports.push(new TcpTransport({ name: 'mqtt.tcp', ...mqtt.tcp.bind, ...shared }));
  if (mqtt.tls.enabled) transports.push(await mqttTls(mqtt.tls, shared));
  if (transports.length === 0) return undefined;
  const gateway = new MqttGateway({ ...mqtt, connectTimeoutMs: mqtt.connectTimeoutSeconds * 1000 }, transports);
  return { gateway, listeners: transports };
}

export function mqttSnFront(mqttSn: Config['mqttSn'], parts: FrontParts): Front | undefined {
  if (!mqttSn.udp.enabled) return undefined;
  const transport = new UdpTransport({ name: 'mqttSn.udp', ...mqttSn.udp.bind, ...parts });
  return { gateway: createMqttSnGateway(mqttSn, transport), listeners: [transport] };
}

/** Loaded on use: node:tls costs 3 MB. */
async function mqttTls(tls: Config['mqtt']['tls'], parts: FrontParts & { readonly budget: LinkBudget }): Promise<StreamTransport> {
  const { certFile, keyFile, caFile, clientCertificate, alpn } = tls;
  if (certFile === undefined || keyFile === undefined) throw new GatewayError('CONFIG_INVALID', 'mqtt.tls needs certFile and keyFile');
  const { TlsTransport } = await import('../transport/tls.ts');
  return new TlsTransport({
    name: 'mqtt.tls',
    ...tls.bind,
    ...parts,
    identity: { cert: readFileSync(certFile), key: readFileSync(keyFile) },
    clientCertificate,
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    ...(alpn.length === 0 ? {} : { alpn }),
  });
}
