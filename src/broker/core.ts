import type { Bus } from '../bus/bus.ts';
import type { GatewayClock } from '../model/clock.ts';
import type { Draft } from '../model/message.ts';
import type { QueueLimits } from '../model/queue-policy.ts';
import type { TopicFilter } from '../model/topic.ts';
import type { Turns } from '../model/turns.ts';
import type { SessionStore } from '../session/session-store.ts';
import type { Announcer } from './announcer.ts';
import type { BrokerCounters } from './counters.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Declined } from './declined.ts';
import type { DelayedMessages } from './delayed.ts';
import type { Drops } from './drops.ts';
import type { Durability } from './durability.ts';
import type { ExportEras } from './export-eras.ts';
import type { Access } from './permissions.ts';
import type { Presence } from './presence.ts';
import type { QueueNumbering } from './queue-numbering.ts';
import type { QueueRules } from './queue-rules.ts';
import type { Receipts } from './receipts.ts';
import type { RetainedIndex } from './retained-index.ts';
import type { RoutedSession } from './routed-session.ts';
import type { Router } from './router.ts';
import type { SharedGroups } from './shared-groups.ts';
import type { SlowConsumers } from './slow-consumers.ts';
import type { Withheld } from './withheld.ts';

/** What every session of the broker shares. */
export interface Core {
  readonly store: SessionStore;
  readonly durability: Durability;
  readonly bus: Bus<RoutedSession>;
  readonly clock: GatewayClock;
  readonly access: Access;
  readonly router: Router;
  readonly shares: SharedGroups;
  readonly retained: RetainedIndex;
  /** What the gateway says about itself; in memory only. */
  readonly systemRetained: RetainedIndex;
  readonly announcer: Announcer;
  readonly delayed: DelayedMessages;
  readonly deadLetters: DeadLetters;
  readonly exportEras: ExportEras;
  /** Who holds the `$exclusive` subscription to a filter. */
  readonly exclusiveHolders: Map<TopicFilter, RoutedSession>;
  /** Undefined: nobody wants to know. */
  readonly presence: Presence | undefined;
  readonly slowConsumers: SlowConsumers;
  readonly withheld: Withheld;
  readonly counters: BrokerCounters;
  readonly queueRules: QueueRules;
  readonly numbering: QueueNumbering;
  readonly drops: Drops;
  readonly declined: Declined;
  /** Undefined: nobody is told when a message came. */
  readonly receipts: Receipts | undefined;
  /** Of one with User Properties. Undefined: none ever does. */
  readonly isReturned: ((draft: Draft) => boolean) | undefined;
  readonly turns: Turns;
  readonly memoryQueueLimits: QueueLimits;
  /** How long a completed QoS 2 id stays known on links that duplicate and reorder. */
  readonly qos2QuarantineMs: number;
}
