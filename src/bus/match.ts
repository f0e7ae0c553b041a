import type { QoS } from '../model/message.ts';
import type { Subscription } from './subscription.ts';

/**
 * A subscriber that gets a topic, once however many of its subscriptions select it: at the highest QoS they were granted, with the
 * Subscription Identifiers of all of them (MQTT 5 §3.3.4), its RETAIN flag kept when one of them asked for that.
 */
export interface Match<S> {
  readonly subscriber: S;
  readonly qosMax: QoS;
  readonly retainAsPublished: boolean;
  /** One per subscription that has an identifier; two subscriptions with the same identifier give it twice (MQTT 5 §3.3.4). */
  readonly identifiers: readonly number[];
  /**
   * What is left when the subscriber itself published: the match without its No Local subscriptions (MQTT-3.8.3-3). `undefined`: nothing;
   * the match itself when none of them is No Local.
   */
  readonly own: Match<S> | undefined;
}

const NO_IDENTIFIERS: readonly number[] = [];

/** All matches are of this one class, so that the loop over a fan-out sees one shape. */
class MergedMatch<S> implements Match<S> {
  readonly subscriber: S;
  readonly qosMax: QoS;
  readonly retainAsPublished: boolean;
  readonly identifiers: readonly number[];
  readonly own: Match<S> | undefined;

  constructor(subscriber: S, terms: Pick<Match<S>, 'qosMax' | 'retainAsPublished' | 'identifiers'>, own: Match<S> | undefined | 'itself') {
    this.subscriber = subscriber;
    this.qosMax = terms.qosMax;
    this.retainAsPublished = terms.retainAsPublished;
    this.identifiers = terms.identifiers;
    this.own = own === 'itself' ? this : own;
  }
}

export function matchOf<S>(subscriber: S, subscription: Subscription): Match<S> {
  const { qosMax, retainAsPublished, identifier, noLocal } = subscription;
  const identifiers = identifier === undefined ? NO_IDENTIFIERS : [identifier];
  return new MergedMatch(subscriber, { qosMax, retainAsPublished, identifiers }, noLocal ? undefined : 'itself');
}

/** One match for several subscriptions of the same subscriber. `first` and `rest` are matches of single subscriptions. */
export function mergeMatches<S>(first: Match<S>, rest: readonly Match<S>[]): Match<S> {
  const all = [first, ...rest];
  const terms = {
    qosMax: Math.max(...all.map((match) => match.qosMax)) as QoS,
    retainAsPublished: all.some((match) => match.retainAsPublished),
    identifiers: all.flatMap((match) => match.identifiers),
  };
  const [firstOwn, ...restOwn] = all.filter((match) => match.own === match);
  if (firstOwn === undefined) return new MergedMatch(first.subscriber, terms, undefined);
  if (restOwn.length === rest.length) return new MergedMatch(first.subscriber, terms, 'itself');
  return new MergedMatch(first.subscriber, terms, restOwn.length === 0 ? firstOwn : mergeMatches(firstOwn, restOwn));
}
