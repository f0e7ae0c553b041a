import type { QoS } from '../model/message.ts';
import type { TopicFilter } from '../model/topic.ts';

/** What a subscriber asked for, in MQTT 5's terms (§3.8.3.1); older protocols take the defaults. */
export interface Subscription {
  readonly filter: TopicFilter;
  readonly qosMax: QoS;
  /** Messages this session published itself are left out. */
  readonly noLocal: boolean;
  /** Forwarded messages keep their RETAIN flag. */
  readonly retainAsPublished: boolean;
  /** Retained messages on subscribe: 0 always, 1 only when new, 2 never. */
  readonly retainHandling: 0 | 1 | 2;
  /** Subscription Identifier, 1..268435455; a protocol with textual ids maps them to these. */
  readonly identifier?: number | undefined;
}
