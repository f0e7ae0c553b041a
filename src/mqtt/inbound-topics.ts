import type { Topic, TopicTable } from '../model/topic.ts';
import { MqttCodecError, type PublishView, REASON } from './packets.ts';

/** Topics of one connection's incoming PUBLISH packets: the last one by sight of its bytes, and the aliases the client set. */
export class InboundTopics {
  readonly #table: TopicTable;
  readonly #aliasMax: number;
  /** Made for the first one: most clients set none. */
  #aliases: Map<number, Topic> | undefined;
  #last: Topic | undefined;

  /** @param aliasMax - Topic Alias Maximum we announced. */
  constructor(table: TopicTable, aliasMax: number) {
    this.#table = table;
    this.#aliasMax = aliasMax;
  }

  /** @throws MqttCodecError - an alias out of range or unknown (MQTT 5 §3.3.2.3.4). */
  topicOf(view: PublishView): Topic {
    if (view.topicAlias !== 0) return this.#withAlias(view);
    return this.#named(view);
  }

  #named(view: PublishView): Topic {
    if (view.isSameTopic && this.#last !== undefined) return this.#last;
    this.#last = this.#table.internUtf8(view.bytes, view.topicStart, view.topicEnd);
    return this.#last;
  }

  #withAlias(view: PublishView): Topic {
    const alias = view.topicAlias;
    if (alias > this.#aliasMax) throw new MqttCodecError(REASON.topicAliasInvalid, 'MQTT-3.2.2-17', `topic alias ${alias} is above ${this.#aliasMax}`);
    if (view.topicEnd > view.topicStart) {
      const topic = this.#named(view);
      this.#aliases ??= new Map();
      this.#aliases.set(alias, topic);
      return topic;
    }
    const topic = this.#aliases?.get(alias);
    if (topic === undefined) throw new MqttCodecError(REASON.protocolError, 'MQTT 5 §3.3.2.3.4', `topic alias ${alias} was never set`);
    return topic;
  }
}
