// A person looks into a queue: what waits in it, oldest first, and lets go of it or sends a dead letter again. In bounded pieces, each of which says where
// the next begins: a queue may hold a million messages, and this is the thread that serves everybody.
import { isUtf8 } from 'node:buffer';
import type { EpochMs, GatewayClock } from '../model/clock.ts';
import { GatewayError } from '../model/errors.ts';
import { QUEUE_PAYLOAD_SHOWN_BYTES } from '../model/limits.ts';
import { DEAD_LETTER_REALM, type QueueName, type Selection } from '../model/queue-selection.ts';
import type { Sequence, SessionStore, StoredDelivery, StoredSession } from '../session/session-store.ts';
import type { BrokerSession } from './client-session.ts';
import { type DeadLetters, deadLetterFacts } from './dead-letters.ts';
import type { Durability } from './durability.ts';
import { viewOf } from './queue-selection.ts';
import { findQueue, notFound, walkQueue } from './queue-walk.ts';
import { appendFor } from './recipient.ts';
import type { Withheld } from './withheld.ts';

export interface QueueEntry {
  readonly sequence: Sequence;
  readonly topic: string;
  readonly qos: number;
  readonly isRetain: boolean;
  /** As the wall clock has it now. */
  readonly publishedAtMs: EpochMs;
  /** Undefined: never. */
  readonly expiresInSeconds: number | undefined;
  /** `mqtt boiler-3`: protocol and client id of who published it. */
  readonly origin: string;
  readonly payloadBytes: number;
  /** The beginning of the payload; as base64 where it is not UTF-8. */
  readonly payload: { readonly text: string } | { readonly base64: string };
  /** Of a dead letter. */
  readonly reason: string | undefined;
}

/** `next`: behind which the rest lies; undefined: there is none. */
export interface Peeked {
  readonly entries: readonly QueueEntry[];
  readonly next: Sequence | undefined;
}

export interface Purged {
  readonly purged: number;
  /** Under way to the client: they cannot be called back. */
  readonly inFlight: number;
  readonly next: Sequence | undefined;
}

export interface Replayed {
  readonly replayed: number;
  readonly next: Sequence | undefined;
  /** The last that was there at the first request: what is not taken again comes behind it, and is for another time. */
  readonly upTo: Sequence;
}

export interface QueueInspectorParts {
  readonly store: SessionStore;
  readonly clock: GatewayClock;
  readonly deadLetters: DeadLetters;
  readonly durability: Durability;
  readonly withheld: Withheld;
  sessionOf(stored: StoredSession): BrokerSession | undefined;
}

export class QueueInspector {
  readonly #parts: QueueInspectorParts;

  constructor(parts: QueueInspectorParts) {
    this.#parts = parts;
  }

  /** @throws GatewayError NOT_FOUND - no such queue, or several. */
  peek(name: QueueName, selection: Selection, limit: number): Peeked {
    const queue = findQueue(this.#parts.store, name);
    const entries: QueueEntry[] = [];
    const next = walkQueue(this.#parts, queue, selection, (sequence, delivery) => {
      entries.push(this.#entry(queue, sequence, delivery));
      return entries.length < limit;
    });
    return { entries, next };
  }

  /** @throws GatewayError NOT_FOUND - as `peek`, and for queues whose entries the gateway itself is about to publish. */
  purge(name: QueueName, selection: Selection): Purged {
    const queue = findQueue(this.#parts.store, name);
    const session = this.#parts.sessionOf(queue);
    if (session === undefined && queue.realm !== DEAD_LETTER_REALM)
      throw notFound(`the queue of ${name.clientId} belongs to the gateway: it can be looked at only`);
    let purged = 0;
    let inFlight = 0;
    const next = walkQueue(this.#parts, queue, selection, (sequence) => {
      if (session === undefined) this.#parts.deadLetters.remove(queue, sequence, 'purged');
      else if (!session.outbound.queue.isWaiting(sequence)) {
        inFlight += 1;
        return true;
      } else {
        session.outbound.queue.lose(sequence, 'purged');
      }
      purged += 1;
      return true;
    });
    this.#parts.withheld.roomMayBe();
    return { purged, inFlight, next };
  }

  /**
   * Puts dead letters back at the end of the queue they come from, each in one commit.
   *
   * @throws GatewayError NOT_FOUND - no such client, or it has no dead letters; LIMIT_EXCEEDED - its queue is full.
   */
  replay(owner: string, selection: Selection): Replayed {
    const { store, durability, deadLetters } = this.#parts;
    const queue = findQueue(store, { clientId: owner, realm: DEAD_LETTER_REALM });
    const target = this.#parts.sessionOf(findQueue(store, { clientId: owner, realm: owner })); // a bridge is alone in its realm, which has its name
    if (target === undefined || !target.isAttached) throw notFound(`${owner} is not configured any more: nothing would send its messages`);
    const upTo = selection.upTo ?? queue.queue.last ?? 0;
    let replayed = 0;
    const next = walkQueue(this.#parts, queue, { ...selection, upTo }, (sequence, { message, qos, isRetain }) => {
      if (target.outbound.queue.refuses(message.topic)) throw new GatewayError('LIMIT_EXCEEDED', `the queue of ${owner} is full; replayed so far: ${replayed}`);
      store.together(() => {
        appendFor({ store, durability }, message, [{ recipient: target.outbound, terms: { qos, isRetain, identifiers: [] } }]);
        deadLetters.remove(queue, sequence, 'moved');
      });
      replayed += 1;
      return true;
    });
    return { replayed, next, upTo };
  }

  #entry(queue: StoredSession, sequence: Sequence, { message, qos, isRetain }: StoredDelivery): QueueEntry {
    const { topic, publishedAtMs, expiresAtMs, origin, payload } = message;
    const { clock } = this.#parts;
    const leftMs = expiresAtMs - clock.gatewayMs();
    return {
      sequence,
      topic: topic.name,
      qos,
      isRetain,
      publishedAtMs: clock.nowMs() - (clock.gatewayMs() - publishedAtMs),
      expiresInSeconds: Number.isFinite(leftMs) ? Math.max(0, Math.ceil(leftMs / 1000)) : undefined,
      origin: `${origin.gateway} ${origin.clientId}`,
      payloadBytes: payload.length,
      payload: shown(payload),
      reason: queue.realm === DEAD_LETTER_REALM ? deadLetterFacts(queue, sequence)?.reason : undefined,
    };
  }
}

function shown(payload: Uint8Array): QueueEntry['payload'] {
  const bytes = viewOf(payload);
  const beginning = bytes.subarray(0, QUEUE_PAYLOAD_SHOWN_BYTES);
  return isUtf8(bytes) ? { text: beginning.toString() } : { base64: beginning.toString('base64') };
}
