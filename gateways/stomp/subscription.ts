// One subscription of a connection: how its messages are named, and which of them its client has not acknowledged (STOMP 1.2 "SUBSCRIBE", "ACK").
import type { ClientSession, Delivery } from '../../src/gateway/gateway.ts';
import type { Message } from '../../src/model/message.ts';
import type { TopicFilter } from '../../src/model/topic.ts';
import { type Destination, destinationHeader } from './destinations.ts';
import { escaped } from './encode.ts';
import { StompError, type StompVersion } from './packets.ts';
import type { StompSettings } from './settings.ts';

const ACK_MODES = ['auto', 'client', 'client-individual'] as const;
export type AckMode = (typeof ACK_MODES)[number];

/** Where its messages go. */
export interface MessageSink {
  readonly version: StompVersion;
  readonly settings: StompSettings;
  /** Names one message of this connection. */
  nextMessageId(): string;
  /** @param own - header lines of this subscriber. */
  writeMessage(message: Message, own: string): void;
}

export interface SubscriptionTerms {
  /** Undefined: a 1.0 client gave none. */
  readonly id: string | undefined;
  readonly destination: Destination;
  readonly ackMode: AckMode;
  readonly prefetch: number;
}

/** Where the core has it. */
export interface SubscriptionPlace {
  /** Of its own, or the connection's. */
  readonly session: ClientSession;
  readonly filter: TopicFilter;
  /** Among those of the connection's session; undefined: it has one of its own. */
  readonly identifier: number | undefined;
}

/** @throws StompError - no mode of this version. */
export function ackModeOf(header: string | undefined, version: StompVersion): AckMode {
  const mode = ACK_MODES.find((each) => each === (header ?? 'auto'));
  if (mode === undefined || (mode === 'client-individual' && version === '1.0')) {
    throw new StompError('STOMP 1.2 SUBSCRIBE', 'ack is auto, client or client-individual');
  }
  return mode;
}

export class Subscription {
  readonly terms: SubscriptionTerms;
  readonly place: SubscriptionPlace;
  readonly #sink: MessageSink;
  readonly #head: string;
  /** Packet ids by message id, in the order they were sent; 0: published at QoS 0, kept by nobody. */
  readonly #unacknowledged = new Map<string, number>();
  #topic = '';
  #destinationLine = '';

  constructor(terms: SubscriptionTerms, place: SubscriptionPlace, sink: MessageSink) {
    this.terms = terms;
    this.place = place;
    this.#sink = sink;
    this.#head = `MESSAGE\n${terms.id === undefined ? '' : `subscription:${escaped(terms.id, sink.version)}\n`}`;
  }

  /** @returns the message id under which it waits to be acknowledged; undefined: it does not. */
  deliver(delivery: Delivery): string | undefined {
    const { message, packetId } = delivery;
    const messageId = this.#sink.nextMessageId();
    const isAwaited = this.terms.ackMode !== 'auto';
    this.#sink.writeMessage(message, this.#ownHeaders(delivery, messageId, isAwaited));
    if (!isAwaited) {
      if (packetId > 0) this.place.session.settle(packetId); // auto: acknowledged when it is sent
      return undefined;
    }
    this.#unacknowledged.set(messageId, packetId);
    if (this.#isFull) this.place.session.pause('window');
    return messageId;
  }

  /** What an ACK or NACK of `messageId` is about: in `client` mode all before it as well. They wait no longer. */
  take(messageId: string): readonly (readonly [messageId: string, packetId: number])[] {
    if (!this.#unacknowledged.has(messageId)) return [];
    const wasFull = this.#isFull;
    const taken: (readonly [string, number])[] = [];
    for (const entry of this.#unacknowledged) {
      const isMeant = entry[0] === messageId;
      if (!isMeant && this.terms.ackMode === 'client-individual') continue;
      taken.push(entry);
      if (isMeant) break;
    }
    for (const [each] of taken) this.#unacknowledged.delete(each);
    if (wasFull && !this.#isFull) this.place.session.resume('window');
    return taken;
  }

  get unacknowledged(): Iterable<string> {
    return this.#unacknowledged.keys();
  }

  get #isFull(): boolean {
    return this.#unacknowledged.size >= this.terms.prefetch;
  }

  #ownHeaders({ message, isRetain, isDuplicate, expirySeconds }: Delivery, messageId: string, isAwaited: boolean): string {
    if (message.topic.name !== this.#topic) {
      this.#topic = message.topic.name;
      const destination = destinationHeader(this.terms.destination, this.#topic, this.#sink.settings);
      this.#destinationLine = `destination:${escaped(destination, this.#sink.version)}\n`;
    }
    const ack = isAwaited && this.#sink.version === '1.2' ? `ack:${messageId}\n` : '';
    const flags = `${isRetain ? 'retain:true\n' : ''}${isDuplicate ? 'redelivered:true\n' : ''}${expirySeconds === undefined ? '' : `expiry:${expirySeconds}\n`}`;
    return `${this.#head}message-id:${messageId}\n${ack}${this.#destinationLine}${flags}`;
  }
}
