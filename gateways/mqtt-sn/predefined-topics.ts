// Topic ids both ends know beforehand (§6.7): from configuration, for one client or for all.
import type { ClientId } from '../../src/model/client.ts';
import { type TopicName, topicName } from '../../src/model/topic.ts';
import type { PredefinedTopic } from './settings.ts';

const EVERY_CLIENT = '*';

export class PredefinedTopics {
  readonly #names = new Map<string, Map<number, TopicName>>();
  readonly #ids = new Map<string, Map<TopicName, number>>();

  /** @throws GatewayError INVALID_TOPIC - a topic that is no topic name. */
  constructor(topics: readonly PredefinedTopic[]) {
    for (const { clientId, id, topic } of topics) {
      const name = topicName(topic);
      tableOf(this.#names, clientId).set(id, name);
      tableOf(this.#ids, clientId).set(name, id);
    }
  }

  /** `clientId` undefined: a publisher without connection, who knows the topics of every client only. */
  nameOf(clientId: ClientId | undefined, id: number): TopicName | undefined {
    const own = clientId === undefined ? undefined : this.#names.get(clientId)?.get(id);
    return own ?? this.#names.get(EVERY_CLIENT)?.get(id);
  }

  idOf(clientId: ClientId, name: TopicName): number | undefined {
    const own = this.#ids.get(clientId)?.get(name);
    if (own !== undefined) return own;
    const shared = this.#ids.get(EVERY_CLIENT)?.get(name);
    if (shared === undefined || this.#names.get(clientId)?.has(shared) === true) return undefined; // the client knows that id as another topic
    return shared;
  }
}

function tableOf<Key, Value>(tables: Map<string, Map<Key, Value>>, clientId: string): Map<Key, Value> {
  let table = tables.get(clientId);
  if (table === undefined) {
    table = new Map();
    tables.set(clientId, table);
  }
  return table;
}
