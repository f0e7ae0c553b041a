// Makes the protocol gateways of their part of the configuration, with the transports they listen on.
import { createMqttSnGateway } from '../../gateways/mqtt-sn/index.ts';
import { createStompGateway } from '../../gateways/stomp/index.ts';
import type { Config } from '../config/config.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Clock } from '../model/clock.ts';
import { CONNECTIONS_TOLD_MAX } from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import type { Metrics } from '../model/metrics.ts';
import { LinkBudget } from '../transport/link-budget.ts';
import { TcpTransport } from '../transport/tcp.ts';
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
  readonly listeners: readonly { readonly name: string; readonly address: string; reload?(): void }[];
}

export function mqttSnFront(mqttSn: Config['mqttSn'], parts: FrontParts): Front | undefined {
  if (!mqttSn.udp.enabled) return undefined;
  const transport = new UdpTransport({ name: 'mqttSn.udp', ...mqttSn.udp.bind, ...parts });
  return { gateway: createMqttSnGateway(mqttSn, [transport]), listeners: [transport] };
}

/** Undefined when no listener of it is enabled. */
export function stompFront(stomp: Config['stomp'], parts: FrontParts): Front | undefined {
  const { tcp, connectTimeoutSeconds, heartBeatSeconds, transactionTimeoutSeconds, ...settings } = stomp;
  if (!tcp.enabled) return undefined;
  const budget = new LinkBudget(stomp.connectionsMax + CONNECTIONS_TOLD_MAX);
  const transport = new TcpTransport({ name: 'stomp.tcp', setting: 'stomp.tcp', ...tcp.bind, ...parts, budget });
  const beatMs = heartBeatSeconds * 1000;
  const times = { connectTimeoutMs: connectTimeoutSeconds * 1000, transactionTimeoutMs: transactionTimeoutSeconds * 1000 };
  const gateway = createStompGateway({ ...settings, ...times, heartBeatSendMs: beatMs, heartBeatReceiveMs: beatMs }, [transport]);
  return { gateway, listeners: [transport] };
}
