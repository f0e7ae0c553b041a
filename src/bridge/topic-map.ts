// Which topics cross a bridge, and under which names: the text after the prefix stays, the prefixes change sides.
import type { QoS } from '../model/message.ts';
import { type Topic, type TopicFilter, type TopicTable, topicFilter, topicMatches, topicName } from '../model/topic.ts';

export interface TopicRule {
  /** Without the prefixes. */
  readonly filter: string;
  readonly direction: 'out' | 'in' | 'both';
  readonly qos: QoS;
  readonly localPrefix: string;
  readonly remotePrefix: string;
}

/** One side's filter with the prefix it carries there and on the other side. */
interface Crossing {
  readonly filter: TopicFilter;
  readonly qos: QoS;
  readonly fromPrefix: string;
  readonly toPrefix: string;
}

/** Mapped topics kept per direction; the oldest makes room. */
const CACHE_MAX = 10_000;

/** Names in one direction, with the last ones remembered. */
export class Crossings {
  readonly #rules: readonly Crossing[];
  readonly #topics: TopicTable;
  readonly #known = new Map<string, Topic | undefined>();

  constructor(rules: readonly Crossing[], topics: TopicTable) {
    this.#rules = rules;
    this.#topics = topics;
  }

  /** What to subscribe to on the side messages come from. */
  get filters(): readonly { readonly filter: TopicFilter; readonly qos: QoS }[] {
    return this.#rules;
  }

  /** The topic's name on the other side; undefined when no rule carries it. The first rule that matches decides. */
  map(topic: Topic): Topic | undefined {
    const { name } = topic;
    if (this.#known.has(name)) return this.#known.get(name);
    const rule = this.#rules.find(({ filter }) => topicMatches(filter, name));
    const mapped = rule === undefined ? undefined : this.#renamed(topic, rule);
    if (this.#known.size >= CACHE_MAX) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(name, mapped);
    return mapped;
  }

  #renamed(topic: Topic, { fromPrefix, toPrefix }: Crossing): Topic {
    if (fromPrefix === toPrefix) return topic;
    return this.#topics.intern(topicName(toPrefix + topic.name.slice(fromPrefix.length)));
  }
}

/** @throws GatewayError INVALID_TOPIC - a prefix and filter that make no filter together. */
export function crossings(rules: readonly TopicRule[], topics: TopicTable): { readonly out: Crossings; readonly in: Crossings } {
  const out = rules.filter(({ direction }) => direction !== 'in');
  const inward = rules.filter(({ direction }) => direction !== 'out');
  return {
    out: new Crossings(
      out.map(({ filter, qos, localPrefix, remotePrefix }) => ({
        filter: topicFilter(localPrefix + filter),
        qos,
        fromPrefix: localPrefix,
        toPrefix: remotePrefix,
      })),
      topics,
    ),
    in: new Crossings(
      inward.map(({ filter, qos, localPrefix, remotePrefix }) => ({
        filter: topicFilter(remotePrefix + filter),
        qos,
        fromPrefix: remotePrefix,
        toPrefix: localPrefix,
      })),
      topics,
    ),
  };
}
