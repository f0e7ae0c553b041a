import type { Action } from '../access/access.ts';
import type { Bus } from '../bus/bus.ts';
import type { QueueLimits } from '../gateway/gateway.ts';
import type { Principal } from '../model/client.ts';
import type { GatewayClock } from '../model/clock.ts';
import type { SessionStore } from '../session/session-store.ts';
import type { BrokerCounters } from './counters.ts';
import type { RetainedIndex } from './retained-index.ts';
import type { RoutedSession, Router } from './router.ts';

/** What permissions a session asks about. */
export interface Permissions {
  may(principal: Principal, action: Action): boolean;
  /** Changes whenever an earlier answer may have. */
  readonly revision: number;
}

/** What every session of the broker shares. */
export interface Core {
  readonly store: SessionStore;
  readonly bus: Bus<RoutedSession>;
  readonly clock: GatewayClock;
  readonly access: Permissions;
  readonly router: Router;
  readonly retained: RetainedIndex;
  readonly counters: BrokerCounters;
  /** Of stored queues whose sessions name none. */
  readonly queueLimits: QueueLimits;
  readonly memoryQueueLimits: QueueLimits;
  /** How long a completed QoS 2 id stays known on links that duplicate and reorder. */
  readonly qos2QuarantineMs: number;
}
