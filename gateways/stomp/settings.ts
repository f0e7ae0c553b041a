import * as limits from '../../src/model/limits.ts';
import type { QoS } from '../../src/model/message.ts';
import type { FrameLimits } from './codec.ts';

/** What the configuration decides for the STOMP gateway. */
export interface StompSettings extends FrameLimits {
  /** Connections at once; one more is told so and closed. */
  readonly connectionsMax: number;
  /** From accepted link to CONNECTED. */
  readonly connectTimeoutMs: number;
  /** Shortest interval at which the gateway sends heart-beats, and at which it wants them; 0: none (STOMP 1.2 "Heart-beating"). */
  readonly heartBeatSendMs: number;
  readonly heartBeatReceiveMs: number;
  /** Of a SEND without `qos` header. */
  readonly sendQos: QoS;
  /** Whether `.` in destinations behind a prefix stands for `/`. */
  readonly areDotsSlashes: boolean;
  readonly subscriptionsMax: number;
  /** Messages a subscription may have unacknowledged; a SUBSCRIBE may ask for less (`prefetch-count`). */
  readonly prefetchMax: number;
  /** Queues of `/queue/NAME` that are kept. */
  readonly queuesMax: number;
  /** Topic of the queue NAME is this and NAME. */
  readonly queueTopicPrefix: string;
  /** How often a message is delivered before a NACK sets it aside. */
  readonly deliveriesMax: number;
  /** Topic a message is set aside to is this and its own topic. */
  readonly deadLetterTopicPrefix: string;
  readonly transactionsMax: number;
  readonly transactionFramesMax: number;
  readonly transactionBytesMax: number;
  readonly transactionTimeoutMs: number;
}

export const STOMP_DEFAULTS: StompSettings = {
  connectionsMax: limits.CONNECTIONS_MAX,
  connectTimeoutMs: limits.CONNECT_TIMEOUT_MS,
  headersMax: 64,
  headerLineBytesMax: 8_192,
  bodyBytesMax: limits.PACKET_BYTES_MAX,
  heartBeatSendMs: 10_000,
  heartBeatReceiveMs: 10_000,
  sendQos: 1,
  areDotsSlashes: false,
  subscriptionsMax: 1_000,
  prefetchMax: 100,
  queuesMax: 1_000,
  queueTopicPrefix: 'queue/',
  deliveriesMax: 5,
  deadLetterTopicPrefix: 'dead-letter/',
  transactionsMax: 16,
  transactionFramesMax: 1_000,
  transactionBytesMax: limits.PACKET_BYTES_MAX,
  transactionTimeoutMs: 60_000,
};
