import { clientId } from '../model/client.ts';
import type { GatewayClock } from '../model/clock.ts';
import { Message, type Origin } from '../model/message.ts';
import { type TopicTable, topicName } from '../model/topic.ts';
import type { Router } from './router.ts';

const ORIGIN: Origin = { gateway: 'internal', clientId: clientId('$SYS') };

/** How the gateway speaks about itself: QoS 0, never written to the disk. */
export class Announcer {
  readonly #topics: TopicTable;
  readonly #clock: GatewayClock;
  readonly #router: Pick<Router, 'announce'>;

  constructor(topics: TopicTable, clock: GatewayClock, router: Pick<Router, 'announce'>) {
    this.#topics = topics;
    this.#clock = clock;
    this.#router = router;
  }

  /** @param topic - a valid topic name below `$SYS`. */
  event(topic: string, payload: string): void {
    this.#say(topic, payload, false);
  }

  /** A figure: who subscribes later gets the last one. */
  figure(topic: string, payload: string): void {
    this.#say(topic, payload, true);
  }

  #say(topic: string, payload: string, isRetain: boolean): void {
    const draft = { topic: this.#topics.intern(topicName(topic)), payload: Buffer.from(payload), qos: 0, isRetain } as const;
    this.#router.announce(new Message(draft, ORIGIN, { publishedAtMs: this.#clock.gatewayMs(), expiresAtMs: Number.POSITIVE_INFINITY }));
  }
}

/** A text as one level of a topic: what would be a level or a wildcard of its own is `_`. */
export function asLevel(text: string): string {
  return text.toWellFormed().replace(/[+#/\0]/g, '_');
}
