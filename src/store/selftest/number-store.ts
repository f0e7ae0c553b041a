// The real store, with a life so simple that a person can check it: numbers, one after the other, each acknowledged when it is durable. Whatever number was
// acknowledged last, it and the window before it must be there when the power comes back.
import { clientId, realm } from '../../model/client.ts';
import type { Clock } from '../../model/clock.ts';
import { Message } from '../../model/message.ts';
import type { NumbersFound, SyncFacts } from '../../model/selftest.ts';
import { topicName } from '../../model/topic.ts';
import { topicOf } from '../../model/topic-utf8.ts';
import { type DurableWaiter, type Sequence, type SessionStore, type StoredSession, sessionKey } from '../../session/session-store.ts';

/** Numbers that are kept: older ones are settled, so that the store does not grow. */
const WINDOW = 1_000;
/** Between two commits: 500 of them a second are enough, whatever the disk. */
const PAUSE_MS = 2;
/** A commit holds up to as many numbers. */
const BATCH_MAX = 8;
/** Commits between two notes of how long syncs take. */
const NOTE_EVERY = 100;
const OWNER = { gateway: 'selftest' };
const [REALM, CLIENT] = [realm('selftest'), clientId('numbers')];
const ORIGIN = { gateway: 'selftest', clientId: CLIENT };

export interface WriterOptions {
  readonly clock: Clock;
  readonly onAcknowledged: (number: number) => void;
}

export class NumberWriter implements DurableWaiter {
  readonly #store: SessionStore;
  readonly #clock: Clock;
  readonly #session: StoredSession;
  readonly #onAcknowledged: (number: number) => void;
  /** Of the last WINDOW numbers. */
  readonly #sequences: Sequence[] = [];
  #written = 0;
  #commits = 0;
  #isStopped = false;

  /** @param store - an empty one. */
  constructor(store: SessionStore, { clock, onAcknowledged }: WriterOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#onAcknowledged = onAcknowledged;
    this.#session = store.createSession(REALM, CLIENT, {
      principal: 'selftest',
      expirySeconds: Number.POSITIVE_INFINITY,
      detachedAtMs: undefined,
      will: undefined,
    });
  }

  start(): void {
    this.#writeBatch();
  }

  stop(): void {
    this.#isStopped = true;
  }

  durable(number: number): void {
    this.#onAcknowledged(number);
    if (number === this.#written && !this.#isStopped) this.#clock.after(PAUSE_MS, () => this.#writeBatch());
  }

  #writeBatch(): void {
    this.#commits += 1;
    for (let left = 1 + (this.#commits % BATCH_MAX); left > 0; left -= 1) this.#write();
    if (this.#commits % NOTE_EVERY !== 0) return;
    const { syncMsMedian, syncMsMax } = this.#store.status();
    this.#store.putState(OWNER, 'sync', Buffer.from(JSON.stringify({ syncMsMedian, syncMsMax } satisfies SyncFacts)));
  }

  #write(): void {
    this.#written += 1;
    const payload = Buffer.from(String(this.#written));
    const draft = { topic: topicOf(topicName('selftest')), payload, qos: 1, isRetain: false } as const;
    this.#store.refer(this.#session, { qos: 1, isRetain: false, identifiers: [] });
    this.#sequences.push(this.#store.append(new Message(draft, ORIGIN, { publishedAtMs: this.#clock.nowMs(), expiresAtMs: Number.POSITIVE_INFINITY })));
    this.#store.whenDurable(this, this.#written);
    const oldest = this.#sequences.length > WINDOW ? this.#sequences.shift() : undefined;
    if (oldest !== undefined) this.#store.settle(this.#session, oldest, 'delivered');
  }
}

/** What a store holds that was opened after the power came back. */
export function numbersIn(store: SessionStore): Pick<NumbersFound, 'last' | 'holes' | 'damage' | 'sync'> {
  const { quarantined, damagedGroups } = store.status();
  const damage = [
    ...quarantined.map((name) => `the database was damaged and set aside as ${name}`),
    ...damagedGroups.map((group) => `group ${group} of its log is damaged`),
  ];
  const noted = store.gatewayState(OWNER.gateway).get('sync');
  const sync: SyncFacts = noted === undefined ? { syncMsMedian: 0, syncMsMax: 0 } : JSON.parse(Buffer.from(noted).toString());
  const session = store.sessions.get(sessionKey(REALM, CLIENT));
  return { ...(session === undefined ? { last: 0, holes: 0 } : windowOf(store, session)), damage, sync };
}

/** Every number of the window that ends with the last one must be there. */
function windowOf(store: SessionStore, session: StoredSession): Pick<NumbersFound, 'last' | 'holes'> {
  const numbers = new Set<number>();
  for (let at = session.queue.next(0); at !== undefined; at = session.queue.next(at)) {
    const delivery = store.read(session, at);
    if (delivery !== undefined) numbers.add(Number(Buffer.from(delivery.message.payload).toString()));
  }
  const last = Math.max(0, ...numbers);
  let holes = 0;
  for (let number = Math.max(1, last - WINDOW + 1); number <= last; number += 1) if (!numbers.has(number)) holes += 1;
  return { last, holes };
}
