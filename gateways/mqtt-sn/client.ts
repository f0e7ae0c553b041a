// What the conversations of one client share.
import type { ClientSession, GatewayContext } from '../../src/gateway/gateway.ts';
import type { ClientId } from '../../src/model/client.ts';
import type { DatagramTransport } from '../../src/transport/transport.ts';
import type { MqttSnCounters } from './counters.ts';
import type { End } from './ends.ts';
import type { Packet } from './packets.ts';
import type { PredefinedTopics } from './predefined-topics.ts';
import type { RetryRules } from './retries.ts';
import type { MqttSnSettings } from './settings.ts';
import type { TopicIds } from './topic-ids.ts';

/** What all clients of the gateway share. */
export interface GatewayParts {
  readonly context: GatewayContext;
  readonly settings: MqttSnSettings;
  readonly counters: MqttSnCounters;
  readonly predefined: PredefinedTopics;
  readonly retryRules: RetryRules;
  readonly transports: readonly DatagramTransport[];
  send(packet: Packet, to: End): void;
}

/** One client, as its conversations see it. */
export interface Client {
  readonly parts: GatewayParts;
  readonly clientId: ClientId;
  readonly session: ClientSession;
  readonly topicIds: TopicIds;
  readonly predefined: PredefinedTopics;
  readonly remoteEnd: End;
  /** Nothing may be sent but answers: it wakes up by itself (§6.14). */
  readonly isAsleep: boolean;
  send(packet: Packet): void;
}
