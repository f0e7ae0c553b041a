// Which policy the queue of a session has: rules of the configuration, the first that names the client holds, and what it leaves out holds as for all.
import { crc32 } from 'node:zlib';
import { type ClientId, INTERNAL_PROTOCOL } from '../model/client.ts';
import type { Priority } from '../model/priority.ts';
import type { QueueLimits, QueuePolicy, WhenFull } from '../model/queue-policy.ts';
import { PolicyTable } from './policy-table.ts';
import { TopicClasses } from './topic-classes.ts';

/** A policy made ready: shared by every queue it holds for. */
export interface QueueTreatment {
  readonly limits: QueueLimits;
  readonly whenFull: WhenFull;
  /** Deliveries unsettled at once, whatever the client allows; `Infinity`: as many as that. */
  readonly inflightMax: number;
  readonly topics: TopicClasses;
  /** What is said about topics by policies of their own. */
  readonly policies: PolicyTable;
  /** Part of `limits`; `Infinity`: none. */
  readonly diskShareBytes: number;
  readonly keepsAccount: boolean;
  readonly tellsLosses: boolean;
  /** Tells one list of priorities from another; 0: there are none. */
  readonly prioritiesMark: number;
  readonly newestFirst: readonly Priority[];
}

const NO_CLASSES: readonly Priority[] = [];

type Loose<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** What it leaves out is as for all. */
export interface QueueRule extends Loose<QueuePolicy> {
  /** Regular expression over the whole client id. */
  readonly clientIdPattern?: string | undefined;
  readonly username?: string | undefined;
  readonly listener?: string | undefined;
  readonly inflightMax?: number | undefined;
}

export interface QueueSettings extends QueuePolicy {
  readonly inflightMax?: number | undefined;
  readonly rules: readonly QueueRule[];
}

/** What rules ask about a client. */
export interface QueueOwner {
  readonly clientId: ClientId;
  readonly username?: string;
  readonly listener: string;
  readonly protocol: string;
}

interface CompiledRule {
  readonly rule: QueueRule;
  readonly clientId: RegExp | undefined;
  readonly treatment: QueueTreatment;
}

export class QueueRules {
  #ofAll: QueueTreatment;
  #ofGroups: QueueTreatment;
  #rules: readonly CompiledRule[];

  constructor(settings: QueueSettings) {
    this.#ofAll = treatmentOf(settings);
    this.#ofGroups = treatmentOf({ ...settings, keepLatest: [] });
    this.#rules = settings.rules.map((rule) => compiled(rule, settings));
  }

  /** For whoever asks from now on. */
  replace(settings: QueueSettings): void {
    const next = new QueueRules(settings);
    this.#ofAll = next.#ofAll;
    this.#ofGroups = next.#ofGroups;
    this.#rules = next.#rules;
  }

  /** Of queues that belong to no client: those of shared groups hand out work, each message of it. */
  get ofGroups(): QueueTreatment {
    return this.#ofGroups;
  }

  /** Some rule asks through which listener a client came. */
  get askListener(): boolean {
    return this.#rules.some(({ rule }) => rule.listener !== undefined);
  }

  for(owner: QueueOwner): QueueTreatment {
    if (owner.protocol === INTERNAL_PROTOCOL) return this.#ofAll;
    return this.#rules.find((each) => isAbout(each, owner))?.treatment ?? this.#ofAll;
  }
}

export function treatmentOf({
  inflightMax = Number.POSITIVE_INFINITY,
  ...policy
}: QueuePolicy & { readonly inflightMax?: number | undefined }): QueueTreatment {
  const { messagesMax, whenFull, priorities, newestFirst = NO_CLASSES, topicPolicies, diskShareBytes = Number.POSITIVE_INFINITY, tellsLosses = false } = policy;
  const bytesMax = Math.min(policy.bytesMax, diskShareBytes);
  const prioritiesMark = priorities.length === 0 ? 0 : crc32(JSON.stringify(priorities));
  return {
    limits: { messagesMax, bytesMax },
    whenFull,
    inflightMax,
    topics: new TopicClasses(policy),
    policies: new PolicyTable(topicPolicies ?? []),
    diskShareBytes,
    keepsAccount: topicPolicies !== undefined,
    tellsLosses,
    prioritiesMark,
    newestFirst,
  };
}

function compiled(rule: QueueRule, base: Omit<QueueSettings, 'rules'>): CompiledRule {
  const clientId = rule.clientIdPattern === undefined ? undefined : new RegExp(`^(?:${rule.clientIdPattern})$`, 'u');
  return { rule, clientId, treatment: treatmentOf(inherited(base, rule)) };
}

function inherited(base: Omit<QueueSettings, 'rules'>, rule: QueueRule): Omit<QueueSettings, 'rules'> {
  return {
    messagesMax: rule.messagesMax ?? base.messagesMax,
    bytesMax: rule.bytesMax ?? base.bytesMax,
    whenFull: rule.whenFull ?? base.whenFull,
    keepLatest: rule.keepLatest ?? base.keepLatest,
    priorities: rule.priorities ?? base.priorities,
    inflightMax: rule.inflightMax ?? base.inflightMax,
  };
}

function isAbout({ rule, clientId }: CompiledRule, owner: QueueOwner): boolean {
  if (clientId !== undefined && !clientId.test(owner.clientId)) return false;
  if (rule.username !== undefined && rule.username !== owner.username) return false;
  return rule.listener === undefined || rule.listener === owner.listener;
}
