// The one way from a name a client says to the name that is routed: special prefix off, mount point before it, rewrite rules, prefix again if a rule
// gave one. Permission is asked about what comes out. Nothing of it costs anything where nothing of it is configured.
import { isBadShare, selectedBy } from '../bus/shared-subscription.ts';
import { GatewayError } from '../model/errors.ts';
import { DELAY_SECONDS_MAX } from '../model/limits.ts';
import type { Draft } from '../model/message.ts';
import { type Topic, type TopicFilter, type TopicTable, topicFilter, topicName } from '../model/topic.ts';
import { type ClientNames, fillPlaceholders } from './placeholders.ts';
import type { TopicRewriter } from './rewrite.ts';

/** Where a publish goes. */
export interface PublishTarget {
  readonly topic: Topic;
  /** Undefined: now. */
  readonly delaySeconds: number | undefined;
}

/** What a subscription means. */
export interface SubscribeTarget {
  /** Names it in the session and in the store: prefix and final filter. */
  readonly key: TopicFilter;
  /** What the bus is asked for. */
  readonly routed: TopicFilter;
  /** What permission is asked about, and which retained messages it brings. */
  readonly selects: TopicFilter;
  readonly kind: 'ordinary' | 'shared' | 'exclusive';
}

const DOLLAR = 0x24;
const DELAYED = '$delayed/';
const LOCAL = '$local/';
export const EXCLUSIVE = '$exclusive/';

export class TopicPipeline {
  readonly #topics: TopicTable;
  readonly #rewriter: TopicRewriter | undefined;

  /** @param rewriter - undefined: no rules. */
  constructor(topics: TopicTable, rewriter: TopicRewriter | undefined) {
    this.#topics = topics;
    this.#rewriter = rewriter;
  }

  /** @returns undefined when the client's names cannot stand in the mount point. */
  forClient(names: ClientNames, mountPoint: string): ClientTopics | undefined {
    const filled = fillPlaceholders(mountPoint, names);
    return filled === undefined ? undefined : this.#with(names, filled);
  }

  /** For who has no mount point, or none that is known before it returns. */
  unmounted(names: ClientNames): ClientTopics {
    return this.#with(names, '');
  }

  #with(names: ClientNames, mountPoint: string): ClientTopics {
    return new ClientTopics({ topics: this.#topics, rewriter: this.#rewriter, names, mountPoint });
  }
}

interface ClientTopicsParts {
  readonly topics: TopicTable;
  readonly rewriter: TopicRewriter | undefined;
  readonly names: ClientNames;
  /** Filled in; `''`: none. */
  readonly mountPoint: string;
}

/** The names of one client. */
export class ClientTopics {
  readonly mountPoint: string;
  readonly #topics: TopicTable;
  readonly #rewriter: TopicRewriter | undefined;
  readonly #names: ClientNames;

  constructor(parts: ClientTopicsParts) {
    this.#topics = parts.topics;
    this.#rewriter = parts.rewriter;
    this.#names = parts.names;
    this.mountPoint = parts.mountPoint;
  }

  /** @returns undefined when no topic can be made of it. */
  published(topic: Topic): PublishTarget | undefined {
    const isPlain = this.mountPoint === '' && this.#rewriter === undefined && topic.name.charCodeAt(0) !== DOLLAR;
    if (isPlain) return { topic, delaySeconds: undefined };
    const asked = delayOf(topic.name);
    if (asked === undefined) return undefined;
    const text = this.#rewritten('publish', this.#mounted(asked.rest));
    const given = text === undefined || asked.delaySeconds !== undefined ? undefined : delayOf(text);
    const final = validOrUndefined(() => topicName(given?.rest ?? text ?? ''));
    if (final === undefined) return undefined;
    return { topic: this.#topics.intern(final), delaySeconds: asked.delaySeconds ?? given?.delaySeconds };
  }

  /** @returns undefined when no filter can be made of it. */
  subscribed(filter: TopicFilter): SubscribeTarget | undefined {
    if (this.mountPoint === '' && this.#rewriter === undefined) return targetOf(filter);
    if (isBadShare(filter)) return undefined; // mounted it would be a name like any other
    const { prefix, rest } = split(filter);
    const text = this.#rewritten('subscribe', this.#mounted(rest));
    if (text === undefined) return undefined;
    return validOrUndefined(() => targetOf(topicFilter(prefix + text)));
  }

  /** The filter by which the client names a subscription no rule renamed; undefined when it cannot have named it. */
  named(key: TopicFilter): TopicFilter | undefined {
    if (this.mountPoint === '') return key;
    const { prefix, rest } = split(key);
    const text = this.#unmountedText(rest);
    return text === undefined ? undefined : validOrUndefined(() => topicFilter(prefix + text));
  }

  /** The will under the name it will be published by; undefined when there is none. */
  will(draft: Draft): Draft | undefined {
    const target = this.published(draft.topic);
    if (target === undefined) return undefined;
    const { topic, delaySeconds } = target;
    if (topic === draft.topic) return draft;
    if (delaySeconds === undefined) return { ...draft, topic };
    const delayed = validOrUndefined(() => topicName(`${DELAYED}${delaySeconds}/${topic.name}`));
    return delayed && { ...draft, topic: this.#topics.intern(delayed) };
  }

  /** A will that comes due: `will` has been through the rest. */
  due(topic: Topic): PublishTarget | undefined {
    const delay = delayOf(topic.name);
    if (delay?.delaySeconds === undefined) return delay && { topic, delaySeconds: undefined };
    return { topic: this.#topics.intern(topicName(delay.rest)), delaySeconds: delay.delaySeconds };
  }

  /** The topic as the client knows it. */
  unmounted(topic: Topic): Topic {
    const text = this.#unmountedText(topic.name);
    return text === undefined || text === topic.name ? topic : this.#topics.intern(topicName(text));
  }

  /** Undefined: it is not below the mount point. */
  #unmountedText(text: string): string | undefined {
    const start = text.startsWith(LOCAL) ? LOCAL.length : 0;
    const end = start + this.mountPoint.length;
    if (!text.startsWith(this.mountPoint, start) || text.length === end) return undefined;
    return text.slice(0, start) + text.slice(end);
  }

  #mounted(text: string): string {
    if (this.mountPoint === '') return text;
    return text.startsWith(LOCAL) ? LOCAL + this.mountPoint + text.slice(LOCAL.length) : this.mountPoint + text;
  }

  #rewritten(action: 'publish' | 'subscribe', text: string): string | undefined {
    return this.#rewriter === undefined ? text : this.#rewriter.rewrite(action, text, this.#names);
  }
}

/** What a subscription under its stored name means. */
export function targetOf(key: TopicFilter): SubscribeTarget {
  if (key.charCodeAt(0) !== DOLLAR) return { key, routed: key, selects: key, kind: 'ordinary' };
  const { prefix, rest } = split(key);
  if (prefix === EXCLUSIVE) return { key, routed: rest, selects: rest, kind: 'exclusive' };
  return { key, routed: key, selects: rest, kind: prefix === '' ? 'ordinary' : 'shared' };
}

/** Messages of `$local` topics stay on this gateway: no bridge may name one. */
export function isLocal(name: string): boolean {
  return name.startsWith(LOCAL);
}

function split(filter: TopicFilter): { readonly prefix: string; readonly rest: TopicFilter } {
  if (filter.startsWith(EXCLUSIVE) && filter.length > EXCLUSIVE.length) return { prefix: EXCLUSIVE, rest: filter.slice(EXCLUSIVE.length) as TopicFilter };
  const rest = selectedBy(filter);
  return { prefix: filter.slice(0, filter.length - rest.length), rest };
}

/** `$delayed/{seconds}/{topic}`. @returns undefined when it begins so and does not go on so. */
function delayOf(name: string): { readonly delaySeconds: number | undefined; readonly rest: string } | undefined {
  if (!name.startsWith(DELAYED)) return { delaySeconds: undefined, rest: name };
  const end = name.indexOf('/', DELAYED.length);
  const digits = name.slice(DELAYED.length, end);
  const isUsable = end !== -1 && end + 1 < name.length && /^\d{1,10}$/.test(digits) && Number(digits) <= DELAY_SECONDS_MAX;
  return isUsable ? { delaySeconds: Number(digits), rest: name.slice(end + 1) } : undefined;
}

function validOrUndefined<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof GatewayError) return undefined; // too long or too deep once it is mounted, or rewritten into no name
    throw error;
  }
}
