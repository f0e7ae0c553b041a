// A person looks into a queue: what waits in it, oldest first, and lets go of it or sends a dead letter again. In bounded pieces, each of which says where
// the next begins: a queue may hold a million messages, and this is the thread that serves everybody.
import { isUtf8 } from 'node:buffer';
import type { EpochMs, GatewayClock } from '../model/clock.ts';
import { GatewayError } from '../model/errors.ts';
import { QUEUE_ENTRIES_PER_REQUEST, QUEUE_PAYLOAD_SHOWN_BYTES } from '../model/limits.ts';
import type { Message } from '../model/message.ts';
import { type TopicFilter, topicMatches } from '../model/topic.ts';
import type { Sequence, SessionStore, StoredDelivery, StoredSession } from '../session/session-store.ts';
import type { BrokerSession } from './client-session.ts';
import { DEAD_LETTER_REALM, type DeadLetters, deadLetterFacts } from './dead-letters.ts';
import type { Durability } from './durability.ts';
import { appendFor } from './recipient.ts';
import type { Withheld } from './withheld.ts';

/** Which queue: the client id, and its realm where more than one has such a client. */
export interface QueueName {
  readonly clientId: string;
  readonly realm?: string | undefined;
}

/** Which of its entries; all of the conditions hold. */
export interface Selection {
  /** Only what lies behind this one. */
  readonly after?: Sequence | undefined;
  /** Nothing that lies behind this one. */
  readonly upTo?: Sequence | undefined;
  readonly sequences?: readonly Sequence[] | undefined;
  readonly topics?: TopicFilter | undefined;
  /** Text in the payload. */
  readonly contains?: string | undefined;
}

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
    const queue = this.#find(name);
    const entries: QueueEntry[] = [];
    const next = this.#visit(queue, selection, (sequence, delivery) => {
      entries.push(this.#entry(queue, sequence, delivery));
      return entries.length < limit;
    });
    return { entries, next };
  }

  /** @throws GatewayError NOT_FOUND - as `peek`, and for queues whose entries the gateway itself is about to publish. */
  purge(name: QueueName, selection: Selection): Purged {
    const queue = this.#find(name);
    const session = this.#parts.sessionOf(queue);
    if (session === undefined && queue.realm !== DEAD_LETTER_REALM)
      throw notFound(`the queue of ${name.clientId} belongs to the gateway: it can be looked at only`);
    let purged = 0;
    let inFlight = 0;
    const next = this.#visit(queue, selection, (sequence) => {
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
    const queue = this.#find({ clientId: owner, realm: DEAD_LETTER_REALM });
    const target = this.#parts.sessionOf(this.#find({ clientId: owner, realm: owner })); // a bridge is alone in its realm, which has its name
    if (target === undefined || !target.isAttached) throw notFound(`${owner} is not configured any more: nothing would send its messages`);
    const upTo = selection.upTo ?? queue.queue.last ?? 0;
    let replayed = 0;
    const next = this.#visit(queue, { ...selection, upTo }, (sequence, { message, qos, isRetain }) => {
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

  /** @param take - false: enough. @returns behind which the rest lies. */
  #visit(stored: StoredSession, selection: Selection, take: (sequence: Sequence, delivery: StoredDelivery) => boolean): Sequence | undefined {
    const { store } = this.#parts;
    const { upTo = Number.POSITIVE_INFINITY } = selection;
    let seen = selection.after ?? 0;
    for (let looks = 0; looks < QUEUE_ENTRIES_PER_REQUEST; looks += 1) {
      const sequence = stored.queue.next(seen);
      if (sequence === undefined || sequence > upTo) return undefined;
      seen = sequence;
      if (selection.sequences?.includes(sequence) === false) continue;
      const delivery = store.read(stored, sequence);
      if (delivery !== undefined && isSelected(delivery.message, selection) && !take(sequence, delivery)) break;
    }
    const following = stored.queue.next(seen);
    return following === undefined || following > upTo ? undefined : seen;
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

  #find({ clientId: id, realm }: QueueName): StoredSession {
    const { sessions } = this.#parts.store;
    const found = [...sessions.values()].filter(
      (session) => session.clientId === id && (realm === undefined ? session.realm !== DEAD_LETTER_REALM : session.realm === realm),
    );
    const [only, another] = found;
    if (only === undefined) throw notFound(realm === undefined ? `no stored queue of ${id}` : `no stored queue of ${id} in ${realm}`);
    if (another !== undefined) throw notFound(`several queues of ${id}: say which realm: ${found.map((each) => each.realm).join(', ')}`);
    return only;
  }
}

function isSelected({ topic, payload }: Message, { topics, contains }: Selection): boolean {
  if (topics !== undefined && !topicMatches(topics, topic.name)) return false;
  return contains === undefined || viewOf(payload).includes(contains);
}

function shown(payload: Uint8Array): QueueEntry['payload'] {
  const bytes = viewOf(payload);
  const beginning = bytes.subarray(0, QUEUE_PAYLOAD_SHOWN_BYTES);
  return isUtf8(bytes) ? { text: beginning.toString() } : { base64: beginning.toString('base64') };
}

function viewOf(payload: Uint8Array): Buffer {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.length);
}

function notFound(message: string): GatewayError {
  return new GatewayError('NOT_FOUND', message);
}
