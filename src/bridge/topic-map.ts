// Which topics cross a bridge, and under which names: the text after the prefix stays and the prefixes change sides, or a template gives the name.
import { BoundedMap } from '../model/bounded-map.ts';
import { GatewayError } from '../model/errors.ts';
import type { QoS } from '../model/message.ts';
import { type Topic, type TopicFilter, type TopicName, type TopicTable, topicFilter, topicMatches, topicName } from '../model/topic.ts';
import { filled } from '../model/topic-template.ts';

export interface TopicRule {
  /** Without the prefixes. */
  readonly filter: string;
  readonly direction: 'out' | 'in' | 'both';
  readonly qos: QoS;
  readonly localPrefix: string;
  readonly remotePrefix: string;
  /** Name on the other side, made of what the wildcards matched; undefined: the prefixes change. Not with `both`. */
  readonly rename?: string | undefined;
}

/** One side's filter with the prefix it carries there, and both of the other side. */
interface Crossing {
  readonly filter: TopicFilter;
  readonly qos: QoS;
  readonly fromPrefix: string;
  readonly toFilter: TopicFilter;
  readonly toPrefix: string;
  readonly rename: string | undefined;
}

/** Mapped topics kept per direction; the oldest makes room. Long names are mapped each time. */
const CACHE_MAX = 4_096;
const CACHED_NAME_MAX = 256;

/** Names in one direction, with the last ones remembered. */
export class Crossings {
  readonly #rules: readonly Crossing[];
  readonly #topics: TopicTable;
  readonly #known = new BoundedMap<string, Topic | undefined>(CACHE_MAX);

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
    if (name.length > CACHED_NAME_MAX) return mapped;
    this.#known.set(name, mapped);
    return mapped;
  }

  /** Undefined when there is no such name on the other side, or when the rule does not select it there: neither a prefix nor what a wildcard matched makes a `$` topic (MQTT-4.7.2-1). */
  #renamed(topic: Topic, { filter, fromPrefix, toFilter, toPrefix, rename }: Crossing): Topic | undefined {
    if (rename !== undefined) {
      const made = nameOf(filled(rename, filter, topic.name));
      return made === undefined || (made.startsWith('$') && !rename.startsWith('$')) ? undefined : this.#topics.intern(made);
    }
    if (fromPrefix === toPrefix) return topic;
    // "plant/#" selects "plant" too (MQTT 5 §4.7.1.2), which has no text behind the prefix "plant/".
    const isParent = topic.name.length < fromPrefix.length;
    const text = isParent ? toPrefix.replace(/\/$/, '') : toPrefix + topic.name.slice(fromPrefix.length);
    const name = nameOf(text);
    return name !== undefined && topicMatches(toFilter, name) ? this.#topics.intern(name) : undefined;
  }
}

/** Undefined: empty, or with its new prefix too long or too deep. */
function nameOf(text: string): TopicName | undefined {
  try {
    return topicName(text);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return undefined;
  }
}

/** @throws GatewayError INVALID_TOPIC - a prefix and filter that make no filter together. */
export function crossings(rules: readonly TopicRule[], topics: TopicTable): { readonly out: Crossings; readonly in: Crossings } {
  const local = (rule: TopicRule): Side => ({ filter: topicFilter(rule.localPrefix + rule.filter), prefix: rule.localPrefix });
  const remote = (rule: TopicRule): Side => ({ filter: topicFilter(rule.remotePrefix + rule.filter), prefix: rule.remotePrefix });
  return {
    out: new Crossings(
      rules.filter(({ direction }) => direction !== 'in').map((rule) => crossing(rule, local(rule), remote(rule))),
      topics,
    ),
    in: new Crossings(
      rules.filter(({ direction }) => direction !== 'out').map((rule) => crossing(rule, remote(rule), local(rule))),
      topics,
    ),
  };
}

interface Side {
  readonly filter: TopicFilter;
  readonly prefix: string;
}

function crossing({ qos, rename }: TopicRule, from: Side, to: Side): Crossing {
  return { filter: from.filter, qos, rename, fromPrefix: from.prefix, toFilter: to.filter, toPrefix: to.prefix };
}
