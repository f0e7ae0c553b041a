// One message in, the matching subscribers out. Synchronous, no queue, no I/O: what happens to a match is the caller's affair.
import type { Topic, TopicFilter, TopicName, TopicTable } from '../model/topic.ts';
import { type Audience, type Entry, Listeners, type Member, type Share } from './audience.ts';
import { type Match, matchOf, mergeMatches } from './match.ts';
import { Resolution, type Routing } from './resolution.ts';
import { type Route, RouteTable, used } from './route.ts';
import { selectedBy, sharedFilter } from './shared-subscription.ts';
import type { Subscription } from './subscription.ts';
import { TopicTrie } from './topic-trie.ts';

/** Subscribers removed before the cached routes are rid of them: a route no one publishes to would hold them for ever. */
const REMOVED_SUBSCRIBERS_MAX = 256;

export interface BusStatistics {
  readonly subscriptions: number;
  /** Distinct filters. */
  readonly filters: number;
  /** Interned topics and what they are counted with. */
  readonly routes: number;
  readonly routeBytes: number;
  /** Routes forgotten to make room for others. */
  readonly routeEvictions: number;
  /** How often the matches of a topic were looked up: publishes that missed the cache. */
  readonly resolutions: number;
}

/**
 * Who subscribed to what.
 *
 * @typeParam S - the subscriber, known by its identity.
 */
export class Bus<S extends object> {
  readonly #routes: RouteTable<S>;
  readonly #listeners = new TopicTrie<Listeners<S>>();
  readonly #members = new Map<S, Member<S>>();
  /** Counts the changes of subscriptions: a route resolved before the last one is out of date. Starts above the 0 of a route that never was. */
  #changedAt = 1;
  #subscriptionCount = 0;
  #resolutionCount = 0;
  #removedCount = 0;
  /** Reused by `#resolve`. */
  readonly #selected: Listeners<S>[] = [];
  /** Of the last topic that is not kept. */
  readonly #passing = new Resolution<S>();

  constructor(options: { readonly routeCacheBytesMax: number }) {
    this.#routes = new RouteTable(options.routeCacheBytesMax);
  }

  get topics(): TopicTable {
    return this.#routes;
  }

  get subscriptionCount(): number {
    return this.#subscriptionCount;
  }

  /** Look-ups of matches so far: publishes that missed the cache. */
  get resolutionCount(): number {
    return this.#resolutionCount;
  }

  get statistics(): BusStatistics {
    return {
      subscriptions: this.#subscriptionCount,
      filters: this.#listeners.size,
      routes: this.#routes.routeCount,
      routeBytes: this.#routes.bytes,
      routeEvictions: this.#routes.evictionCount,
      resolutions: this.#resolutionCount,
    };
  }

  /** @returns true when new, false when it replaced the subscriber's subscription to the same filter (MQTT-3.8.4-3). */
  subscribe(subscriber: S, subscription: Subscription): boolean {
    const member = this.#memberOf(subscriber);
    const match = matchOf(subscriber, subscription);
    const known = member.entries.get(subscription.filter);
    if (known !== undefined) {
      // Clients repeat their subscriptions whenever they reconnect: that must not cost the cache.
      if (isSameGrant(known.match, match)) return false;
      known.audience.replace(known, match);
      this.#changed();
      return false;
    }
    const audience = this.#audienceOf(subscription.filter);
    member.entries.set(subscription.filter, audience.add(member, match));
    this.#subscriptionCount += 1;
    this.#changed();
    return true;
  }

  /** @returns false when there was none (MQTT 5 §3.11.3, 0x11). */
  unsubscribe(subscriber: S, filter: TopicFilter): boolean {
    const member = this.#members.get(subscriber);
    const entry = member?.entries.get(filter);
    if (member === undefined || entry === undefined) return false;
    member.entries.delete(filter);
    this.#leave(filter, entry);
    if (member.entries.size === 0) this.#forget(subscriber);
    this.#changed();
    return true;
  }

  /** Ends all of its subscriptions; costs in proportion to their number. */
  removeSubscriber(subscriber: S): void {
    const member = this.#members.get(subscriber);
    if (member === undefined) return;
    for (const [filter, entry] of member.entries) this.#leave(filter, entry);
    this.#forget(subscriber);
    this.#changed();
  }

  /**
   * Nothing is allocated for a topic that is kept while subscriptions stay as they are. What it returns is good until the next look-up; its lists stay
   * good.
   */
  routing(topic: Topic): Routing<S> {
    const route = this.#routes.routeOf(topic);
    if (route.resolvedAt === this.#changedAt) return used(route);
    if (route.standing === 'kept') return this.#refreshed(route);
    if (route.standing === 'wanted') return this.#refreshed(this.#routes.takeBack(route));
    route.standing = 'wanted';
    this.#resolve(route.name, this.#passing);
    return this.#passing;
  }

  matches(topic: Topic): readonly Match<S>[] {
    return this.routing(topic).matches;
  }

  /** The shared subscription made with this filter, while it has members. */
  shareOf(filter: TopicFilter): Share<S> | undefined {
    const shared = sharedFilter(filter);
    return shared && this.#listeners.get(shared.filter)?.shares.find((share) => share.filter === filter);
  }

  /** @param route - one that is kept. */
  #refreshed(route: Route<S>): Route<S> {
    if (route.resolvedAt > 0) used(route);
    if (route.resolvedAt === this.#changedAt) return route;
    this.#resolve(route.name, route);
    route.resolvedAt = this.#changedAt;
    this.#routes.recount(route);
    return route;
  }

  #resolve(topic: TopicName, resolution: Resolution<S>): void {
    this.#resolutionCount += 1;
    const selected = this.#selected;
    this.#listeners.collect(topic, selected);
    const [only] = selected;
    if (only === undefined) resolution.clear();
    else if (selected.length === 1) {
      resolution.setMatches(only.matches, 0);
      resolution.shares = only.shares;
    } else {
      this.#merge(resolution, selected);
      resolution.shares = selected.flatMap(({ shares }) => shares);
    }
    selected.length = 0;
  }

  #merge(resolution: Resolution<S>, listeners: readonly Listeners<S>[]): void {
    const matches: Match<S>[] = [];
    const overlaps = new Map<number, Match<S>[]>();
    for (const { entries } of listeners) {
      for (const { member, match } of entries) {
        if (member.metIn !== this.#resolutionCount) {
          member.metIn = this.#resolutionCount;
          member.matchIndex = matches.push(match) - 1;
        } else {
          const others = overlaps.get(member.matchIndex);
          if (others === undefined) overlaps.set(member.matchIndex, [match]);
          else others.push(match);
        }
      }
    }
    for (const [index, others] of overlaps) {
      const first = matches[index];
      if (first !== undefined) matches[index] = mergeMatches(first, others);
    }
    resolution.setMatches(matches, overlaps.size);
  }

  #memberOf(subscriber: S): Member<S> {
    let member = this.#members.get(subscriber);
    if (member === undefined) {
      member = { entries: new Map(), metIn: 0, matchIndex: 0 };
      this.#members.set(subscriber, member);
    }
    return member;
  }

  #audienceOf(filter: TopicFilter): Audience<S> {
    const shared = sharedFilter(filter);
    const selecting = shared?.filter ?? filter;
    const listeners = this.#listeners.getOrMake(selecting, () => new Listeners());
    return shared === undefined ? listeners : listeners.sharedBy(filter, shared.group);
  }

  #leave(filter: TopicFilter, entry: Entry<S>): void {
    entry.audience.remove(entry);
    if (entry.audience.entries.length === 0) this.#tidy(selectedBy(filter));
    this.#subscriptionCount -= 1;
  }

  #tidy(filter: TopicFilter): void {
    const listeners = this.#listeners.get(filter);
    listeners?.dropEmptyShares();
    if (listeners?.isEmpty === true) this.#listeners.delete(filter);
  }

  #forget(subscriber: S): void {
    this.#members.delete(subscriber);
    this.#removedCount += 1;
    if (this.#removedCount < REMOVED_SUBSCRIBERS_MAX) return;
    this.#removedCount = 0;
    this.#routes.clearRoutes();
    this.#passing.clear();
  }

  #changed(): void {
    this.#changedAt += 1;
  }
}

function isSameGrant<S>(a: Match<S>, b: Match<S>): boolean {
  const isSameOwn = (a.own === a) === (b.own === b);
  return isSameOwn && a.qosMax === b.qosMax && a.retainAsPublished === b.retainAsPublished && a.identifiers[0] === b.identifiers[0];
}
