import type { Counter, Metrics } from '../model/metrics.ts';
import type { Fault } from './fault.ts';
import { reasonName } from './reason.ts';
import type { Stranger } from './stranger.ts';

export interface MqttCounters {
  readonly connectionsAccepted: Counter;
  readonly connectTimeouts: Counter;
  readonly authenticationTimeouts: Counter;
  readonly keepAliveTimeouts: Counter;
  /** Clients that were not read for want of room until they must have given up. */
  readonly withheldTimeouts: Counter;
  /** Connections that ended by a fault. */
  readonly faults: Readonly<Record<Fault['kind'], Counter>>;
  /** Who spoke another protocol that is known by its beginning. */
  readonly strangers: Readonly<Record<Stranger['key'], Counter>>;
  readonly droppedTooLarge: Counter;
  readonly unknownAcks: Counter;
  readonly notUtf8: Counter;
  readonly turnsYielded: Counter;
  /** Clients that were not let in, by the Reason Code of 5.0. */
  refused(reasonCode: number): void;
  /** Connections the gateway ended, by the Reason Code of 5.0. */
  ended(reasonCode: number): void;
}

export function mqttCounters(metrics: Metrics): MqttCounters {
  return {
    connectionsAccepted: metrics.counter('mqtt.connections.accepted'),
    connectTimeouts: metrics.counter('mqtt.connect-timeouts'),
    authenticationTimeouts: metrics.counter('mqtt.authentication-timeouts'),
    keepAliveTimeouts: metrics.counter('mqtt.keep-alive-timeouts'),
    withheldTimeouts: metrics.counter('mqtt.withheld-timeouts'),
    faults: {
      malformed: metrics.counter('mqtt.malformed'),
      'protocol-error': metrics.counter('mqtt.protocol-errors'),
      'internal-error': metrics.counter('mqtt.internal-errors'),
    },
    strangers: {
      tls: metrics.counter('mqtt.strangers.tls'),
      http: metrics.counter('mqtt.strangers.http'),
      ssh: metrics.counter('mqtt.strangers.ssh'),
      proxy: metrics.counter('mqtt.strangers.proxy'),
    },
    droppedTooLarge: metrics.counter('mqtt.messages.dropped.too-large'),
    unknownAcks: metrics.counter('mqtt.acks.unknown'),
    notUtf8: metrics.counter('mqtt.messages.refused.payload-format'),
    turnsYielded: metrics.counter('mqtt.turns.yielded'),
    refused: (reasonCode) => {
      metrics.counter(`mqtt.refused.${reasonName(reasonCode)}`).value += 1;
    },
    ended: (reasonCode) => {
      metrics.counter(`mqtt.ended.${reasonName(reasonCode)}`).value += 1;
    },
  };
}
