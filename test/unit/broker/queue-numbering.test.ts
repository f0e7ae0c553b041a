// Numbers of messages in queues that count: what is numbered, what a restart and a kill keep, and which number a boot is said to have ended with.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Broker, type BrokerSettings, DEFAULT_BROKER_SETTINGS } from '../../../src/broker/broker.ts';
import type { Delivery } from '../../../src/gateway/gateway.ts';
import { gatewayClock } from '../../../src/model/clock.ts';
import { NUMBERED_DEVICES_MAX } from '../../../src/model/limits.ts';
import { silentLog } from '../../../src/model/log.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import { BOOT_ENDED_TOPIC, numberIn } from '../../../src/model/queue-numbers.ts';
import { topicFilter } from '../../../src/model/topic.ts';
import type { SessionStore } from '../../../src/session/session-store.ts';
import { OpenAccess, turnsOf } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { policyOf, requestOf, TestClient } from '../../support/test-client.ts';

const CLOUD = 'bridge:cloud';

/** A queue that counts, alone in its gateway as a bridge is. */
class Counting extends TestClient {
  /** What it was given, in order: payload, boot, number, number of the device; of the end of a boot what is said of it. */
  readonly seen: unknown[] = [];
  acknowledges = true;

  override deliver(delivery: Delivery): void {
    super.deliver(delivery);
    const { message, packetId, qos } = delivery;
    const payload = Buffer.from(message.payload).toString();
    const number = numberIn(CLOUD, message);
    if (message.topic.name === BOOT_ENDED_TOPIC) this.seen.push(JSON.parse(payload));
    else this.seen.push(number === undefined ? [payload] : [payload, number.boot, number.number, number.deviceNumber]);
    if (this.acknowledges && qos > 0) this.session.settle(packetId);
  }
}

interface Running {
  readonly store: SessionStore;
  readonly broker: Broker;
  readonly metrics: MetricsTable;
  readonly cloud: Counting;
  client(id: string): Promise<TestClient>;
}

let bench: SqliteBench;
let running: Running;

async function start(
  store: SessionStore,
  { isNumbered = true, settings }: { isNumbered?: boolean; settings?: Partial<BrokerSettings> } = {},
): Promise<Running> {
  const clock = new FakeClock();
  const metrics = new MetricsTable();
  const parts = { store, access: new OpenAccess(), log: silentLog, metrics, turns: turnsOf(clock), settings: { ...DEFAULT_BROKER_SETTINGS, ...settings } };
  const broker = new Broker({ ...parts, clock: gatewayClock(clock, store.boot.gatewayTimeOffsetMs) });
  broker.restore();
  const cloud = new Counting(broker.contextFor(CLOUD, silentLog));
  await cloud.connect(requestOf(CLOUD, { isNumbered, queueQos0: true, queue: policyOf({ messagesMax: 100_000 }) }));
  cloud.session.subscribe({ filter: topicFilter('plant/#'), qosMax: 2, noLocal: true, retainAsPublished: true, retainHandling: 1 });
  await settled();
  const client = async (id: string): Promise<TestClient> => {
    const made = new TestClient(broker.contextFor('mqtt', silentLog));
    await made.connect(requestOf(id, { sessionExpirySeconds: 0, cleanStart: true }));
    return made;
  };
  return { store, broker, metrics, cloud, client };
}

beforeEach(async () => {
  bench = new SqliteBench();
  running = await start(bench.open());
});

afterEach(() => bench.end());

describe('the numbers of a queue that counts', () => {
  test('count its messages, and those of each publisher, from 1', async () => {
    const [a, b] = [await running.client('a'), await running.client('b')];
    a.publish('plant/1', 'one');
    b.publish('plant/1', 'two');
    a.publish('plant/2', 'three', { qos: 2, packetId: 1 });
    await settled();
    expect(running.cloud.seen).toEqual([
      ['one', 1, 1, 1],
      ['two', 1, 2, 1],
      ['three', 1, 3, 2],
    ]);
  });

  test('are not given to what goes elsewhere, nor to what nobody was promised: QoS 0, class ram', async () => {
    running = await start(bench.crashed(), {
      settings: { durability: { ...DEFAULT_BROKER_SETTINGS.durability, classes: [{ topics: [topicFilter('plant/ram')], class: 'ram' }] } },
    });
    const a = await running.client('a');
    a.publish('office/1', 'elsewhere');
    a.publish('plant/1', 'qos 0', { qos: 0 });
    a.publish('plant/ram', 'ram');
    a.publish('plant/1', 'first');
    await settled();
    expect(running.cloud.seen).toEqual([['qos 0'], ['ram'], ['first', 2, 1, 1]]);
  });

  test('are no business of a queue that does not count', async () => {
    running = await start(bench.crashed(), { isNumbered: false });
    (await running.client('a')).publish('plant/1', 'plain');
    await settled();
    expect(running.cloud.seen).toEqual([['plain']]);
  });

  test('stay with a message that waits: over a restart, a kill, and being sent again', async () => {
    running.cloud.acknowledges = false;
    const a = await running.client('a');
    a.publish('plant/1', 'one');
    a.publish('plant/1', 'two');
    await settled();
    running = await start(bench.crashed());
    await settled();
    expect(running.cloud.seen).toEqual([['one', 1, 1, 1], ['two', 1, 2, 2], { boot: 1, last: 2, after: 0 }]);
  });

  test('go on where they were when the bridge is changed while the gateway runs', async () => {
    const a = await running.client('a');
    a.publish('plant/1', 'one');
    await settled();
    running.cloud.session.disconnect({ publishWill: false });
    a.publish('plant/1', 'meanwhile');
    const again = new Counting(running.broker.contextFor(CLOUD, silentLog));
    await again.connect(requestOf(CLOUD, { isNumbered: true, queue: policyOf({ messagesMax: 100_000 }) }));
    a.publish('plant/1', 'then');
    await settled();
    expect(again.seen).toEqual([
      ['meanwhile', 1, 2, 2],
      ['then', 1, 3, 3],
    ]);
  });

  test('are new for a retained message that is brought again', async () => {
    const a = await running.client('a');
    a.publish('plant/1', 'kept', { isRetain: true });
    await settled();
    const subscription = { filter: topicFilter('plant/#'), qosMax: 2, noLocal: true, retainAsPublished: true, retainHandling: 0 } as const;
    running.cloud.session.subscribe(subscription);
    await settled();
    expect(running.cloud.seen).toEqual([
      ['kept', 1, 1, 1],
      ['kept', 1, 2, 2],
    ]);
  });

  test('leave out the publisher where there are more than are counted', async () => {
    const unnumbered = (): number => running.metrics.snapshot()['messages.without-device-number'] ?? 0;
    for (let index = 0; index < NUMBERED_DEVICES_MAX; index += 1) {
      const device = await running.client(`device-${index}`);
      device.publish('plant/1', '');
      device.session.disconnect({ publishWill: false });
    }
    expect(unnumbered()).toBe(0);
    (await running.client('one more')).publish('plant/1', 'beyond');
    (await running.client('device-0')).publish('plant/1', 'known');
    await settled();
    expect(running.cloud.seen.slice(-2)).toEqual([
      ['beyond', 1, NUMBERED_DEVICES_MAX + 1, 0],
      ['known', 1, NUMBERED_DEVICES_MAX + 2, 2],
    ]);
    expect(unnumbered()).toBe(1);
  });
});

describe('which number a boot ended with', () => {
  test('is told before anything of the next one, in the queue itself', async () => {
    const a = await running.client('a');
    a.publish('plant/1', 'one');
    a.publish('plant/1', 'two');
    await settled();
    running = await start(bench.crashed());
    (await running.client('a')).publish('plant/1', 'three');
    await settled();
    expect(running.cloud.seen).toEqual([{ boot: 1, last: 2, after: 0 }, ['three', 2, 1, 1]]);
  });

  test('is told after a clean end too, and is known though nothing was written but acknowledged through', async () => {
    const { store, broker } = running;
    (await running.client('a')).publish('plant/1', 'one');
    await settled();
    broker.shutDown();
    running = await start(await bench.reopened(store));
    expect(running.cloud.seen).toEqual([{ boot: 1, last: 1, after: 0 }]);
  });

  test('passes over boots that gave no number: each names the one before it that did', async () => {
    (await running.client('a')).publish('plant/1', 'one');
    await settled();
    running = await start(bench.crashed());
    running = await start(await bench.reopened(running.store)); // what it was told of is acknowledged now
    expect(running.cloud.seen).toEqual([]);
    (await running.client('a')).publish('plant/1', 'two');
    await settled();
    running = await start(bench.crashed());
    expect(running.cloud.seen).toEqual([{ boot: 3, last: 1, after: 1 }]);
  });

  test('waits in the queue until it is acknowledged', async () => {
    (await running.client('a')).publish('plant/1', 'one');
    await settled();
    for (let boot = 2; boot <= 4; boot += 1) {
      const store = bench.crashed();
      const clock = new FakeClock();
      const parts = { store, access: new OpenAccess(), log: silentLog, metrics: new MetricsTable(), turns: turnsOf(clock), settings: DEFAULT_BROKER_SETTINGS };
      new Broker({ ...parts, clock: gatewayClock(clock, 0) }).restore();
      await settled();
    }
    running = await start(bench.crashed());
    expect(running.cloud.seen).toEqual([{ boot: 1, last: 1, after: 0 }]);
  });
});
