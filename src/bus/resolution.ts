import type { Share } from './audience.ts';
import type { Match } from './match.ts';

const NONE: readonly never[] = [];

/** Who gets a topic. Neither list ever changes: subscribing or removing subscribers while walking them takes effect with the next look-up. */
export interface Routing<S> {
  /** One match per subscriber, in no order. */
  readonly matches: readonly Match<S>[];
  /** Each gets the topic once more, for one of its members. */
  readonly shares: readonly Share<S>[];
}

/** What was found for a topic. */
export class Resolution<S> implements Routing<S> {
  #matches: readonly Match<S>[] = NONE;
  #mergedCount = 0;
  shares: readonly Share<S>[] = NONE;

  get matches(): readonly Match<S>[] {
    return this.#matches;
  }

  /** How many of the matches were made for this topic alone, because subscriptions of one subscriber overlap. */
  get mergedCount(): number {
    return this.#mergedCount;
  }

  setMatches(matches: readonly Match<S>[], mergedCount: number): void {
    this.#matches = matches;
    this.#mergedCount = mergedCount;
  }

  /** Lets go of what was found. */
  clear(): void {
    this.setMatches(NONE, 0);
    this.shares = NONE;
  }
}
