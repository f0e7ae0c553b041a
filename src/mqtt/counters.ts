import type { Counter, Metrics } from '../model/metrics.ts';

export interface MqttCounters {
  readonly connectionsAccepted: Counter;
  readonly connectionsRefused: Counter;
  readonly connectTimeouts: Counter;
  readonly keepAliveTimeouts: Counter;
  readonly malformed: Counter;
  readonly protocolErrors: Counter;
  readonly droppedTooLarge: Counter;
  readonly unknownAcks: Counter;
}

export function mqttCounters(metrics: Metrics): MqttCounters {
  return {
    connectionsAccepted: metrics.counter('mqtt.connections.accepted'),
    connectionsRefused: metrics.counter('mqtt.connections.refused'),
    connectTimeouts: metrics.counter('mqtt.connect-timeouts'),
    keepAliveTimeouts: metrics.counter('mqtt.keep-alive-timeouts'),
    malformed: metrics.counter('mqtt.malformed'),
    protocolErrors: metrics.counter('mqtt.protocol-errors'),
    droppedTooLarge: metrics.counter('mqtt.messages.dropped.too-large'),
    unknownAcks: metrics.counter('mqtt.acks.unknown'),
  };
}
