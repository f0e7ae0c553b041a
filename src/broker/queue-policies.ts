// A queue whose topics are treated in different ways: a part for each policy, with bounds of its own, within those of the queue; what no policy selects is refused
// at these. What may be dropped makes room for what may not and never the other way round, so that a flood of the one neither pushes out the other nor
// holds its publishers back.
import type { CancelTimer, GatewayClock, GatewayMs } from '../model/clock.ts';
import { AGED_ENTRIES_PER_TURN } from '../model/limits.ts';
import type { Message } from '../model/message.ts';
import type { QueueLimits, TopicPolicy } from '../model/queue-policy.ts';
import type { Topic } from '../model/topic.ts';
import { messageSize } from '../session/message-size.ts';
import type { Sequence, SessionStore, SettleCause, StoredSession } from '../session/session-store.ts';
import { type PartWaiting, PolicyPart, partName, partNames } from './policy-part.ts';
import { causeAtBound, evictEach, isAtBound, isOverBound, type LossCause } from './queue-bounds.ts';
import type { QueueTreatment } from './queue-rules.ts';
import { Sampler } from './sampler.ts';
import type { Withheld } from './withheld.ts';

/** The queue they are about. */
export interface PoliciesQueue extends PartWaiting {
  /** Ends an entry, here and in its queue, and counts it. */
  lose(sequence: Sequence, cause: LossCause): void;
}

export interface QueuePoliciesParts {
  readonly store: SessionStore;
  readonly clock: GatewayClock;
  /** Told when something went that nobody made room for. */
  readonly withheld: Pick<Withheld, 'roomMayBe'>;
  readonly owner: StoredSession;
  readonly waiting: PoliciesQueue;
}

/** One policy and what of its topics is queued. */
export interface PolicyUsage extends TopicPolicy {
  readonly messages: number;
  readonly bytes: number;
}

/** Whether a restart left parts of the queue. */
export function hasParts(store: SessionStore, owner: StoredSession): boolean {
  return partNames(store, owner).length > 0;
}

export class QueuePolicies {
  readonly #parts: QueuePoliciesParts;
  readonly #all = new Map<string, PolicyPart>();
  readonly #sampler = new Sampler();
  /** Each policy of now has one. */
  readonly #ofPolicy = new Map<TopicPolicy, PolicyPart>();
  #treatment: QueueTreatment;
  /** A link serves the queue. */
  #isServed = false;
  #cancelSweep: CancelTimer | undefined;

  constructor(parts: QueuePoliciesParts, treatment: QueueTreatment) {
    this.#parts = parts;
    this.#treatment = treatment;
    for (const name of partNames(parts.store, parts.owner)) this.#all.set(name, new PolicyPart(parts, name));
    for (const part of this.#all.values()) part.reconcile();
    this.treat(treatment);
  }

  /** From now on. What waits under other filters is evicted no more. */
  treat(treatment: QueueTreatment): void {
    this.#treatment = treatment;
    this.#ofPolicy.clear();
    for (const part of this.#all.values()) part.policy = undefined;
    for (const policy of treatment.policies.policies) this.#give(policy);
    for (const [name, part] of this.#all) if (part.policy === undefined && part.end()) this.#all.delete(name);
    this.#sweepSoon();
  }

  /** Whoever gets the queue is there: what is too old goes in time. */
  serve(): void {
    this.#isServed = true;
    this.#sweepSoon();
  }

  rest(): void {
    this.#isServed = false;
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
  }

  keepsLatest(topic: Topic): boolean {
    const policy = this.#treatment.policies.of(topic);
    return policy === undefined ? this.#treatment.topics.keepsLatest(topic) : policy.keepLatest;
  }

  /** In their order. */
  get usage(): readonly PolicyUsage[] {
    return [...this.#ofPolicy].map(([policy, { count: messages, bytes }]) => ({ ...policy, messages, bytes }));
  }

  /** Once for each message that comes. */
  isSampledOut(message: Message): boolean {
    const policy = this.#treatment.policies.of(message.topic);
    return policy !== undefined && !this.#sampler.takes(message, policy);
  }

  /** Its publisher is to be held back. */
  refuses(topic: Topic): boolean {
    const part = this.#partOf(topic);
    if (part?.mayDrop === true) return false;
    if (part?.policy !== undefined && isReached(part, part.policy)) return true;
    return isAtBound(this.#parts.owner, this.#treatment.limits) && !this.#droppable().some(({ victim }) => victim !== undefined);
  }

  /** Why a message would be the first to go again; undefined: it would not. */
  declines(message: Message): LossCause | undefined {
    const part = this.#partOf(message.topic);
    if (part?.policy === undefined || !part.mayDrop) return undefined;
    const size = messageSize(message);
    const { messagesMax, bytesMax } = boundsOf(part.policy);
    if (size > bytesMax) return 'quota-bytes';
    if (part.policy.whenFull !== 'drop-newest' || part.policy.keepLatest) return undefined;
    if (part.hasBelow(this.#treatment.topics.priorityOf(message.topic))) return undefined;
    if (part.count >= messagesMax) return 'quota-messages';
    if (part.bytes + size > bytesMax) return 'quota-bytes';
    const { limits } = this.#treatment;
    const { count, bytes } = this.#parts.owner.queue;
    if (count < limits.messagesMax && bytes + size <= limits.bytesMax) return undefined;
    return bytes + size > this.#treatment.diskShareBytes ? 'disk-share' : 'queue-full-newest';
  }

  /** Where a message of that topic is referred to besides the queue. */
  beside(topic: Topic): StoredSession | undefined {
    return this.#partOf(topic)?.makeQueue();
  }

  /** A message was written: what its part and the queue have no room for goes. */
  makeRoom({ topic }: Message): void {
    const own = this.#partOf(topic);
    if (own?.mayDrop === true) this.#trim(own);
    while (this.#isOverBound) {
      const part = own?.mayDrop === true && own.victim !== undefined ? own : this.#largest();
      if (part?.victim === undefined) break;
      this.#parts.waiting.lose(part.victim, this.#causeAtBound(part));
    }
    this.#sweepSoon();
  }

  /** The entry leaves the queue, for whatever reason: in the group it leaves the queue in. */
  leaves(sequence: Sequence, cause: SettleCause): void {
    for (const [name, part] of this.#all) {
      if (!part.settle(sequence, cause)) continue;
      if (part.policy === undefined && part.end()) this.#all.delete(name);
      return;
    }
  }

  /** True when it has waited for too long to be sent. */
  isTooOld({ topic, publishedAtMs }: Message): boolean {
    const ageMs = ageMsMax(this.#treatment.policies.of(topic));
    return publishedAtMs + ageMs <= this.#parts.clock.gatewayMs();
  }

  get evictableBytes(): number {
    return this.#droppable().reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** As `Evictable.evict`: the largest part first. */
  evict(bytesMax: number): number {
    return evictEach(this.#parts.owner, () => this.#largest()?.victim, this.#parts.waiting, bytesMax);
  }

  #trim(part: PolicyPart): void {
    const { messagesMax, bytesMax } = boundsOf(part.policy);
    while (part.count > messagesMax || part.bytes > bytesMax) {
      const { victim } = part;
      if (victim === undefined) return;
      this.#parts.waiting.lose(victim, part.count > messagesMax ? 'quota-messages' : 'quota-bytes');
    }
  }

  get #isOverBound(): boolean {
    return isOverBound(this.#parts.owner, this.#treatment.limits);
  }

  /** Why something of a part goes for the bounds of the whole queue. */
  #causeAtBound({ policy }: PolicyPart): LossCause {
    if (this.#parts.owner.queue.bytes > this.#treatment.diskShareBytes) return 'disk-share';
    return causeAtBound(policy?.whenFull);
  }

  /** The part that has most, of those that may drop something that waits. */
  #largest(): PolicyPart | undefined {
    let found: PolicyPart | undefined;
    for (const part of this.#droppable()) if (part.bytes > (found?.bytes ?? -1) && part.victim !== undefined) found = part;
    return found;
  }

  #droppable(): PolicyPart[] {
    return [...this.#all.values()].filter(({ mayDrop, count }) => mayDrop && count > 0);
  }

  #partOf(topic: Topic): PolicyPart | undefined {
    const policy = this.#treatment.policies.of(topic);
    return policy && this.#ofPolicy.get(policy);
  }

  #give(policy: TopicPolicy): void {
    const name = partName(this.#parts.owner, policy);
    const part = this.#all.get(name) ?? new PolicyPart(this.#parts, name);
    part.policy = policy;
    this.#all.set(name, part);
    this.#ofPolicy.set(policy, part);
  }

  /** Looks for what is too old once something may be. */
  #sweepSoon(): void {
    if (!this.#isServed || this.#cancelSweep !== undefined) return;
    let dueMs = Number.POSITIVE_INFINITY;
    for (const part of this.#all.values()) dueMs = Math.min(dueMs, this.#aged(part)?.dueMs ?? dueMs);
    if (!Number.isFinite(dueMs)) return;
    const { clock } = this.#parts;
    this.#cancelSweep = clock.after(Math.max(0, dueMs - clock.gatewayMs()), () => {
      this.#cancelSweep = undefined;
      for (const part of this.#all.values()) this.#sweep(part);
      this.#parts.withheld.roomMayBe();
      this.#sweepSoon();
    });
  }

  #sweep(part: PolicyPart): void {
    const nowMs = this.#parts.clock.gatewayMs();
    for (let looks = 0; looks < AGED_ENTRIES_PER_TURN; looks += 1) {
      const eldest = this.#aged(part);
      if (eldest === undefined || eldest.dueMs > nowMs) return;
      this.#parts.waiting.lose(eldest.sequence, eldest.cause);
    }
  }

  /** Its eldest message, and when it has waited for too long. Undefined: none ever will have. */
  #aged(part: PolicyPart): { readonly sequence: Sequence; readonly dueMs: GatewayMs; readonly cause: LossCause } | undefined {
    const ageMs = ageMsMax(part.policy);
    const sequence = Number.isFinite(ageMs) ? part.eldest : undefined;
    if (sequence === undefined) return undefined;
    const message = this.#parts.store.read(this.#parts.owner, sequence)?.message;
    if (message === undefined) return { sequence, dueMs: 0, cause: 'unreadable' };
    return { sequence, dueMs: message.publishedAtMs + ageMs, cause: 'age' };
  }
}

function ageMsMax(policy: TopicPolicy | undefined): number {
  return policy?.ageSecondsMax === undefined ? Number.POSITIVE_INFINITY : policy.ageSecondsMax * 1000;
}

function boundsOf({ messagesMax = Number.POSITIVE_INFINITY, bytesMax = Number.POSITIVE_INFINITY }: Partial<TopicPolicy> = {}): QueueLimits {
  return { messagesMax, bytesMax };
}

function isReached({ count, bytes }: PolicyPart, policy: TopicPolicy): boolean {
  const { messagesMax, bytesMax } = boundsOf(policy);
  return count >= messagesMax || bytes >= bytesMax;
}
