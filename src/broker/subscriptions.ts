// What one session subscribed to, under the names of the topic pipeline: in memory, on the bus, in the store.
import { isBadShare, sharedFilter } from '../bus/shared-subscription.ts';
import type { Subscription } from '../bus/subscription.ts';
import type { SubscribeOutcome } from '../gateway/gateway.ts';
import { INTERNAL_PROTOCOL, type Principal } from '../model/client.ts';
import { SUBSCRIPTIONS_PER_SESSION_MAX } from '../model/limits.ts';
import type { TopicFilter } from '../model/topic.ts';
import { isFull } from '../session/disk-pressure.ts';
import type { StoredSession } from '../session/session-store.ts';
import { AskedFilters } from './asked-filters.ts';
import type { Core } from './core.ts';
import { RetainedReplay } from './retained-replay.ts';
import type { RoutedSession } from './routed-session.ts';
import { type ClientTopics, EXCLUSIVE, isLocal, type SubscribeTarget, targetOf } from './topic-pipeline.ts';

/** Who asks for a subscription. */
export interface Subscriber {
  readonly principal: Principal;
  readonly topics: ClientTopics;
}

/** What all hold that hold none, as most publishers do. Nothing is ever put in here. */
const NONE = new Map<TopicFilter, Subscription>();

export class Subscriptions {
  readonly #core: Core;
  readonly #session: RoutedSession;
  /** By `SubscribeTarget.key`, which is also their filter. */
  #held = NONE;
  /** Made by the first subscription that brings retained messages. */
  #replay: RetainedReplay | undefined;
  /** Made on a link that ended before the answer: asked for again, they bring what is retained as if they were new. */
  #unanswered: Set<TopicFilter> | undefined;
  readonly #asked: AskedFilters;
  /** Since a restart its client has not been here. */
  #isRestored = false;

  constructor(core: Core, session: RoutedSession) {
    this.#core = core;
    this.#session = session;
    this.#asked = new AskedFilters(core.store);
  }

  get size(): number {
    return this.#held.size;
  }

  /** Takes up what a restart left. */
  restore(stored: StoredSession): void {
    for (const subscription of stored.subscriptions.values()) {
      this.#hold(subscription);
      this.#route(targetOf(subscription.filter), subscription);
    }
    this.#asked.restore(stored);
    this.#isRestored = true;
  }

  /** Its client is back. What it said means what it would mean if it said it now: rules, and its rights, may have changed. */
  resume(subscriber: Subscriber): void {
    if (this.#isRestored) this.#rename(subscriber);
    this.#isRestored = false;
    this.dropForbidden(subscriber);
  }

  add(subscription: Subscription, subscriber: Subscriber): SubscribeOutcome {
    const target = subscriber.topics.subscribed(subscription.filter);
    if (target === undefined || isMisnamed(target) || this.#isUnshareable(target) || !this.#may(target, subscriber.principal)) return { kind: 'denied' };
    const isHeld = this.#held.has(target.key);
    const isNew = !isHeld || this.#unanswered?.has(target.key) === true;
    if (!isHeld && this.#held.size >= SUBSCRIPTIONS_PER_SESSION_MAX) return { kind: 'quota-exceeded' };
    if (target.kind === 'exclusive' && this.#isTaken(target)) return { kind: 'quota-exceeded' };
    const held = target.key === subscription.filter ? subscription : { ...subscription, filter: target.key };
    const asksForRetained = target.kind !== 'shared' && bringsRetained(held, isNew);
    if (this.#isWithoutRoom(held, asksForRetained)) return { kind: 'quota-exceeded' };
    this.#unanswered?.delete(target.key);
    this.#hold(held);
    this.#route(target, held); // MQTT-3.8.4-3: replaces
    const { stored } = this.#session;
    this.#asked.note(target.key, subscriber.topics.named(target.key) === subscription.filter ? undefined : subscription.filter, stored);
    if (stored !== undefined && !isSame(stored.subscriptions.get(target.key), held)) this.#core.store.saveSubscription(stored, held);
    if (asksForRetained) this.#beginReplay(target.selects, held); // MQTT 5 §4.8.2
    return { kind: 'granted', qos: subscription.qosMax };
  }

  /** @param filter - as the client names it. @returns false when there was none. */
  remove(filter: TopicFilter, { topics }: Subscriber): boolean {
    const target = topics.subscribed(filter);
    return target !== undefined && this.#drop(target);
  }

  removeAll(): void {
    for (const key of [...this.#held.keys()]) this.#drop(targetOf(key));
  }

  /** What a stored session may no longer have: rules and its owner's rights may have changed. */
  dropForbidden({ principal }: Subscriber): void {
    for (const key of [...this.#held.keys()]) {
      const target = targetOf(key);
      if (!this.#may(target, principal)) this.#drop(target);
    }
  }

  /** The first of its subscriptions that the principal may not have now. */
  firstForbidden(principal: Principal): TopicFilter | undefined {
    for (const key of this.#held.keys()) if (!this.#may(targetOf(key), principal)) return key;
    return undefined;
  }

  /** The link may have room again for what is retained. */
  continueReplay(): void {
    this.#replay?.continue();
  }

  /** Runs once all retained messages that subscriptions bring into the stored queue are in it. */
  whenWritten(run: () => void): void {
    if (this.#replay === undefined) run();
    else this.#replay.whenWritten(run);
  }

  detach(): void {
    if (this.#replay !== undefined) this.#unanswered = new Set(this.#replay.clear());
  }

  /** Into a record that was just made. */
  saveAll(stored: StoredSession): void {
    for (const subscription of this.#held.values()) this.#core.store.saveSubscription(stored, subscription);
    this.#asked.saveAll(stored);
  }

  /** The session is over; its record goes as a whole. */
  end(): void {
    for (const key of this.#held.keys()) this.#leaveExclusive(targetOf(key));
    this.#core.bus.removeSubscriber(this.#session);
    for (const key of this.#held.keys()) this.#core.shares.left(this.#session, targetOf(key).routed);
    this.#held = NONE;
  }

  /** What waits for a group lies in the group's queue, which has the bounds of the group: who must hold its publishers back cannot be a member. */
  #isUnshareable({ kind }: SubscribeTarget): boolean {
    return kind === 'shared' && this.#session.outbound.queue.mayRefuse;
  }

  #may({ selects }: SubscribeTarget, principal: Principal): boolean {
    if (principal.protocol === INTERNAL_PROTOCOL && isLocal(selects)) return false;
    return this.#core.access.may(principal, { kind: 'subscribe', filter: selects });
  }

  /** Of a stored session, what is there already is granted again, and nothing that would be written. */
  #isWithoutRoom(held: Subscription, asksForRetained: boolean): boolean {
    const { stored } = this.#session;
    if (stored === undefined || !isFull(this.#core.store)) return false;
    return asksForRetained || !isSame(stored.subscriptions.get(held.filter), held);
  }

  #beginReplay(selects: TopicFilter, subscription: Subscription): void {
    this.#replay ??= new RetainedReplay(this.#core, this.#session);
    this.#replay.begin(selects, subscription);
  }

  #isTaken({ routed }: SubscribeTarget): boolean {
    const holder = this.#core.exclusiveHolders.get(routed);
    return holder !== undefined && holder !== this.#session;
  }

  #hold(subscription: Subscription): void {
    if (this.#held === NONE) this.#held = new Map();
    this.#held.set(subscription.filter, subscription);
  }

  #route({ key, routed, kind }: SubscribeTarget, subscription: Subscription): void {
    if (kind === 'exclusive') this.#core.exclusiveHolders.set(routed, this.#session);
    this.#core.bus.subscribe(this.#session, key === routed ? subscription : { ...subscription, filter: routed });
    this.#core.shares.joined(this.#session, routed);
  }

  /** All that have another name now let go of the old one first: one may get the name another had. */
  #rename(subscriber: Subscriber): void {
    const { topics } = subscriber;
    const renamed: { readonly key: TopicFilter; readonly held: Subscription; readonly filter: TopicFilter }[] = [];
    for (const [key, held] of this.#held) {
      const filter = this.#asked.of(key) ?? topics.named(key);
      if (filter !== undefined && topics.subscribed(filter)?.key !== key) renamed.push({ key, held, filter });
    }
    for (const { key } of renamed) this.#drop(targetOf(key));
    for (const { held, filter } of renamed) {
      const target = topics.subscribed(filter);
      if (target !== undefined && !this.#held.has(target.key)) this.add({ ...held, filter, retainHandling: 2 }, subscriber); // it brings nothing: it is not new
    }
  }

  #drop(target: SubscribeTarget): boolean {
    if (!this.#held.delete(target.key)) return false;
    this.#leaveExclusive(target);
    this.#replay?.cancel(target.key);
    const twin = this.#held.get(twinOf(target)); // the same filter, with and without $exclusive/, is one subscription of the bus
    if (twin === undefined) {
      this.#core.bus.unsubscribe(this.#session, target.routed);
      this.#core.shares.left(this.#session, target.routed);
    } else this.#route(targetOf(twin.filter), twin);
    const { stored } = this.#session;
    this.#asked.note(target.key, undefined, stored);
    if (stored !== undefined) this.#core.store.removeSubscription(stored, target.key);
    return true;
  }

  #leaveExclusive({ kind, routed }: SubscribeTarget): void {
    const { exclusiveHolders } = this.#core;
    if (kind === 'exclusive' && exclusiveHolders.get(routed) === this.#session) exclusiveHolders.delete(routed);
  }
}

/** MQTT-3.3.1-9, -10, -11. */
function bringsRetained({ retainHandling }: Subscription, isNew: boolean): boolean {
  return retainHandling === 0 || (retainHandling === 1 && isNew);
}

/** A share without name or filter; or one that is exclusive, and whose inner filter permission would not be asked about. */
function isMisnamed({ kind, routed }: SubscribeTarget): boolean {
  return isBadShare(routed) || (kind === 'exclusive' && sharedFilter(routed) !== undefined);
}

/** Clients repeat their subscriptions whenever they connect: that must not wear the flash. */
function isSame(stored: Subscription | undefined, { qosMax, noLocal, retainAsPublished, retainHandling, identifier }: Subscription): boolean {
  if (stored === undefined || stored.identifier !== identifier || stored.qosMax !== qosMax) return false;
  return stored.noLocal === noLocal && stored.retainAsPublished === retainAsPublished && stored.retainHandling === retainHandling;
}

function twinOf({ kind, routed }: SubscribeTarget): TopicFilter {
  return (kind === 'exclusive' ? routed : EXCLUSIVE + routed) as TopicFilter;
}
