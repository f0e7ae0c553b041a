import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PriorityRule } from '../../../src/model/queue-policy.ts';
import { topicFilter } from '../../../src/model/topic.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { policyOf, requestOf, TestClient } from '../../support/test-client.ts';

const TOPICS = ['alarm/a', 'alarm/b', 'data/a', 'data/b', 'log/a'] as const;

function classes(...filters: readonly (readonly [filter: string, priority: PriorityRule['priority']])[]): PriorityRule[] {
  return filters.map(([filter, priority]) => ({ filter: topicFilter(filter), priority }));
}

/** What a person may change the configuration to between two starts. */
const CONFIGURATIONS: readonly (readonly PriorityRule[])[] = [
  [],
  classes(['alarm/#', 7], ['log/#', 0]),
  classes(['log/#', 6], ['alarm/a', 1]),
  classes(['+/a', 5], ['alarm/#', 7]),
];

const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant('publish' as const), topic: fc.constantFrom(...TOPICS), qos: fc.constantFrom(1 as const, 2 as const) }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('acknowledge' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('leave' as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('return' as const), inflightMax: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('sleep' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wake' as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart' as const), configuration: fc.nat({ max: CONFIGURATIONS.length - 1 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** One subscriber with a stored session, in a gateway whose configuration changes with each start. */
class Life {
  #core: TestCore;
  #publisher: TestClient;
  #subscriber: TestClient | undefined;
  #acknowledged = 0;
  #published = 0;
  /** Numbers by topic and QoS. */
  readonly sent = new Map<string, number[]>();
  readonly #received = new Map<string, number[]>();

  constructor() {
    this.#core = this.#startOn([]);
    this.#publisher = new TestClient(this.#core.context('mqtt'));
  }

  async begin(): Promise<void> {
    await this.#publisher.connect(requestOf('publisher', { cleanStart: true, sessionExpirySeconds: 0 }));
    await this.#connect(2);
    this.#subscriber?.subscribe('#');
  }

  async run(each: Step): Promise<void> {
    switch (each.kind) {
      case 'publish':
        this.#publish(each.topic, each.qos);
        break;
      case 'acknowledge':
        for (let left = each.count; left > 0; left -= 1) this.#acknowledge();
        break;
      case 'leave':
        this.#leave();
        break;
      case 'return':
        this.#leave();
        await this.#connect(each.inflightMax);
        break;
      case 'sleep':
        this.#subscriber?.session.pause('asleep');
        break;
      case 'wake':
        this.#subscriber?.session.wake();
        break;
      case 'turn':
        await settled();
        break;
      case 'restart':
        await this.#restart(CONFIGURATIONS[each.configuration] ?? []);
        break;
    }
  }

  /** Everything there is comes, and each topic in its order. */
  async end(): Promise<void> {
    this.#leave();
    await this.#connect(20);
    for (let turn = 0; turn < 3 * this.#published + 3; turn += 1) {
      this.#acknowledge();
      await settled();
    }
    this.#collect();
    for (const [key, numbers] of this.sent) expect(this.#received.get(key), key).toEqual(numbers);
    expect(this.#core.store.status().queuedMessages).toBe(0);
  }

  #startOn(priorities: readonly PriorityRule[], before?: TestCore): TestCore {
    const queue = { ...policyOf({ messagesMax: 10_000, priorities }), rules: [] };
    return startCore({ clock: new FakeClock(), settings: { queue }, ...(before && { store: before.store.reopened({ wasClean: false }) }) });
  }

  #publish(topic: string, qos: 1 | 2): void {
    this.#published += 1;
    this.#publisher.publish(topic, String(this.#published), { qos, packetId: qos === 2 ? this.#published : 0 });
    this.#publisher.session.release(this.#published);
    listOf(this.sent, `${topic} ${qos}`).push(this.#published);
  }

  #acknowledge(): void {
    const delivery = this.#subscriber?.delivered[this.#acknowledged];
    if (delivery === undefined) return;
    this.#acknowledged += 1;
    this.#subscriber?.session.settle(delivery.packetId);
  }

  #leave(): void {
    this.#collect();
    this.#subscriber?.session.disconnect({ publishWill: false });
    this.#subscriber = undefined;
  }

  async #connect(inflightMax: number): Promise<void> {
    this.#acknowledged = 0;
    this.#subscriber = new TestClient(this.#core.context('mqtt'));
    await this.#subscriber.connect(requestOf('subscriber', { inflightMax }));
  }

  async #restart(priorities: readonly PriorityRule[]): Promise<void> {
    await settled();
    this.#collect();
    this.#subscriber = undefined;
    this.#core = this.#startOn(priorities, this.#core);
    this.#publisher = new TestClient(this.#core.context('mqtt'));
    await this.#publisher.connect(requestOf('publisher', { cleanStart: true, sessionExpirySeconds: 0 }));
  }

  /** Notes what came for the first time. */
  #collect(): void {
    for (const { topic, qos, payload } of this.#subscriber?.delivered ?? []) {
      const numbers = listOf(this.#received, `${topic} ${qos}`);
      if (!numbers.includes(Number(payload))) numbers.push(Number(payload));
    }
  }
}

function listOf(map: Map<string, number[]>, key: string): number[] {
  const list = map.get(key) ?? [];
  map.set(key, list);
  return list;
}

describe('MQTT 5 §4.6 message ordering', () => {
  test('MQTT-4.6.0-6: whatever classes topics have, and had before, each comes whole and in its order per QoS', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80 }), async (steps) => {
        const life = new Life();
        await life.begin();
        for (const each of steps) await life.run(each);
        await life.end();
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});
