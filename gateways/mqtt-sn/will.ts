// Will data (§6.3, §6.4). It belongs to the session: it outlives a DISCONNECT and is armed again by the next CONNECT, until the client replaces or
// deletes it or starts clean. The core holds it only while the client is connected or asleep.
import type { ClientSession, StateSpace } from '../../src/gateway/gateway.ts';
import { STATE_VALUE_BYTES_MAX } from '../../src/model/limits.ts';
import type { QoS } from '../../src/model/message.ts';
import type { TopicName, TopicTable } from '../../src/model/topic.ts';
import type { Client } from './client.ts';
import { countRefusal } from './counters.ts';
import { RETURN_CODE, type ReturnCode, type WillMsg, type WillTopic, type WillTopicFields } from './packets.ts';
import { nameFrom } from './topics.ts';

export interface WillTopicFacts {
  readonly qos: QoS;
  readonly isRetain: boolean;
  readonly topicName: TopicName;
}

export interface WillFacts extends WillTopicFacts {
  readonly message: Uint8Array;
}

const WILL_KEY = 'will';
/** qos 1, retain 1, topic length 2; then topic and message. */
const FIXED_BYTES = 4;
const NO_MESSAGE = new Uint8Array(0);

/** @returns undefined where the fields cannot be a will: a wildcard, QoS −1. */
export function willTopicFrom({ qos, isRetain, topicName }: WillTopicFields): WillTopicFacts | undefined {
  const name = nameFrom(topicName);
  return name === undefined || qos === -1 ? undefined : { qos, isRetain, topicName: name };
}

/** Whether topic and message fit into the store together. */
export function isStorable({ topicName, message }: WillFacts): boolean {
  return FIXED_BYTES + Buffer.byteLength(topicName) + message.length <= STATE_VALUE_BYTES_MAX;
}

export function storedWill(state: Pick<StateSpace, 'get'>): WillFacts | undefined {
  const value = state.get(WILL_KEY);
  if (value === undefined) return undefined;
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const messageAt = FIXED_BYTES + bytes.readUInt16BE(2);
  return {
    qos: bytes.readUInt8(0) as QoS,
    isRetain: bytes.readUInt8(1) === 1,
    topicName: bytes.toString('utf8', FIXED_BYTES, messageAt) as TopicName,
    message: bytes.subarray(messageAt),
  };
}

/** Replaces what is stored and what the core would publish; `message` may be borrowed. `will` undefined deletes both. */
export function replaceWill(session: ClientSession, topics: TopicTable, will: WillFacts | undefined): void {
  if (will === undefined) {
    session.state.delete(WILL_KEY);
    armWill(session, topics, undefined);
    return;
  }
  const topic = Buffer.from(will.topicName);
  const value = Buffer.concat([Buffer.of(will.qos, will.isRetain ? 1 : 0, topic.length >> 8, topic.length & 0xff), topic, will.message]);
  session.state.put(WILL_KEY, value);
  armWill(session, topics, { ...will, message: value.subarray(FIXED_BYTES + topic.length) });
}

/** Hands the will to the core, which keeps its message as it is, or takes it away; what is stored stays. */
export function armWill(session: ClientSession, topics: TopicTable, will: WillFacts | undefined): void {
  if (will === undefined) {
    session.setWill(undefined);
    return;
  }
  const { topicName, message, qos, isRetain } = will;
  session.setWill({ draft: { topic: topics.intern(topicName), payload: message, qos, isRetain }, delaySeconds: 0 });
}

/** WILLTOPICUPD and WILLMSGUPD. */
export class WillUpdates {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  topic({ will }: WillTopic): void {
    if (will === undefined) {
      this.#replace('WILLTOPICRESP', undefined); // §5.4.22: deletes topic and message
      return;
    }
    const facts = willTopicFrom(will);
    if (facts === undefined) this.#answer('WILLTOPICRESP', RETURN_CODE.notSupported);
    else this.#replace('WILLTOPICRESP', { ...facts, message: storedWill(this.#client.session.state)?.message ?? NO_MESSAGE });
  }

  message({ message }: WillMsg): void {
    const former = storedWill(this.#client.session.state);
    if (former === undefined)
      this.#answer('WILLMSGRESP', RETURN_CODE.notSupported); // a message for no topic
    else this.#replace('WILLMSGRESP', { ...former, message });
  }

  #replace(type: 'WILLTOPICRESP' | 'WILLMSGRESP', will: WillFacts | undefined): void {
    const { session, parts } = this.#client;
    if (will !== undefined && !isStorable(will)) {
      this.#answer(type, RETURN_CODE.notSupported);
      return;
    }
    replaceWill(session, parts.context.topics, will);
    session.whenDurable(() => this.#client.send({ type, returnCode: RETURN_CODE.accepted }));
  }

  #answer(type: 'WILLTOPICRESP' | 'WILLMSGRESP', returnCode: ReturnCode): void {
    countRefusal(this.#client.parts.counters, returnCode);
    this.#client.send({ type, returnCode });
  }
}
