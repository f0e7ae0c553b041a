import type { ClientId } from './client.ts';
import type { GatewayMs } from './clock.ts';
import type { Topic } from './topic.ts';

export type QoS = 0 | 1 | 2;

export function minQoS(a: QoS, b: QoS): QoS {
  return Math.min(a, b) as QoS;
}

/** In the order they were sent (MQTT-3.1.3-10, MQTT-3.3.2-18); names may repeat. */
export type UserProperties = readonly (readonly [name: string, value: string])[];

/** The PUBLISH properties that keep their meaning across every protocol (MQTT 5 §3.3.2.3). */
export interface MessageProperties {
  /** Payload Format Indicator: true says the payload is UTF-8. */
  readonly isUtf8?: boolean;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Uint8Array;
  /** In the order they were sent (MQTT-3.3.2-18). */
  readonly userProperties?: UserProperties;
}

/** Where a message entered the system. Bridges read it to avoid loops; the audit log prints it. */
export interface Origin {
  /** Gateway or bridge: `mqtt`, `mqtt-sn`, `bridge:cloud`. */
  readonly gateway: string;
  readonly clientId: ClientId;
}

/** A message as a client states it; the core adds origin and time. */
export interface Draft {
  readonly topic: Topic;
  /** Borrowed until `publish` returns. */
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly isRetain: boolean;
  readonly properties?: MessageProperties | undefined;
  /** Message Expiry Interval; absent: never. */
  readonly expirySeconds?: number | undefined;
}

/**
 * Which of the messages given to one queue it is, where the queue counts them. Queue and boot are part of it: counting begins anew at each start, so a number
 * that was lost with an unclean end is never given to another message.
 */
export interface QueueNumber {
  /** The gateway whose queue it is: `bridge:cloud`. */
  readonly queue: string;
  readonly boot: number;
  /** From 1, of all messages of that boot in that queue. */
  readonly number: number;
  /** From 1, of those of one publisher; 0: there are more publishers than are counted. */
  readonly deviceNumber: number;
  /** Of number 1: the boot before that gave any, 0 if there was none; so that a boot of which nothing arrived is missed. */
  readonly after?: number | undefined;
}

/** When a message was taken over by the gateway. */
export interface Stamps {
  /** The wall clock may be wrong at that moment, and known only later: `WallTimes` says what it was. `-Infinity`: before this was kept. */
  readonly publishedAtMs: GatewayMs;
  readonly expiresAtMs: GatewayMs;
  /** Of the queues that count what they are given; undefined: none does. */
  readonly numbers?: readonly QueueNumber[] | undefined;
}

/** One application message. Immutable but for the ownership of its payload. */
export class Message {
  readonly topic: Topic;
  readonly qos: QoS;
  readonly isRetain: boolean;
  readonly properties: MessageProperties | undefined;
  readonly origin: Origin;
  readonly publishedAtMs: GatewayMs;
  /** `Infinity`: never expires. */
  readonly expiresAtMs: GatewayMs;
  readonly numbers: readonly QueueNumber[] | undefined;
  #payload: Uint8Array;
  #isKept = false;

  constructor(draft: Draft, origin: Origin, stamps: Stamps) {
    this.topic = draft.topic;
    this.qos = draft.qos;
    this.isRetain = draft.isRetain;
    this.properties = draft.properties;
    this.origin = origin;
    this.publishedAtMs = stamps.publishedAtMs;
    this.expiresAtMs = stamps.expiresAtMs;
    this.numbers = stamps.numbers;
    this.#payload = draft.payload;
  }

  /** Borrowed from the reader of the socket until `keep` was called. */
  get payload(): Uint8Array {
    return this.#payload;
  }

  /**
   * Makes the payload the message's own, once however many queues keep it: a borrowed view of 20 bytes would pin the
   * 64 KiB read buffer it lies in.
   */
  keep(): this {
    if (!this.#isKept) {
      this.#payload = Uint8Array.prototype.slice.call(this.#payload);
      this.#isKept = true;
    }
    return this;
  }
}
