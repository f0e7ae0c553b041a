// Makes a bridge of its part of the configuration: the part of the composition root that grows with the kinds of uplinks.
import { readFileSync } from 'node:fs';
import { Bridge } from './bridge/bridge.ts';
import { MqttUplink } from './bridge/uplinks/mqtt.ts';
import type { BridgeConfig } from './config/config.ts';
import { readSecret } from './config/files.ts';
import type { Clock } from './model/clock.ts';
import { PACKET_BYTES_MAX } from './model/limits.ts';
import type { Log } from './model/log.ts';
import type { Metrics } from './model/metrics.ts';
import { topicFilter } from './model/topic.ts';
import { TcpDialer } from './transport/tcp-dialer.ts';
import { TlsDialer } from './transport/tls-dialer.ts';
import type { StreamDialer } from './transport/transport.ts';
import type { TurnWriter } from './transport/turn-writer.ts';

export interface BridgeParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly writer: TurnWriter;
}

const DIAL_TIMEOUT_MS = 20_000;

/** @throws GatewayError CONFIG_INVALID - a file of its cannot be read or used. */
export function createBridge(config: BridgeConfig, parts: BridgeParts): Bridge {
  const { name, topics, inflightMax, statusTopic, statusTo, retry } = config;
  const queueLimits = { messagesMax: config.queueMessagesMax, bytesMax: config.queueBytesMax };
  const uplink = new MqttUplink(
    {
      name,
      address: `${config.address.host}:${config.address.port}`,
      version: config.protocol === '5.0' ? 5 : 4,
      clientId: config.clientId,
      username: config.username,
      password: config.passwordFile === undefined ? undefined : Buffer.from(readSecret(config.passwordFile)),
      keepAliveSeconds: config.keepAliveSeconds,
      cleanStart: config.cleanStart,
      sessionExpirySeconds: config.sessionExpirySeconds,
      inflightMax,
      triesBridgeBit: config.tryPrivate,
      filters: topics
        .filter(({ direction }) => direction !== 'out')
        .map(({ filter, qos, remotePrefix }) => ({ filter: topicFilter(remotePrefix + filter), qos })),
      statusTopic: statusTo === 'both' ? statusTopic : undefined,
      packetBytesMax: PACKET_BYTES_MAX,
    },
    {
      dialer: dialerOf(config, parts),
      clock: parts.clock,
      log: parts.log,
      retry: { firstMs: retry.firstSeconds * 1000, factor: 2, capMs: retry.capSeconds * 1000, jitter: retry.jitter },
    },
  );
  return new Bridge({ name, topics, inflightMax, queueLimits, statusTopic: statusTo === 'none' ? undefined : statusTopic }, uplink);
}

function dialerOf({ name, address, tls }: BridgeConfig, { clock, metrics, writer }: BridgeParts): StreamDialer {
  const options = { name: `bridge.${name}`, ...address, timeoutMs: DIAL_TIMEOUT_MS, clock, metrics, writer };
  if (!tls.enabled) return new TcpDialer(options);
  const identity = tls.certFile === undefined || tls.keyFile === undefined ? undefined : { cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) };
  return new TlsDialer({
    ...options,
    insecure: tls.insecure,
    ...(tls.caFile === undefined ? {} : { ca: readFileSync(tls.caFile) }),
    ...(identity === undefined ? {} : { identity }),
    ...(tls.servername === undefined ? {} : { servername: tls.servername }),
    ...(tls.alpn.length === 0 ? {} : { alpn: tls.alpn }),
  });
}
