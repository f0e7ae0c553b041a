// What a peer refuses for good though its gateway must not lose it: it moves from the session's queue into one that nobody can attach, in a realm no
// listener can enter, in the commit in which it leaves the first. Why, and when, is state of that queue. A person looks at it and has it sent again.

import { clientId } from '../model/client.ts';
import type { EpochMs, GatewayClock } from '../model/clock.ts';
import type { QueueLimits } from '../model/queue-policy.ts';
import { DEAD_LETTER_REALM } from '../model/queue-selection.ts';
import { type Sequence, type SessionStore, type SettleCause, type StoredDelivery, type StoredSession, sessionKey } from '../session/session-store.ts';
import type { BrokerCounters } from './counters.ts';
import type { Drops, QueueDrops } from './drops.ts';
import { isOverBound } from './queue-bounds.ts';
import { type QueueFacts, storedFacts } from './queue-report.ts';
import { unretained } from './recipient.ts';

export interface DeadLettersParts {
  readonly store: SessionStore;
  readonly clock: GatewayClock;
  readonly drops: Drops;
  readonly counters: BrokerCounters;
  /** Of the dead letters of one session; the oldest makes room. */
  readonly limits: QueueLimits;
}

/** Why a message is a dead letter. */
export interface DeadLetterFacts {
  /** As the protocol says it: `0x87 Not authorized`. */
  readonly reason: string;
  readonly atMs: EpochMs;
}

export class DeadLetters {
  readonly #parts: DeadLettersParts;
  readonly #drops = new Map<string, QueueDrops>();

  constructor(parts: DeadLettersParts) {
    this.#parts = parts;
  }

  /** Joins the open group; the caller settles the entry it comes from as `moved` right behind. */
  add(owner: string, { message, qos }: StoredDelivery, reason: string): void {
    const { store, clock, counters } = this.#parts;
    const queue = this.#queueOf(owner) ?? this.#makeQueue(owner);
    store.refer(queue, { qos, isRetain: message.isRetain, identifiers: [] });
    const sequence = store.append(unretained(message));
    store.putState(queue, String(sequence), Buffer.from(JSON.stringify({ reason, atMs: clock.nowMs() } satisfies DeadLetterFacts)));
    counters.deadLetters.value += 1;
    while (isOverBound(queue, this.#parts.limits)) this.#dropOldest(owner, queue);
  }

  remove(queue: StoredSession, sequence: Sequence, cause: SettleCause): void {
    this.#parts.store.settle(queue, sequence, cause);
    this.#parts.store.putState(queue, String(sequence), undefined);
  }

  countOf(owner: string): number {
    return this.#queueOf(owner)?.queue.count ?? 0;
  }

  queues(): QueueFacts[] {
    const stored = [...this.#parts.store.sessions.values()].filter((session) => session.realm === DEAD_LETTER_REALM);
    return stored.map((queue) => ({
      realm: DEAD_LETTER_REALM,
      clientId: queue.clientId,
      isConnected: false,
      ...storedFacts(queue),
      messagesInMemory: 0,
      inflight: 0,
      dropped: this.#dropsOf(queue.clientId).counts,
    }));
  }

  #queueOf(owner: string): StoredSession | undefined {
    return this.#parts.store.sessions.get(sessionKey(DEAD_LETTER_REALM, clientId(owner)));
  }

  #makeQueue(owner: string): StoredSession {
    const facts = { principal: 'internal', expirySeconds: Number.POSITIVE_INFINITY, detachedAtMs: 0, will: undefined };
    return this.#parts.store.createSession(DEAD_LETTER_REALM, clientId(owner), facts);
  }

  #dropOldest(owner: string, queue: StoredSession): void {
    const oldest = queue.queue.next(0);
    if (oldest === undefined) return;
    this.remove(queue, oldest, 'queue-full');
    this.#dropsOf(owner).add('queue-full');
  }

  #dropsOf(owner: string): QueueDrops {
    const known = this.#drops.get(owner) ?? this.#parts.drops.of({ realm: DEAD_LETTER_REALM, clientId: owner });
    this.#drops.set(owner, known);
    return known;
  }
}

/** Undefined: it is none, or what was stored of it cannot be read. */
export function deadLetterFacts(queue: StoredSession, sequence: Sequence): DeadLetterFacts | undefined {
  const value = queue.state.get(String(sequence));
  return value === undefined ? undefined : (JSON.parse(Buffer.from(value).toString()) as DeadLetterFacts);
}
