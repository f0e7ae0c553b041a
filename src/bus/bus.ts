// One message in, the matching subscribers out. Synchronous, no queue, no I/O: what happens to a match is the caller's affair.
import type { Topic, TopicFilter, TopicTable } from '../model/topic.ts';
import { type Match, matchOf, mergeMatches } from './match.ts';
import { type Route, RouteTable } from './route.ts';
import type { Subscription } from './subscription.ts';
import { TopicTrie } from './topic-trie.ts';

/** Subscribers removed before the cached routes are rid of them: a route no one publishes to would hold them for ever. */
const REMOVED_SUBSCRIBERS_MAX = 256;

const NO_MATCHES: readonly never[] = [];

/** A subscriber's one subscription to one filter. */
interface Entry<S> {
  readonly member: Member<S>;
  readonly audience: Audience<S>;
  match: Match<S>;
  /** Where it stands in the audience. */
  index: number;
}

/** A subscriber and all it subscribed to. */
interface Member<S> {
  readonly entries: Map<TopicFilter, Entry<S>>;
  /** While several audiences are merged: the resolution the member was last met in, and where its match went. */
  metIn: number;
  matchIndex: number;
}

/** All who subscribed to one filter. */
class Audience<S> {
  readonly entries: Entry<S>[] = [];
  #matches: readonly Match<S>[] | undefined;

  /** A list that never changes: it is replaced when the audience does, so whoever walks it is not disturbed. */
  get matches(): readonly Match<S>[] {
    this.#matches ??= this.entries.map((entry) => entry.match);
    return this.#matches;
  }

  add(member: Member<S>, match: Match<S>): Entry<S> {
    const entry = { member, audience: this, match, index: this.entries.length };
    this.entries.push(entry);
    this.#matches = undefined;
    return entry;
  }

  replace(entry: Entry<S>, match: Match<S>): void {
    entry.match = match;
    this.#matches = undefined;
  }

  /** The last one takes its place. */
  remove(entry: Entry<S>): void {
    const last = this.entries.pop();
    if (last !== undefined && last !== entry) {
      this.entries[entry.index] = last;
      last.index = entry.index;
    }
    this.#matches = undefined;
  }
}

export interface BusStatistics {
  readonly subscriptions: number;
  /** Distinct filters. */
  readonly filters: number;
  /** Interned topics and what they are counted with. */
  readonly routes: number;
  readonly routeBytes: number;
  /** How often the older half of the routes was forgotten. */
  readonly routeGenerations: number;
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
  readonly #audiences = new TopicTrie<Audience<S>>();
  readonly #members = new Map<S, Member<S>>();
  /** `RouteTable.stamp` of the last change of a subscription: a route resolved before it is out of date. */
  #changedAt = 0;
  #subscriptionCount = 0;
  #resolutionCount = 0;
  #removedCount = 0;
  /** Reused by `#resolve`. */
  readonly #selected: Audience<S>[] = [];

  constructor(options: { readonly routeCacheBytesMax: number }) {
    this.#routes = new RouteTable(options.routeCacheBytesMax);
  }

  get topics(): TopicTable {
    return this.#routes;
  }

  get subscriptionCount(): number {
    return this.#subscriptionCount;
  }

  get statistics(): BusStatistics {
    return {
      subscriptions: this.#subscriptionCount,
      filters: this.#audiences.size,
      routes: this.#routes.routeCount,
      routeBytes: this.#routes.bytes,
      routeGenerations: this.#routes.generations,
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
   * One match per subscriber that gets the topic, in no order. The list never changes: subscribing or removing subscribers while walking it
   * takes effect with the next call. Nothing is allocated while subscriptions stay as they are.
   */
  matches(topic: Topic): readonly Match<S>[] {
    const route = this.#routes.routeOf(topic);
    if (route.checkedAt !== this.#routes.stamp) this.#check(route);
    return route.matches;
  }

  #check(route: Route<S>): void {
    route.checkedAt = this.#routes.stamp;
    if (route.resolvedAt < this.#changedAt) {
      this.#resolve(route);
      route.resolvedAt = this.#routes.stamp;
    }
    this.#routes.keep(route);
  }

  #resolve(route: Route<S>): void {
    this.#resolutionCount += 1;
    const selected = this.#selected;
    this.#audiences.collect(route.name, selected);
    const [only] = selected;
    if (only === undefined) route.setMatches(NO_MATCHES, 0);
    else if (selected.length === 1) route.setMatches(only.matches, 0);
    else this.#merge(route, selected);
    selected.length = 0;
  }

  #merge(route: Route<S>, audiences: readonly Audience<S>[]): void {
    const matches: Match<S>[] = [];
    const overlaps = new Map<number, Match<S>[]>();
    for (const { entries } of audiences) {
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
    route.setMatches(matches, overlaps.size);
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
    let audience = this.#audiences.get(filter);
    if (audience === undefined) {
      audience = new Audience();
      this.#audiences.set(filter, audience);
    }
    return audience;
  }

  #leave(filter: TopicFilter, entry: Entry<S>): void {
    entry.audience.remove(entry);
    if (entry.audience.entries.length === 0) this.#audiences.delete(filter);
    this.#subscriptionCount -= 1;
  }

  #forget(subscriber: S): void {
    this.#members.delete(subscriber);
    this.#removedCount += 1;
    if (this.#removedCount < REMOVED_SUBSCRIBERS_MAX) return;
    this.#removedCount = 0;
    this.#routes.forgetMatches();
  }

  #changed(): void {
    this.#routes.stamp += 1;
    this.#changedAt = this.#routes.stamp;
  }
}

function isSameGrant<S>(a: Match<S>, b: Match<S>): boolean {
  const isSameOwn = (a.own === a) === (b.own === b);
  return isSameOwn && a.qosMax === b.qosMax && a.retainAsPublished === b.retainAsPublished && a.identifiers[0] === b.identifiers[0];
}
