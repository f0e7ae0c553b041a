import type { ClientSession, GatewayContext } from '../gateway/gateway.ts';
import type { LinkBudget } from './budget/link-budget.ts';
import type { BridgeCounters } from './counters.ts';
import type { LoopGuard } from './loop-guard.ts';
import type { BridgeSettings } from './settings.ts';
import type { Uplink } from './uplink.ts';

/** What both directions of a started bridge work with. */
export interface BridgeLine {
  readonly settings: BridgeSettings;
  readonly context: GatewayContext;
  readonly session: ClientSession;
  readonly uplink: Uplink;
  readonly counters: BridgeCounters;
  readonly guard: LoopGuard | undefined;
  /** Undefined: the link may carry whatever it bears. */
  readonly budget: LinkBudget | undefined;
}
