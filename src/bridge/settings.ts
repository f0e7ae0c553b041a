import type { Priority } from '../model/priority.ts';
import type { PriorityRule, QueueLimits, TopicPolicy } from '../model/queue-policy.ts';
import type { TopicName } from '../model/topic.ts';
import type { BudgetSettings } from './budget/link-budget.ts';
import type { LoopGuardSettings } from './loop-guard.ts';
import type { ProvenanceSettings } from './provenance.ts';
import type { StartSettings } from './start-policy.ts';
import type { TopicRule } from './topic-map.ts';

export interface BridgeSettings {
  readonly name: string;
  readonly topics: readonly TopicRule[];
  /** When it is connected. */
  readonly start: StartSettings;
  /** Messages under way to the remote at once; its Receive Maximum may lower it. */
  readonly inflightMax: number;
  readonly queueLimits: QueueLimits;
  /** Classes of what goes out, by its topic here. */
  readonly priorities: readonly PriorityRule[];
  /** Classes of which what came last goes first. */
  readonly newestFirst: readonly Priority[];
  /** Undefined: the link may carry whatever it bears. */
  readonly budget: BudgetSettings | undefined;
  /** What is said about topics of this side; what none of them selects is refused at the limits. */
  readonly policies: readonly TopicPolicy[];
  /** Its queue's share of the disk; undefined: any. Kept with the session, where there is no `Infinity`. */
  readonly diskShareBytes: number | undefined;
  /** Where the remote is told what the queue lost; undefined: it is not. */
  readonly lossReportTopic: TopicName | undefined;
  /** Time the remote has to answer a message; `Infinity`: any. */
  readonly answerTimeoutMs: number;
  /** Whether RETAIN goes out as it was published; otherwise never. */
  readonly sendsRetain: boolean;
  /** Undefined: nothing is done about loops. */
  readonly loopGuard?: LoopGuardSettings | undefined;
  /** Undefined: messages go as they came, and nothing is counted. */
  readonly provenance?: ProvenanceSettings | undefined;
  /** Retained `1` or `0` on this side; undefined: none. */
  readonly statusTopic: string | undefined;
}
