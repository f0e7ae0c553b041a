// The part of a queue that is under one policy of its own: a second queue, of the same messages. Each message refers to both from the record it is written
// in, and leaves both in one group, so that its count, its bytes and its oldest entry are there after a restart without a look at any message.
import { createHash } from 'node:crypto';
import { clientId, type Realm, realm } from '../model/client.ts';
import { LOWEST_FIRST, type Priority } from '../model/priority.ts';
import type { TopicPolicy } from '../model/queue-policy.ts';
import { type LiveQueue, type Sequence, type SessionStore, type SettleCause, type StoredSession, sessionKey } from '../session/session-store.ts';
import { lowest } from './queue-bounds.ts';

/** Their queues are found by those they are parts of, and by nobody else. */
export const POLICY_REALM: Realm = realm('$policy');

/** Which entries of a part may go; `queue` is its own. */
export interface PartWaiting {
  oldest(priority: Priority, queue: LiveQueue): Sequence | undefined;
  newest(priority: Priority, queue: LiveQueue): Sequence | undefined;
}

export interface PartParts {
  readonly store: SessionStore;
  readonly owner: StoredSession;
  readonly waiting: PartWaiting;
}

export class PolicyPart {
  /** Undefined: of filters that are configured no longer; what came under them stays until it has been sent. */
  policy: TopicPolicy | undefined;
  readonly name: string;
  readonly #parts: PartParts;
  #stored: StoredSession | undefined;

  constructor(parts: PartParts, name: string) {
    this.name = name;
    this.#parts = parts;
    this.#stored = parts.store.sessions.get(sessionKey(POLICY_REALM, clientId(name)));
  }

  get count(): number {
    return this.#stored?.queue.count ?? 0;
  }

  get bytes(): number {
    return this.#stored?.queue.bytes ?? 0;
  }

  get mayDrop(): boolean {
    return this.policy !== undefined && this.policy.whenFull !== 'refuse';
  }

  /** Where the next message under the policy is referred to as well. */
  makeQueue(): StoredSession {
    const facts = { principal: 'internal', expirySeconds: Number.POSITIVE_INFINITY, detachedAtMs: 0, will: undefined };
    this.#stored ??= this.#parts.store.createSession(POLICY_REALM, clientId(this.name), facts);
    return this.#stored;
  }

  /** @returns false: it is none of these. */
  settle(sequence: Sequence, cause: SettleCause): boolean {
    if (this.#stored === undefined || !this.#stored.queue.has(sequence)) return false;
    this.#parts.store.settle(this.#stored, sequence, cause);
    return true;
  }

  /** The next to go. */
  get victim(): Sequence | undefined {
    return this.#lowest(this.policy?.whenFull === 'drop-newest' ? 'newest' : 'oldest');
  }

  /** The first of all that waits. */
  get eldest(): Sequence | undefined {
    const { waiting } = this.#parts;
    const queue = this.#stored?.queue;
    if (queue === undefined || queue.count === 0) return undefined;
    const firsts = LOWEST_FIRST.map((priority) => waiting.oldest(priority, queue) ?? Number.POSITIVE_INFINITY);
    const eldest = Math.min(...firsts);
    return Number.isFinite(eldest) ? eldest : undefined;
  }

  /** Something of a lower class would go before a message of this one. */
  hasBelow(priority: Priority): boolean {
    const { waiting } = this.#parts;
    const queue = this.#stored?.queue;
    return queue !== undefined && LOWEST_FIRST.some((lower) => lower < priority && waiting.oldest(lower, queue) !== undefined);
  }

  /** Lets go of what its owner has no more: a damaged log may know of one reference and not of the other. */
  reconcile(): void {
    const { store, owner } = this.#parts;
    const stored = this.#stored;
    if (stored === undefined) return;
    for (let at = stored.queue.next(0); at !== undefined; at = stored.queue.next(at)) {
      if (!owner.queue.has(at)) store.settle(stored, at, 'session-ended');
    }
  }

  /** Of one that is configured no longer. @returns false: something is in it. */
  end(): boolean {
    if (this.count > 0) return false;
    if (this.#stored !== undefined) this.#parts.store.removeSession(this.#stored);
    this.#stored = undefined;
    return true;
  }

  #lowest(end: 'oldest' | 'newest'): Sequence | undefined {
    const { waiting } = this.#parts;
    const queue = this.#stored?.queue;
    return queue && lowest((priority) => waiting[end](priority, queue));
  }
}

/** Other numbers hold for what waits already; other filters are another policy. */
export function partName(owner: StoredSession, { filters }: TopicPolicy): string {
  const mark = createHash('sha256').update(JSON.stringify(filters)).digest('hex').slice(0, 16);
  return `${prefixOf(owner)}${mark}`;
}

/** The parts of a queue that a restart left. */
export function partNames(store: SessionStore, owner: StoredSession): string[] {
  const prefix = prefixOf(owner);
  return [...store.sessions.values()].filter(({ realm: of, clientId: id }) => of === POLICY_REALM && id.startsWith(prefix)).map(({ clientId: id }) => id);
}

function prefixOf({ clientId: owner }: StoredSession): string {
  return `${owner} `;
}
