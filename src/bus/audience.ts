// Who listens to one filter: its subscribers, and the groups that share a subscription to it.
import type { TopicFilter } from '../model/topic.ts';
import type { Match } from './match.ts';

/** A subscriber and all it subscribed to. */
export interface Member<S> {
  readonly entries: Map<TopicFilter, Entry<S>>;
  /** While several audiences are merged: the resolution the member was last met in, and where its match went. */
  metIn: number;
  matchIndex: number;
}

/** A subscriber's one subscription to one filter. */
export interface Entry<S> {
  readonly member: Member<S>;
  readonly audience: Audience<S>;
  match: Match<S>;
  /** Where it stands in the audience. */
  index: number;
}

const NONE: readonly never[] = [];

/** All who made the same subscription. */
export class Audience<S> {
  #entries: Entry<S>[] | undefined;
  #matches: readonly Match<S>[] | undefined;

  get entries(): readonly Entry<S>[] {
    return this.#entries ?? NONE;
  }

  /** A list that never changes: it is replaced when the audience does, so whoever walks it is not disturbed. */
  get matches(): readonly Match<S>[] {
    this.#matches ??= matchesOf(this.entries);
    return this.#matches;
  }

  add(member: Member<S>, match: Match<S>): Entry<S> {
    const entry = { member, audience: this, match, index: this.entries.length };
    if (this.#entries === undefined)
      this.#entries = [entry]; // room for one, and most have no more; pushing would make it for 17
    else this.#entries.push(entry);
    this.#matches = undefined;
    return entry;
  }

  replace(entry: Entry<S>, match: Match<S>): void {
    entry.match = match;
    this.#matches = undefined;
  }

  /** The last one takes its place. */
  remove(entry: Entry<S>): void {
    const last = this.#entries?.pop();
    if (this.#entries !== undefined && last !== undefined && last !== entry) {
      this.#entries[entry.index] = last;
      last.index = entry.index;
    }
    this.#matches = undefined;
  }
}

function matchesOf<S>(entries: readonly Entry<S>[]): readonly Match<S>[] {
  const [first] = entries;
  return first !== undefined && entries.length === 1 ? [first.match] : entries.map(({ match }) => match);
}

/** A Shared Subscription: each message goes to one of its members, on that member's terms (MQTT 5 §4.8.2). */
export interface Share<S> {
  /** With `$share` and name: what tells it from the same filter shared by another group. */
  readonly filter: TopicFilter;
  readonly group: string;
  /** A list that never changes; it is replaced when they do. */
  readonly members: readonly Match<S>[];
}

class SharedAudience<S> extends Audience<S> implements Share<S> {
  readonly filter: TopicFilter;
  readonly group: string;

  constructor(filter: TopicFilter, group: string) {
    super();
    this.filter = filter;
    this.group = group;
  }

  get members(): readonly Match<S>[] {
    return this.matches;
  }
}

const NO_SHARES: readonly never[] = [];

/** The audience of the plain filter is the listeners themselves: nearly always there is no other. */
export class Listeners<S> extends Audience<S> {
  #shared: readonly SharedAudience<S>[] = NO_SHARES;

  get shares(): readonly Share<S>[] {
    return this.#shared;
  }

  get isEmpty(): boolean {
    return this.entries.length === 0 && this.#shared.length === 0;
  }

  /** The audience of a shared subscription, made when there is none. */
  sharedBy(filter: TopicFilter, group: string): Audience<S> {
    let shared = this.#shared.find((each) => each.filter === filter);
    if (shared === undefined) {
      shared = new SharedAudience(filter, group);
      this.#shared = [...this.#shared, shared];
    }
    return shared;
  }

  /** Lets go of shares whose last member left. */
  dropEmptyShares(): void {
    this.#shared = this.#shared.filter(({ entries }) => entries.length > 0);
  }
}
