// Which entries of which stored queue somebody means: as the control socket is asked, and as the broker answers.
import { type Realm, realm } from './client.ts';
import type { QoS } from './message.ts';
import type { TopicFilter } from './topic.ts';

/** Name space of dead letters: those of a bridge lie under its client id. */
export const DEAD_LETTER_REALM: Realm = realm('$dead-letter');

/** The client id, and its realm where more than one has such a client. */
export interface QueueName {
  readonly clientId: string;
  readonly realm?: string | undefined;
}

/** All of the conditions hold. */
export interface Selection {
  /** Only what lies behind this sequence. */
  readonly after?: number | undefined;
  /** Nothing that lies behind this one. */
  readonly upTo?: number | undefined;
  readonly sequences?: readonly number[] | undefined;
  readonly topics?: TopicFilter | undefined;
  /** Bytes of the payload: a text, or any others. */
  readonly contains?: string | undefined;
  readonly containsBytes?: Uint8Array | undefined;
  /** Client id of who published it, or `mqtt boiler-3`: with the protocol before it. */
  readonly publisher?: string | undefined;
  /** Since it came, by gateway time. */
  readonly olderThanSeconds?: number | undefined;
  readonly newerThanSeconds?: number | undefined;
  /** As the queue has it, which may be less than it was published at. */
  readonly qos?: QoS | undefined;
}
