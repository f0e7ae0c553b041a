// The topics of what one remote sends, with the aliases it set on this connection (MQTT 5 §3.3.2.3.4).
import { GatewayError, ProtocolViolationError } from '../model/errors.ts';
import type { Topic, TopicTable } from '../model/topic.ts';
import type { PublishView } from '../mqtt/packets.ts';

export class RemoteTopics {
  readonly #table: TopicTable;
  readonly #onNameless: (reason: string) => void;
  /** By alias; undefined: a name that there is not here. */
  readonly #aliases = new Map<number, Topic | undefined>();

  /** @param onNameless - told of a name that cannot be one here: too long, too deep. */
  constructor(table: TopicTable, onNameless: (reason: string) => void) {
    this.#table = table;
    this.#onNameless = onNameless;
  }

  /** A new connection knows no alias. */
  forget(): void {
    this.#aliases.clear();
  }

  /** @returns undefined: there is no such name here. @throws ProtocolViolationError - an alias that was never set. */
  topicOf(view: PublishView): Topic | undefined {
    const { topicAlias, topicStart, topicEnd } = view;
    if (topicAlias === 0) return this.#named(view);
    if (topicEnd > topicStart) this.#aliases.set(topicAlias, this.#named(view));
    else if (!this.#aliases.has(topicAlias)) throw new ProtocolViolationError('MQTT 5 §3.3.2.3.4', `topic alias ${topicAlias} was never set`);
    return this.#aliases.get(topicAlias);
  }

  #named({ bytes, topicStart, topicEnd }: PublishView): Topic | undefined {
    try {
      return this.#table.internUtf8(bytes, topicStart, topicEnd);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#onNameless(error.message);
      return undefined;
    }
  }
}
