// SENDs of one client until their outcome is known (STOMP 1.2 "SEND", "RECEIPT").
import { randomUUID } from 'node:crypto';
import type { ClientSession, GatewayContext, PublishOutcome } from '../../src/gateway/gateway.ts';
import type { TopicName } from '../../src/model/topic.ts';
import { topicHeader } from './destinations.ts';
import { type Frame, headerOf, StompError } from './packets.ts';
import { type Sent, sentBy } from './send.ts';
import type { StompSettings } from './settings.ts';

export interface SendsParts {
  readonly context: GatewayContext;
  readonly settings: StompSettings;
  /** A `reply-to` named a place of this connection: what is sent to `topic` is to come back to it. */
  readonly expectReplies: (name: string, topic: string) => void;
}

/** What became of one. */
export interface SendOutcome {
  /** Undefined: it was taken. */
  readonly refusal: string | undefined;
  readonly receipt: string | undefined;
}

const REFUSALS: Readonly<Record<PublishOutcome, string | undefined>> = {
  accepted: undefined,
  'no-subscribers': undefined,
  denied: 'not allowed to send to',
  'invalid-topic': 'no topic can be made of',
  'quota-exceeded': 'no room for a message to',
};

export class Sends {
  readonly #parts: SendsParts;
  readonly #pending = new Map<number, { readonly receipt: string | undefined; readonly topic: TopicName }>();
  /** A level of a topic, which the client's own name may not be. */
  readonly #replyLevel = randomUUID();
  #lastToken = 0;

  constructor(parts: SendsParts) {
    this.#parts = parts;
  }

  /** @throws StompError - a header is missing or says nothing that can be done. */
  read(frame: Frame): Sent {
    const { context, settings, expectReplies } = this.#parts;
    const replyTopic = (name: string): string => {
      const topic = `stomp/reply/${this.#replyLevel}/${name}`;
      expectReplies(name, topic);
      return topic;
    };
    return sentBy(frame, { topics: context.topics, settings, replyTopic });
  }

  /** As `read`, of what is to be done later with others. @throws StompError - the client may not send there, too. */
  readJudged(frame: Frame, session: ClientSession): Sent {
    const sent = this.read(frame);
    const { topic } = sent.draft;
    if (!session.mayPublish(topic)) throw new StompError('STOMP 1.2 SEND', `${REFUSALS.denied} ${topicHeader(topic.name, this.#parts.settings)}`);
    return sent;
  }

  /** The outcome follows by `outcomeOf`, perhaps from within. */
  publish({ draft }: Sent, frame: Frame, session: ClientSession): void {
    this.#lastToken += 1;
    this.#pending.set(this.#lastToken, { receipt: headerOf(frame.headers, 'receipt'), topic: draft.topic.name });
    session.publish(draft, this.#lastToken);
  }

  outcomeOf(token: number, outcome: PublishOutcome): SendOutcome {
    const send = this.#pending.get(token);
    this.#pending.delete(token);
    const refusal = REFUSALS[outcome];
    const destination = send === undefined ? 'a destination' : topicHeader(send.topic, this.#parts.settings);
    return { refusal: refusal && `${refusal} ${destination}`, receipt: send?.receipt };
  }
}
