// Lives of a bridge whose queue may drop, restarted and killed at any moment: what its remote got and what it was told of make up what was acknowledged.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Broker, DEFAULT_BROKER_SETTINGS } from '../../src/broker/broker.ts';
import type { Delivery, GatewayContext } from '../../src/gateway/gateway.ts';
import { gatewayClock } from '../../src/model/clock.ts';
import { silentLog } from '../../src/model/log.ts';
import { LOSS_REPORT_TOPIC, type LossReport } from '../../src/model/losses.ts';
import { MetricsTable } from '../../src/model/metrics.ts';
import type { TopicPolicy } from '../../src/model/queue-policy.ts';
import { topicFilter } from '../../src/model/topic.ts';
import type { SessionStore } from '../../src/session/session-store.ts';
import { OpenAccess, turnsOf } from '../support/core.ts';
import { FakeClock, settled } from '../support/fake-clock.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { SqliteBench } from '../support/store-bench.ts';
import { policyOf, requestOf, TestClient } from '../support/test-client.ts';

const DEVICES = ['d1', 'd2', 'd3'] as const;
const TOPICS = ['a/1', 'a/2', 'b/1', 'c/1'] as const;
const BRIDGE = 'bridge:centre';
/** Every life sees checkpoints, split groups and dropped segments. */
const SMALL = { checkpointLogBytes: 6_000, groupBytesMax: 2_000 };

const policy = fc.record(
  {
    whenFull: fc.constantFrom('refuse' as const, 'drop-oldest' as const, 'drop-newest' as const),
    keepLatest: fc.boolean(),
    sampleOneOf: fc.constantFrom(undefined, undefined, 3),
    sampleSeconds: fc.constantFrom(undefined, undefined, undefined, 2),
    ageSecondsMax: fc.constantFrom(undefined, undefined, 5),
    messagesMax: fc.constantFrom(undefined, 2, 5),
    bytesMax: fc.constantFrom(undefined, 300),
  },
  { requiredKeys: ['whenFull', 'keepLatest'] },
);
const policies = fc.tuple(policy, policy).map(([one, other]): TopicPolicy[] => [
  { ...one, filters: [topicFilter('a/#')] },
  { ...other, filters: [topicFilter('b/#')] },
]);

type Step =
  | { readonly kind: 'publish'; readonly device: (typeof DEVICES)[number]; readonly topic: (typeof TOPICS)[number]; readonly bytes: number }
  | { readonly kind: 'acknowledge'; readonly count: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'up' | 'down' | 'report' }
  | Restart;

interface Restart {
  readonly kind: 'restart' | 'kill';
  readonly policies: readonly TopicPolicy[];
}

const steps = fc.array(
  fc.oneof<fc.WeightedArbitrary<Step>[]>(
    {
      weight: 30,
      arbitrary: fc.record({
        kind: fc.constant('publish'),
        device: fc.constantFrom(...DEVICES),
        topic: fc.constantFrom(...TOPICS),
        bytes: fc.constantFrom(10, 60, 400),
      }),
    },
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('acknowledge'), count: fc.integer({ min: 1, max: 5 }) }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('pass'), ms: fc.constantFrom(0, 0, 20, 1_000, 4_000) }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom('up', 'down', 'report') }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('restart', 'kill'), policies }) },
  ),
  { minLength: 30, maxLength: 200 },
);

interface Ground {
  open(clock: FakeClock): SessionStore;
  reopened(store: SessionStore, clock: FakeClock): Promise<SessionStore>;
  killed(store: SessionStore, clock: FakeClock): SessionStore;
  end(): Promise<void>;
}

const GROUNDS: Readonly<Record<string, () => Ground>> = {
  'a store in memory': () => ({
    open: (clock) => new MemoryStore({ clock }),
    reopened: async (store) => (store as MemoryStore).reopened({ wasClean: true }),
    killed: (store) => (store as MemoryStore).reopened({ wasClean: false }),
    end: async () => {},
  }),
  'a store on disk': () => {
    const bench = new SqliteBench({ limits: SMALL });
    return {
      open: (clock) => bench.open({ clock }),
      reopened: async (store, clock) => {
        await bench.close(store);
        return bench.open({ clock });
      },
      killed: (_, clock) => bench.crashed({ clock }),
      end: () => bench.end(),
    };
  },
};

/** Takes the place of the remote. */
class Remote extends TestClient {
  readonly #life: Life;
  readonly unsettled: number[] = [];

  constructor(life: Life, context: GatewayContext) {
    super(context);
    this.#life = life;
  }

  override deliver(delivery: Delivery): void {
    super.deliver(delivery);
    this.unsettled.push(delivery.packetId);
    const text = Buffer.from(delivery.message.payload).toString();
    if (delivery.message.topic.name === LOSS_REPORT_TOPIC) this.#life.told(JSON.parse(text));
    else this.#life.arrived(text.trim());
  }
}

interface Published {
  readonly device: string;
  state: 'asked' | 'acknowledged' | 'refused';
}

class Life {
  readonly #ground: Ground;
  #store: SessionStore;
  #clock = new FakeClock();
  #policies: readonly TopicPolicy[];
  #remote: Remote | undefined;
  #publishers = new Map<string, TestClient>();
  #broker: Broker | undefined;
  /** By payload. */
  readonly #published = new Map<string, Published>();
  readonly #arrived = new Set<string>();
  readonly #reports = new Map<number, LossReport>();
  /** Came back with a restart though they had arrived, and were not sent since. */
  #returned = new Set<string>();
  /** Of those, what was lost then. */
  readonly #lostTwice: string[] = [];
  /** Asked when the gateway was killed, and not there afterwards: written and lost, or never written. */
  readonly #unknown: string[] = [];

  constructor(ground: Ground, first: readonly TopicPolicy[]) {
    this.#ground = ground;
    this.#policies = first;
    this.#store = ground.open(this.#clock);
  }

  told(report: LossReport): void {
    const before = this.#reports.get(report.report);
    if (before !== undefined) expect(report).toEqual(before);
    this.#reports.set(report.report, report);
  }

  arrived(payload: string): void {
    this.#arrived.add(payload);
    this.#returned.delete(payload);
  }

  async start(): Promise<void> {
    const { boot } = this.#store;
    const clock = gatewayClock(this.#clock, boot.gatewayTimeOffsetMs);
    const parts = { access: new OpenAccess(), log: silentLog, metrics: new MetricsTable(), turns: turnsOf(this.#clock), settings: DEFAULT_BROKER_SETTINGS };
    this.#broker = new Broker({ ...parts, store: this.#store, clock });
    this.#broker.restore();
    this.#remote = new Remote(this, this.#broker.contextFor(BRIDGE, silentLog));
    const queue = { ...policyOf({ messagesMax: 12, bytesMax: 2_500, whenFull: 'refuse' }), topicPolicies: this.#policies, tellsLosses: true };
    const connected = this.#remote.connect(requestOf(BRIDGE, { queue, queueQos0: true, inflightMax: 3 }), { isUpstreamDown: true });
    await this.#quiet();
    await connected;
    this.#remote.subscribe('#', { qos: 1 });
    this.#publishers = new Map(DEVICES.map((device) => [device, new TestClient((this.#broker as Broker).contextFor('mqtt', silentLog))]));
    for (const [device, client] of this.#publishers) {
      const coming = client.connect(requestOf(device, { cleanStart: true, sessionExpirySeconds: 0 }));
      await this.#quiet();
      await coming;
    }
    await this.#quiet();
  }

  async take(step: Step): Promise<void> {
    if (step.kind === 'publish') this.#publish(step);
    else if (step.kind === 'acknowledge') this.#acknowledge(step.count);
    else if (step.kind === 'pass') await this.#clock.advanceMs(step.ms);
    else if (step.kind === 'up') this.#remote?.session.resume('upstream');
    else if (step.kind === 'down') this.#remote?.session.pause('upstream');
    else if (step.kind === 'report') this.#report();
    else if ('policies' in step) await this.#restart(step);
  }

  /** Everything that waits goes out, losses and what waited for them last. */
  async end(): Promise<void> {
    this.#remote?.session.resume('upstream');
    for (let round = 0; round < 60; round += 1) {
      this.#report();
      this.#acknowledge(100);
      await this.#quiet();
    }
    this.#hear();
    this.#lostTwice.push(...this.#returned);
  }

  check(): void {
    for (const device of DEVICES) {
      const of = (payload: string): boolean => this.#published.get(payload)?.device === device;
      const owed = [...this.#published].filter(([payload, { state }]) => of(payload) && state === 'acknowledged' && !this.#arrived.has(payload)).length;
      const least = owed + this.#lostTwice.filter(of).length;
      const told = [...this.#reports.values()].filter((report) => report.device === `mqtt/${device}`).reduce((sum, { count }) => sum + count, 0);
      expect(told, `${device}: at least`).toBeGreaterThanOrEqual(least);
      expect(told, `${device}: at most`).toBeLessThanOrEqual(least + this.#unknown.filter(of).length);
    }
    const [queue] = this.#broker?.queues(BRIDGE).queues ?? [];
    const byCause: Record<string, number> = {};
    for (const { cause, count } of this.#reports.values()) byCause[cause] = (byCause[cause] ?? 0) + count;
    expect(byCause).toEqual(queue?.lost);
    expect(queue?.messages).toBe(0);
    expect(queue?.policies?.map(({ messages, bytes }) => messages + bytes)).toEqual([0, 0]);
    expect([...this.#reports.keys()].sort((a, b) => a - b)).toEqual([...this.#reports.keys()].map((_, index) => index + 1));
  }

  #publish({ device, topic, bytes }: Extract<Step, { kind: 'publish' }>): void {
    const number = this.#published.size;
    this.#published.set(String(number), { device, state: 'asked' });
    this.#publishers.get(device)?.publish(topic, String(number).padEnd(bytes), { token: number });
  }

  #acknowledge(count: number): void {
    for (const packetId of this.#remote?.unsettled.splice(0, count) ?? []) this.#remote?.session.settle(packetId);
  }

  #report(): void {
    const topic = this.#broker?.contextFor(BRIDGE, silentLog).topics.intern(LOSS_REPORT_TOPIC);
    if (topic === undefined) return;
    this.#remote?.session.reportLosses((report) => ({ topic, payload: Buffer.from(JSON.stringify(report)), qos: 1, isRetain: false }));
  }

  /** What publishers were told. */
  #hear(): void {
    for (const client of this.#publishers.values()) {
      for (const [token, outcome] of client.outcomes.splice(0)) {
        const published = this.#published.get(String(token));
        if (published !== undefined) published.state = outcome === 'quota-exceeded' ? 'refused' : 'acknowledged';
      }
    }
  }

  async #restart({ kind, policies: next }: Restart): Promise<void> {
    if (kind === 'restart') await this.#quiet();
    this.#hear();
    const asked = [...this.#published].filter(([, { state }]) => state === 'asked').map(([payload]) => payload);
    const clock = new FakeClock();
    this.#broker?.shutDown();
    this.#store = kind === 'kill' ? this.#ground.killed(this.#store, clock) : await this.#ground.reopened(this.#store, clock);
    this.#clock = clock;
    this.#policies = next;
    const queued = new Set(this.#queued());
    for (const payload of asked) {
      const published = this.#published.get(payload) as Published;
      published.state = queued.has(payload) || this.#arrived.has(payload) ? 'acknowledged' : 'refused';
      if (published.state === 'refused') this.#unknown.push(payload);
    }
    this.#lostTwice.push(...[...this.#returned].filter((payload) => !queued.has(payload)));
    this.#returned = new Set([...queued].filter((payload) => this.#arrived.has(payload)));
    await this.start();
  }

  #queued(): string[] {
    const stored = this.#store.sessions.get(`${BRIDGE}\0${BRIDGE}`);
    const texts: string[] = [];
    for (let at = stored?.queue.next(0); stored !== undefined && at !== undefined; at = stored.queue.next(at)) {
      const message = this.#store.read(stored, at)?.message;
      if (message?.topic.name !== LOSS_REPORT_TOPIC)
        texts.push(
          Buffer.from(message?.payload ?? [])
            .toString()
            .trim(),
        );
    }
    return texts;
  }

  async #quiet(): Promise<void> {
    await settled();
    await this.#clock.advanceMs(20);
    await settled();
  }
}

describe.each(Object.keys(GROUNDS))('a bridge whose queue may drop, on %s', (name) => {
  test('what arrived and what was reported as lost make up what was acknowledged', async () => {
    await fc.assert(
      fc.asyncProperty(policies, steps, async (first, life) => {
        const ground = (GROUNDS[name] as () => Ground)();
        try {
          const lived = new Life(ground, first);
          await lived.start();
          for (const step of life) await lived.take(step);
          await lived.end();
          lived.check();
        } finally {
          await ground.end();
        }
      }),
      { numRuns: 40 },
    );
  }, 120_000);
});
