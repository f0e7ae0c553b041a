import { type Counter, countersOf, type Metrics } from '../../src/model/metrics.ts';
import { RETURN_CODE, type ReturnCode } from './packets.ts';

const NAMES = {
  received: 'mqtt-sn.datagrams.received',
  sent: 'mqtt-sn.datagrams.sent',
  malformed: 'mqtt-sn.dropped.malformed',
  unknownType: 'mqtt-sn.dropped.unknown-type',
  /** Of an address without a client, or out of place in the client's state. */
  unexpected: 'mqtt-sn.dropped.unexpected',
  /** Answered with DISCONNECT, so that the device connects again. */
  unknownClient: 'mqtt-sn.refused.unknown-client',
  connectsRefused: 'mqtt-sn.refused.connects',
  unknownTopicId: 'mqtt-sn.refused.unknown-topic-id',
  unsupported: 'mqtt-sn.refused.not-supported',
  congested: 'mqtt-sn.refused.congestion',
  qosMinusOneDropped: 'mqtt-sn.dropped.qos-minus-one',
  /** Sent again by its client: the disk was behind, and it has no answer that says so. */
  diskBehindDropped: 'mqtt-sn.dropped.disk-behind',
  /** Behind a forwarder, where none is accepted. */
  forwardedDropped: 'mqtt-sn.dropped.forwarded',
  topicIdsExhausted: 'mqtt-sn.refused.topic-ids',
  undeliverable: 'mqtt-sn.dropped.undeliverable',
  retransmitted: 'mqtt-sn.requests.retransmitted',
  lost: 'mqtt-sn.clients.lost',
  moved: 'mqtt-sn.clients.moved',
} as const;

export type MqttSnCounters = Readonly<Record<keyof typeof NAMES, Counter>>;

export function mqttSnCounters(metrics: Metrics): MqttSnCounters {
  return countersOf(metrics, NAMES);
}

export function countRefusal(counters: MqttSnCounters, returnCode: ReturnCode): void {
  if (returnCode === RETURN_CODE.invalidTopicId) counters.unknownTopicId.value += 1;
  else if (returnCode === RETURN_CODE.congestion) counters.congested.value += 1;
  else counters.unsupported.value += 1;
}
