// REGISTER, SUBSCRIBE and UNSUBSCRIBE from the client (§6.5, §6.9). What an answer promises is on disk before it leaves.
import type { QoS } from '../../src/model/message.ts';
import type { TopicFilter, TopicName } from '../../src/model/topic.ts';
import type { Client } from './client.ts';
import { countRefusal } from './counters.ts';
import { NO_TOPIC_ID, RETURN_CODE, type Register, type ReturnCode, type Subscribe, type Unsubscribe } from './packets.ts';
import { SUBACK_CODE } from './reason.ts';
import { nameFrom, subscribedFilter } from './topics.ts';

interface Asked {
  readonly filter: TopicFilter;
  readonly qosMax: QoS;
  /** The client learns an id for it from SUBACK; absent where ids come later (wildcards), or are known (predefined and short). */
  readonly topicName: TopicName | undefined;
}

export class Subscriptions {
  readonly #client: Client;
  #subacksPending = 0;

  constructor(client: Client) {
    this.#client = client;
  }

  register({ msgId, topicName }: Register): void {
    const { topicIds, session, parts } = this.#client;
    const name = nameFrom(topicName);
    const topicId = name === undefined ? undefined : topicIds.assign(name);
    if (topicId === undefined) {
      if (name === undefined) parts.counters.unsupported.value += 1;
      else parts.counters.topicIdsExhausted.value += 1;
      this.#client.send({ type: 'REGACK', topicId: NO_TOPIC_ID, msgId, returnCode: RETURN_CODE.notSupported });
      return;
    }
    session.whenDurable(() => {
      topicIds.confirm(topicId);
      this.#client.send({ type: 'REGACK', topicId, msgId, returnCode: RETURN_CODE.accepted });
    });
  }

  subscribe(packet: Subscribe): void {
    const asked = this.#asked(packet);
    if (typeof asked === 'number') this.#refuse(packet.msgId, asked);
    else this.#subscribe(packet, asked);
  }

  unsubscribe({ msgId, topic }: Unsubscribe): void {
    const { session } = this.#client;
    const filter = subscribedFilter(this.#client, topic);
    if (typeof filter !== 'number') session.unsubscribe(filter);
    session.whenDurable(() => this.#client.send({ type: 'UNSUBACK', msgId })); // it has no return code: sent whatever was found
  }

  /** @returns the return code of the refusal. */
  #asked({ topic, qos }: Subscribe): Asked | ReturnCode {
    const filter = subscribedFilter(this.#client, topic);
    if (typeof filter === 'number') return filter;
    if (qos === -1) return RETURN_CODE.notSupported; // §6.8 is about PUBLISH only
    const topicName = topic.kind === 'name' ? nameFrom(filter) : undefined;
    if (topicName !== undefined && !this.#client.topicIds.hasRoomFor(topicName)) {
      this.#client.parts.counters.topicIdsExhausted.value += 1;
      return RETURN_CODE.notSupported;
    }
    return { filter, qosMax: qos, topicName };
  }

  #subscribe({ msgId, topic, isDuplicate }: Subscribe, { filter, qosMax, topicName }: Asked): void {
    const { session, topicIds } = this.#client;
    session.pause('subscribing'); // SUBACK brings the id the first PUBLISH uses
    const retainHandling = isDuplicate ? 1 : 0; // a repeated request brings retained messages only if the first one was lost
    const outcome = session.subscribe({ filter, qosMax, noLocal: false, retainAsPublished: false, retainHandling });
    const assigned = outcome.kind === 'granted' && topicName !== undefined ? topicIds.assign(topicName) : undefined;
    this.#subacksPending += 1;
    session.whenDurable(() => {
      if (assigned !== undefined) topicIds.confirm(assigned);
      const topicId = assigned ?? (topic.kind === 'predefined' ? topic.topicId : NO_TOPIC_ID);
      if (outcome.kind === 'granted') this.#client.send({ type: 'SUBACK', qos: outcome.qos, topicId, msgId, returnCode: RETURN_CODE.accepted });
      else this.#refuse(msgId, SUBACK_CODE[outcome.kind]);
      this.#subacksPending -= 1;
      if (this.#subacksPending === 0) session.resume('subscribing');
    });
  }

  #refuse(msgId: number, returnCode: ReturnCode): void {
    countRefusal(this.#client.parts.counters, returnCode);
    this.#client.send({ type: 'SUBACK', qos: 0, topicId: NO_TOPIC_ID, msgId, returnCode });
  }
}
