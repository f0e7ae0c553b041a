import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Broker, DEFAULT_BROKER_SETTINGS } from '../../../src/broker/broker.ts';
import type { GatewayContext } from '../../../src/gateway/gateway.ts';
import { gatewayClock } from '../../../src/model/clock.ts';
import { silentLog } from '../../../src/model/log.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import type { SessionStore } from '../../../src/session/session-store.ts';
import { OpenAccess, turnsOf } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

/** Where a life goes on after the gateway was killed. */
interface Disk {
  readonly store: SessionStore;
  /** Whether everything written is on it. */
  readonly isLossless: boolean;
  killed(): Promise<SessionStore>;
}

/** Nothing written is lost. */
function memoryDisk(): Disk {
  let store = new MemoryStore({ clock: new FakeClock() });
  return {
    store,
    isLossless: true,
    killed: async () => {
      await settled();
      store = store.reopened({ wasClean: false });
      return store;
    },
  };
}

/** What was not committed is lost. Groups are split as small as they come. */
function sqliteDisk(bench: SqliteBench): Disk {
  return { store: bench.open(), isLossless: false, killed: async () => bench.crashed() };
}

const STORED = 3;
const MEMBERS = 5;
const CLEAN = { cleanStart: true, sessionExpirySeconds: 0 };

const member = fc.nat({ max: MEMBERS - 1 });
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant('publish' as const), qos: fc.constantFrom(1 as const, 2 as const), count: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('acknowledge' as const), member, count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('come' as const), member }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('go' as const), member }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pause' as const), member }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('resume' as const), member }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
);

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** A member as its application sees it: what it was given by packet id, over all its connections. */
class Worker {
  client: TestClient | undefined;
  readonly open = new Map<number, { readonly payload: string; readonly qos: number; isReceived: boolean }>();
  #deliveriesSeen = 0;
  readonly #life: Life;
  readonly #id: string;
  readonly #isStored: boolean;

  constructor(life: Life, index: number) {
    this.#life = life;
    this.#id = `member-${index}`;
    this.#isStored = index < STORED;
  }

  async comes(inflightMax: number): Promise<void> {
    if (this.client !== undefined) return;
    const client = new TestClient(this.#life.context);
    this.#deliveriesSeen = 0;
    this.client = client;
    await client.connect(requestOf(this.#id, { inflightMax, ...(this.#isStored ? {} : CLEAN) }));
    client.subscribe('$share/g/jobs', { qos: this.#isStored ? 2 : this.#life.qosOfClean });
  }

  goes(): void {
    this.client?.session.disconnect({ publishWill: false });
    this.lost();
  }

  lost(): void {
    this.client = undefined;
    for (const [packetId, { qos }] of this.open) if (qos === 1 || !this.#isStored) this.open.delete(packetId);
  }

  look(): void {
    const { client } = this;
    if (client === undefined) return;
    for (const { packetId, payload, qos } of client.delivered.slice(this.#deliveriesSeen)) {
      this.#life.given(payload, qos, `${this.#id}#${packetId}`);
      this.open.set(packetId, { payload, qos, isReceived: false });
    }
    this.#deliveriesSeen = client.delivered.length;
    for (const packetId of client.released.splice(0)) {
      const exchange = this.open.get(packetId);
      if (exchange === undefined)
        client.session.settle(packetId); // completed before the gateway forgot: PUBCOMP once more
      else exchange.isReceived = true;
    }
  }

  /** One step of the oldest delivery that can make one. */
  acknowledges(): boolean {
    this.look();
    for (const [packetId, { payload, qos, isReceived }] of this.open) {
      if (this.client === undefined) return false;
      if (qos === 2 && !isReceived) {
        if (this.client.session.received(packetId)) continue;
        return false;
      }
      if (!this.client.session.settle(packetId)) continue;
      this.open.delete(packetId);
      this.#life.finished(payload);
      return true;
    }
    return false;
  }
}

interface Job {
  readonly payload: string;
  readonly qos: 1 | 2;
  /** The publisher was told that it is safe. */
  isAcknowledged: boolean;
}

class Life {
  context: GatewayContext;
  #store: SessionStore;
  readonly #disk: Disk;
  readonly #clock = new FakeClock();
  readonly #published: Job[] = [];
  readonly #workers: readonly Worker[];
  readonly #completions = new Map<string, number>();
  /** Of QoS 2: the members and packet ids it was given under. */
  readonly #holders = new Map<string, Set<string>>();
  #publisher: TestClient;

  constructor(disk: Disk) {
    this.#disk = disk;
    this.#store = disk.store;
    this.context = this.#start();
    this.#publisher = new TestClient(this.context);
    this.#workers = Array.from({ length: MEMBERS }, (_, index) => new Worker(this, index));
  }

  /** What is given to a clean session at QoS 2 goes with it when the gateway is killed (MQTT-4.8.2-5). */
  get qosOfClean(): 1 | 2 {
    return this.#disk.isLossless ? 2 : 1;
  }

  async begins(): Promise<void> {
    await this.#publisher.connect(requestOf('publisher', CLEAN));
    for (const worker of this.#workers.slice(0, STORED)) await worker.comes(2);
  }

  async does(action: Step): Promise<void> {
    if (action.kind === 'publish') for (let left = action.count; left > 0; left -= 1) this.#publish(action.qos);
    else if (action.kind === 'turn') await settled();
    else if (action.kind === 'restart') await this.#restart();
    else await this.#moves(action);
    this.#look();
  }

  given(payload: string, qos: number, holder: string): void {
    if (qos !== 2) return;
    const holders = this.#holders.get(payload) ?? new Set();
    this.#holders.set(payload, holders.add(holder));
  }

  finished(payload: string): void {
    this.#completions.set(payload, (this.#completions.get(payload) ?? 0) + 1);
  }

  /** Everybody who has a session comes and does all there is to do. */
  async ends(): Promise<void> {
    for (const worker of this.#workers.slice(STORED)) worker.goes();
    for (const worker of this.#workers.slice(0, STORED)) {
      await worker.comes(2);
      worker.client?.session.resume('link');
    }
    for (let idle = 0; idle < 3; ) {
      await settled();
      idle += 1;
      for (const worker of this.#workers) while (worker.acknowledges()) idle = 0;
    }
  }

  judges(): void {
    this.#look();
    for (const job of this.#published) this.#judge(job);
    expect(this.#store.status().queuedMessages).toBe(0);
  }

  #judge({ payload, qos, isAcknowledged }: Job): void {
    const completions = this.#completions.get(payload) ?? 0;
    const holders = [...(this.#holders.get(payload) ?? [])];
    const what = `${payload}, at QoS ${qos} to ${holders.join(' and ') || 'nobody'}`;
    if (this.#disk.isLossless) {
      if (qos === 2) expect(holders, what).toHaveLength(1);
      if (qos === 1 || isStored(holders[0])) expect(completions, what).toBe(1);
    } else {
      expect(holders.length, what).toBeLessThanOrEqual(1);
      if (isAcknowledged) expect(completions, what).toBeGreaterThanOrEqual(1); // an acknowledgement the disk has not seen is given once more
    }
  }

  #start(): GatewayContext {
    const clock = gatewayClock(this.#clock, this.#store.boot.gatewayTimeOffsetMs);
    const parts = {
      clock,
      access: new OpenAccess(),
      log: silentLog,
      metrics: new MetricsTable(),
      turns: turnsOf(this.#clock),
      settings: DEFAULT_BROKER_SETTINGS,
    };
    const broker = new Broker({ ...parts, store: this.#store });
    broker.restore();
    return broker.contextFor('mqtt', silentLog);
  }

  #look(): void {
    for (const [number] of this.#publisher.outcomes.splice(0)) (this.#published[number] as Job).isAcknowledged = true;
    for (const worker of this.#workers) worker.look();
  }

  async #moves(action: Extract<Step, { member: number }>): Promise<void> {
    const worker = this.#workers[action.member] as Worker;
    if (action.kind === 'come') await worker.comes(2);
    else if (action.kind === 'go') worker.goes();
    else if (action.kind === 'pause') worker.client?.session.pause('link');
    else if (action.kind === 'resume') worker.client?.session.resume('link');
    else for (let left = action.count; left > 0; left -= 1) worker.acknowledges();
  }

  #publish(qos: 1 | 2): void {
    const token = this.#published.length;
    const payload = `job ${token}`;
    this.#published.push({ payload, qos, isAcknowledged: false });
    this.#publisher.publish('jobs', payload, { qos, token });
  }

  async #restart(): Promise<void> {
    const store = await this.#disk.killed();
    this.#look();
    for (const worker of this.#workers) worker.lost();
    this.#store = store;
    this.context = this.#start();
    this.#publisher = new TestClient(this.context);
    await this.#publisher.connect(requestOf('publisher', CLEAN));
  }
}

function isStored(holder: string | undefined): boolean {
  return holder !== undefined && Number(holder.slice('member-'.length, holder.indexOf('#'))) < STORED;
}

async function live(disk: Disk, steps: readonly Step[]): Promise<void> {
  const life = new Life(disk);
  await life.begins();
  for (const action of steps) await life.does(action);
  await life.ends();
  life.judges();
}

const steps = fc.array(step, { minLength: 10, maxLength: 80 });

describe('MQTT 5 §4.8.2: whoever comes, goes, or has no room', () => {
  test('QoS 1 is finished once, QoS 2 is given to one member only', async () => {
    await fc.assert(
      fc.asyncProperty(steps, (actions) => live(memoryDisk(), actions)),
      { numRuns: 150 },
    );
  }, 60_000);

  test('and whenever the gateway is killed, what it acknowledged is delivered: at QoS 1 at least once, at QoS 2 to one member only', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (actions) => {
        const bench = new SqliteBench({ limits: { checkpointLogBytes: 6_000, groupBytesMax: 500 } });
        try {
          await live(sqliteDisk(bench), actions);
        } finally {
          await bench.end();
        }
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
