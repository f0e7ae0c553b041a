import type { Topic, TopicName } from '../model/topic.ts';
import { utf8Length } from '../model/topic-utf8.ts';
import type { WireTopic } from './encode-publish.ts';

/** A Topic Alias takes three bytes of its own: shorter names gain nothing. */
const ALIAS_BYTES = 3;

/**
 * Topic aliases of one connection towards its client (MQTT 5 §3.3.2.3.4). First come, first served; once all are given away the one unused longest
 * goes to a topic that came twice in a row without one (docs/decisions/0024-topic-aliases.md).
 */
export class OutboundAliases {
  readonly #max: number;
  /** Least recently used first. */
  readonly #aliases = new Map<Topic, WireTopic>();
  /** The objects in `#aliases` by their names: a topic the table of topics does not keep is another object each time it comes. */
  readonly #topics = new Map<TopicName, Topic>();
  #lastWithout: TopicName | undefined;

  /** @param max - 1..65535, within the client's Topic Alias Maximum (MQTT-3.1.2-26). */
  constructor(max: number) {
    this.#max = max;
  }

  /** How the topic goes out; undefined: by its name alone. */
  of(topic: Topic): WireTopic | undefined {
    const wire = this.#aliases.get(topic) ?? this.#renewed(topic) ?? this.#given(topic);
    if (wire === undefined) return undefined;
    this.#aliases.delete(topic);
    this.#aliases.set(topic, wire);
    return wire;
  }

  /** The client has been sent what `of` said: from now on the alias alone will do. */
  sent(topic: Topic, { topic: named, alias }: WireTopic): void {
    if (named !== undefined) this.#aliases.set(topic, { topic: undefined, alias });
  }

  #renewed(topic: Topic): WireTopic | undefined {
    const former = this.#topics.get(topic.name);
    const wire = former && this.#aliases.get(former);
    if (former === undefined || wire === undefined) return undefined;
    this.#aliases.delete(former);
    this.#topics.set(topic.name, topic);
    return wire;
  }

  #given(topic: Topic): WireTopic | undefined {
    if (utf8Length(topic) <= ALIAS_BYTES) return undefined;
    const alias = this.#aliases.size < this.#max ? this.#aliases.size + 1 : this.#takenOver(topic);
    if (alias === undefined) return undefined;
    this.#topics.set(topic.name, topic);
    return { topic, alias };
  }

  /** @returns the alias unused longest, if the topic insists. */
  #takenOver({ name }: Topic): number | undefined {
    const isRepeated = name === this.#lastWithout;
    this.#lastWithout = name;
    const [oldest] = isRepeated ? this.#aliases : [];
    if (oldest === undefined) return undefined;
    const [topic, { alias }] = oldest;
    this.#aliases.delete(topic);
    this.#topics.delete(topic.name);
    return alias;
  }
}
