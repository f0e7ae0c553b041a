// Lives of publishers and subscribers whose gateway is killed again and again, message by message: what each class of durability promises, and no more.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { clientId, realm } from '../../src/model/client.ts';
import { DURABILITY_CLASSES, type DurabilityClass } from '../../src/model/durability.ts';
import type { SessionStore, StoredSession } from '../../src/session/session-store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FileDamage } from '../support/file-damage.ts';
import { LateCommitter } from '../support/held-committer.ts';
import { SqliteBench } from '../support/store-bench.ts';
import { durable, FACTS, messageOf, QOS_1 } from '../support/store-samples.ts';

const SMALL = { checkpointLogBytes: 6_000, groupBytesMax: 2_000 };
const SESSIONS = ['a', 'b', 'c'];
const WITHIN_MS: Record<DurabilityClass, number> = { strict: 0, grouped: 10, lazy: 1_000, ram: Number.POSITIVE_INFINITY };

/** A commit waits so long for peers that were just told of another. */
const GATHERING_MS = 2;

type Step =
  | { readonly kind: 'publish'; readonly durability: DurabilityClass; readonly to: readonly string[]; readonly bytes: number }
  | { readonly kind: 'settle'; readonly session: string; readonly nth: number }
  | { readonly kind: 'end'; readonly session: string }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'turn' | 'commit' | 'kill' | 'damage' };

interface Published {
  readonly number: number;
  readonly durability: DurabilityClass;
  readonly sequence: number;
  isAcknowledged: boolean;
  /** Who has it and has not settled it. */
  readonly owed: Set<string>;
  /** Who settled it, until a commit makes that known for good. */
  readonly mayReturnTo: Set<string>;
  isCommitted: boolean;
}

const steps = fc.array(
  fc.oneof<fc.WeightedArbitrary<Step>[]>(
    {
      weight: 20,
      arbitrary: fc.record({
        kind: fc.constant('publish'),
        durability: fc.constantFrom(...DURABILITY_CLASSES),
        to: fc.subarray(SESSIONS, { minLength: 1 }),
        bytes: fc.oneof(fc.integer({ min: 4, max: 40 }), fc.constant(900)),
      }),
    },
    { weight: 20, arbitrary: fc.record({ kind: fc.constant('settle'), session: fc.constantFrom(...SESSIONS), nth: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('end'), session: fc.constantFrom(...SESSIONS) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass'), ms: fc.constantFrom(1, 5, 10, 1_000) }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('turn', 'turn', 'commit', 'kill', 'damage') }) },
  ),
  { minLength: 20, maxLength: 150 },
);

let damage: FileDamage;

beforeEach(() => {
  damage = new FileDamage();
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the store on disk, killed and damaged whenever', () => {
  test('keeps what each class of durability promises', async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), steps, async (isLate, life) => {
        const clock = new FakeClock();
        const bench = new SqliteBench({ clock, limits: SMALL, ...(isLate && { committer: (inline) => new LateCommitter(inline) }) });
        try {
          await new Life(bench, clock).live(life);
        } finally {
          await bench.end();
        }
      }),
      { numRuns: 30 },
    );
  }, 120_000);
});

class Life {
  readonly #bench: SqliteBench;
  readonly #clock: FakeClock;
  #store: SessionStore;
  #published: Published[] = [];
  #number = 0;
  /** Told by stores that were killed, too: the publisher has the answer all the same, but only if it came before. */
  #boot = 0;

  constructor(bench: SqliteBench, clock: FakeClock) {
    this.#bench = bench;
    this.#clock = clock;
    this.#store = bench.open();
  }

  async live(life: readonly Step[]): Promise<void> {
    for (const id of SESSIONS) this.#session(id);
    await this.#committed();
    for (const step of life) await this.#take(step);
    await this.#kill();
  }

  async #take(step: Step): Promise<void> {
    if (step.kind === 'publish') this.#publish(step);
    else if (step.kind === 'settle') this.#settle(step);
    else if (step.kind === 'end') this.#end(step.session);
    else if (step.kind === 'pass') await this.#clock.advanceMs(step.ms);
    else if (step.kind === 'turn') await this.#clock.advanceMs(0);
    else if (step.kind === 'commit') await this.#committed();
    else if (step.kind === 'damage') damage.after(0);
    else await this.#kill();
  }

  #session(id: string): StoredSession {
    return this.#store.sessions.get(`mqtt\0${id}`) ?? this.#store.createSession(realm('mqtt'), clientId(id), FACTS);
  }

  #publish({ durability, to, bytes }: Extract<Step, { kind: 'publish' }>): void {
    const number = this.#number;
    this.#number += 1;
    for (const id of to) this.#store.refer(this.#session(id), QOS_1);
    const sequence = this.#store.append(messageOf('t', `${number}`.padEnd(bytes)), WITHIN_MS[durability]);
    const isEarly = durability === 'lazy' || durability === 'ram';
    const published: Published = { number, durability, sequence, isAcknowledged: isEarly, owed: new Set(to), mayReturnTo: new Set(), isCommitted: false };
    this.#published.push(published);
    if (!isEarly) this.#store.whenSafe(sequence, { durable: (boot) => this.#acknowledged(published, boot) }, this.#boot);
  }

  /** Of a strict one: what was written before it is on disk as well. */
  #acknowledged(published: Published, boot: number): void {
    if (boot !== this.#boot) return;
    published.isAcknowledged = true;
    if (published.durability !== 'strict') return;
    for (const each of this.#published) if (each.sequence <= published.sequence) each.isCommitted = true;
  }

  #settle({ session, nth }: Extract<Step, { kind: 'settle' }>): void {
    const mine = this.#published.filter(({ owed }) => owed.has(session));
    const published = mine[nth] ?? mine[0];
    if (published === undefined) return;
    this.#store.settle(this.#session(session), published.sequence, 'delivered');
    published.owed.delete(session);
    published.mayReturnTo.add(session);
  }

  #end(id: string): void {
    this.#store.removeSession(this.#session(id));
    for (const { owed, mayReturnTo } of this.#published) if (owed.delete(id)) mayReturnTo.add(id);
  }

  async #committed(): Promise<void> {
    const done = durable(this.#store);
    await this.#clock.advanceMs(GATHERING_MS);
    await done;
    for (const published of this.#published) {
      published.mayReturnTo.clear();
      published.isCommitted = true;
    }
  }

  async #kill(): Promise<void> {
    this.#boot += 1;
    damage.none();
    this.#store = this.#bench.crashed();
    for (const id of SESSIONS) this.#judge(id, this.#found(id));
    this.#published = this.#published.filter(({ owed }) => owed.size > 0);
    expect(this.#store.status()).toMatchObject({ damagedGroups: [], volatileMessages: 0 });
    await this.#committed();
  }

  /** Numbers of the messages in the queue, by their sequences. */
  #found(id: string): Map<number, number> {
    const session = this.#session(id);
    const found = new Map<number, number>();
    for (let sequence = session.queue.next(0); sequence !== undefined; sequence = session.queue.next(sequence)) {
      const text = Buffer.from(this.#store.read(session, sequence)?.message.payload ?? []).toString();
      expect(text, `entry ${sequence} of ${id} can be read`).not.toBe('');
      found.set(sequence, Number.parseInt(text, 10));
    }
    return found;
  }

  #judge(id: string, found: ReadonlyMap<number, number>): void {
    for (const published of this.#published) {
      const { number, sequence, durability, owed, mayReturnTo, isAcknowledged, isCommitted } = published;
      const isFound = found.get(sequence) === number;
      const name = `${durability} message ${number} of ${id}`;
      if (durability === 'ram') expect(isFound, `${name} is gone`).toBe(false);
      else if (!owed.has(id) && !mayReturnTo.has(id)) expect(isFound, `${name} was settled`).toBe(false);
      else if (owed.has(id) && (isCommitted || (isAcknowledged && durability !== 'lazy'))) expect(isFound, `${name} is kept`).toBe(true);
      if (isFound) owed.add(id);
      else owed.delete(id);
    }
    const numbers = [...found.values()];
    expect(numbers, `order of ${id}`).toEqual(numbers.slice().sort((a, b) => a - b));
    const known = new Map(this.#published.map(({ sequence, number }) => [sequence, number]));
    expect(
      numbers.filter((number, index) => known.get([...found.keys()][index] ?? 0) !== number),
      `strangers of ${id}`,
    ).toEqual([]);
  }
}
