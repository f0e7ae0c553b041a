import type { Counter, Metrics } from '../model/metrics.ts';
import type { Fault } from './fault.ts';

export interface MqttCounters {
  readonly connectionsAccepted: Counter;
  readonly connectTimeouts: Counter;
  readonly keepAliveTimeouts: Counter;
  /** Connections that ended by a fault. */
  readonly faults: Readonly<Record<Fault['kind'], Counter>>;
  readonly droppedTooLarge: Counter;
  readonly unknownAcks: Counter;
}

export function mqttCounters(metrics: Metrics): MqttCounters {
  return {
    connectionsAccepted: metrics.counter('mqtt.connections.accepted'),
    connectTimeouts: metrics.counter('mqtt.connect-timeouts'),
    keepAliveTimeouts: metrics.counter('mqtt.keep-alive-timeouts'),
    faults: {
      malformed: metrics.counter('mqtt.malformed'),
      'protocol-error': metrics.counter('mqtt.protocol-errors'),
      'internal-error': metrics.counter('mqtt.internal-errors'),
    },
    droppedTooLarge: metrics.counter('mqtt.messages.dropped.too-large'),
    unknownAcks: metrics.counter('mqtt.acks.unknown'),
  };
}
