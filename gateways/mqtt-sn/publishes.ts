// PUBLISH from the client (§6.6). Answers wait until the core has the message on disk; PUBCOMP until the release of its id is there too.
import type { PublishOutcome } from '../../src/gateway/gateway.ts';
import { RECEIVE_MAX } from '../../src/model/limits.ts';
import type { TopicName } from '../../src/model/topic.ts';
import type { Client } from './client.ts';
import { countRefusal } from './counters.ts';
import { type Publish, RETURN_CODE, type ReturnCode } from './packets.ts';
import { PUBACK_CODE } from './reason.ts';
import { publishedTopic } from './topics.ts';

/** A message the core has not answered for; by MsgId. */
interface Pending {
  readonly topicId: number;
  readonly qos: 1 | 2;
}

const NO_ANSWER_TOKEN = 0; // MsgId 0 is never one of QoS 1 or 2

export class Publishes {
  readonly #client: Client;
  readonly #pending = new Map<number, Pending>();
  /** Until then the client is over its rate, by `clock.monotonicMs()`. */
  #throttledUntilMs = 0;

  constructor(client: Client) {
    this.#client = client;
  }

  throttle(delayMs: number): void {
    this.#throttledUntilMs = this.#client.parts.context.clock.monotonicMs() + delayMs;
  }

  receive(packet: Publish): void {
    if (this.#throttledUntilMs > this.#client.parts.context.clock.monotonicMs()) {
      this.#refuse(packet, RETURN_CODE.congestion); // a datagram that is not read is lost; this one is sent again later (§6.6)
      return;
    }
    const topic = this.#topicOf(packet);
    if (typeof topic === 'number') {
      this.#refuse(packet, topic);
      return;
    }
    if (packet.topicIdType === 'normal') this.#client.topicIds.confirm(packet.topicId); // who uses an id knows it
    if (packet.qos === 1 || packet.qos === 2) this.#publishAnswered(packet, packet.qos, topic);
    else this.#publish(packet, topic, NO_ANSWER_TOKEN);
  }

  published(msgId: number, outcome: PublishOutcome): void {
    const pending = this.#pending.get(msgId);
    if (pending === undefined) return; // QoS 0
    this.#pending.delete(msgId);
    const returnCode = PUBACK_CODE[outcome];
    if (returnCode === RETURN_CODE.congestion) this.#client.parts.counters.congested.value += 1;
    if (pending.qos === 2 && returnCode === RETURN_CODE.accepted) this.#client.send({ type: 'PUBREC', msgId });
    else this.#client.send({ type: 'PUBACK', topicId: pending.topicId, msgId, returnCode }); // PUBREC has no code (§5.4.14)
  }

  /** @returns the return code of the refusal. */
  #topicOf({ qos, topicIdType, topicId, msgId }: Publish): TopicName | ReturnCode {
    const { predefined, clientId, topicIds } = this.#client;
    if (qos > 0 && msgId === 0) return RETURN_CODE.notSupported; // §5.3.7
    if (qos === -1 && topicIdType === 'normal') return RETURN_CODE.notSupported; // §6.8
    return publishedTopic({ predefined, clientId, topicIds }, topicIdType, topicId);
  }

  #publishAnswered(packet: Publish, qos: 1 | 2, topic: TopicName): void {
    const { msgId, topicId } = packet;
    if (this.#pending.has(msgId)) return; // a copy of what is on its way to the disk: one answer serves both
    if (this.#pending.size >= RECEIVE_MAX) {
      this.#refuse(packet, RETURN_CODE.congestion);
      return;
    }
    this.#pending.set(msgId, { topicId, qos });
    this.#publish(packet, topic, msgId);
  }

  #publish({ qos, isRetain, data, msgId }: Publish, name: TopicName, token: number): void {
    const { session, parts } = this.#client;
    const draft = { topic: parts.context.topics.intern(name), payload: data, qos: qos === -1 ? 0 : qos, isRetain } as const;
    if (qos === 2) session.publish(draft, token, msgId);
    else session.publish(draft, token);
  }

  #refuse({ qos, topicId, msgId }: Publish, returnCode: ReturnCode): void {
    countRefusal(this.#client.parts.counters, returnCode);
    if (qos === -1) return; // §6.8: never answered
    this.#client.send({ type: 'PUBACK', topicId, msgId, returnCode });
  }
}
