// What each class of durability promises, on the store the broker ships with: when publishers are answered, what is written, what a kill leaves.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Broker, DEFAULT_BROKER_SETTINGS } from '../../../src/broker/broker.ts';
import type { DurabilitySettings } from '../../../src/broker/durability.ts';
import type { GatewayContext } from '../../../src/gateway/gateway.ts';
import { gatewayClock } from '../../../src/model/clock.ts';
import type { DurabilityClass } from '../../../src/model/durability.ts';
import { DURABILITY_TOPICS_REMEMBERED } from '../../../src/model/limits.ts';
import { silentLog } from '../../../src/model/log.ts';
import type { QoS } from '../../../src/model/message.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import { topicFilter } from '../../../src/model/topic.ts';
import type { SessionStore, StoredSession } from '../../../src/session/session-store.ts';
import { OpenAccess, turnsOf } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { HeldCommitter } from '../../support/held-committer.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { topicOf } from '../../support/store-samples.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const WINDOW_MS = 10;
const CLASSES: DurabilitySettings['classes'] = (['strict', 'grouped', 'lazy', 'ram'] as const).map((name) => ({
  topics: [topicFilter(`${name}/#`), topicFilter(`also/${name}/+`)],
  class: name,
}));
const EARLY: readonly DurabilityClass[] = ['lazy', 'ram'];

let bench: SqliteBench;
let clock: FakeClock;
let committer: HeldCommitter;
let metrics: MetricsTable;
let broker: Broker;
let store: SessionStore;
let context: GatewayContext;

function start(killed?: SessionStore, over: Partial<DurabilitySettings> = {}): void {
  clock = new FakeClock();
  metrics = new MetricsTable();
  const committerOf = (inline: ConstructorParameters<typeof HeldCommitter>[0]): HeldCommitter => {
    committer = new HeldCommitter(inline);
    return committer;
  };
  store = killed ?? bench.open({ clock, metrics, committer: committerOf });
  const durability = { ...DEFAULT_BROKER_SETTINGS.durability, windowMs: WINDOW_MS, classes: CLASSES, ...over };
  const parts = { store, access: new OpenAccess(), log: silentLog, metrics, turns: turnsOf(clock), settings: { ...DEFAULT_BROKER_SETTINGS, durability } };
  broker = new Broker({ ...parts, clock: gatewayClock(clock, store.boot.gatewayTimeOffsetMs) });
  broker.restore();
  context = broker.contextFor('mqtt', silentLog);
}

async function client(id: string, subscriptions: readonly string[] = [], qos: QoS = 1): Promise<TestClient> {
  const made = new TestClient(context);
  const connecting = made.connect(requestOf(id));
  await settled();
  await connecting;
  for (const filter of subscriptions) made.subscribe(filter, { qos });
  await settled();
  return made;
}

async function offline(id: string, subscriptions: readonly string[], qos: QoS = 1): Promise<void> {
  const gone = await client(id, subscriptions, qos);
  gone.session.disconnect({ publishWill: false });
  await settled();
}

const sessionOf = (of: SessionStore, id: string): StoredSession => of.sessions.get(`mqtt\0${id}`) ?? expect.unreachable(`session ${id}`);
const last = (of: TestClient): number => of.delivered.at(-1)?.packetId ?? 0;

/** Publisher and subscriber both know each other for a while: the subscriber answers after `ackMs`. */
async function acquainted(ackMs: number): Promise<{ publisher: TestClient; panel: TestClient }> {
  const publisher = await client('publisher');
  const panel = await client('panel', ['#']);
  publisher.publish('grouped/t', 'first');
  await clock.advanceMs(ackMs);
  panel.session.settle(last(panel));
  await clock.advanceMs(2_000);
  publisher.outcomes.length = 0;
  committer.units.length = 0;
  return { publisher, panel };
}

beforeEach(() => {
  bench = new SqliteBench();
  start();
});

afterEach(async () => {
  committer.isHeld = false;
  committer.release();
  await bench.end();
});

describe.each(['strict', 'grouped', 'lazy', 'ram'] as const)('a message of class %s for a session that is away', (name) => {
  test.each([1, 2] as const)('is answered when that class says so, at QoS %i', async (qos) => {
    await offline('panel', ['#']);
    const publisher = await client('publisher');
    committer.isHeld = true;
    publisher.publish(`${name}/t`, 'x', { qos, packetId: 7, token: 3 });
    expect(publisher.outcomes).toEqual(EARLY.includes(name) ? [[3, 'accepted']] : []);
    await clock.advanceMs(0);
    expect(publisher.outcomes).toEqual(EARLY.includes(name) ? [[3, 'accepted']] : []);
    committer.release();
    await clock.advanceMs(0);
    expect(publisher.outcomes).toEqual([[3, 'accepted']]);
  });

  test('is there after a kill that comes once it is answered, if the class promises it', async () => {
    await offline('panel', ['#']);
    const publisher = await client('publisher');
    publisher.publish(`${name}/t`, 'x');
    await clock.advanceMs(0);
    expect(publisher.outcomes).toHaveLength(1);
    expect(sessionOf(bench.crashed(), 'panel').queue.count).toBe(EARLY.includes(name) ? 0 : 1);
  });

  test('is delivered in its turn while the gateway runs', async () => {
    await offline('panel', ['#']);
    const publisher = await client('publisher');
    for (const topic of ['strict/t', `${name}/t`, 'strict/t', `${name}/t`]) publisher.publish(topic, topic);
    const panel = await client('panel');
    expect(panel.payloads).toEqual(['strict/t', `${name}/t`, 'strict/t', `${name}/t`]);
  });

  test('is counted', async () => {
    await offline('panel', ['#']);
    const publisher = await client('publisher');
    publisher.publish(`also/${name}/t`, 'x');
    expect(metrics.value(`messages.durability.${name}`)).toBe(1);
  });

  test.each([1, 2] as const)('needs no commit at QoS %i when no stored queue wants it; QoS 2 needs it for its packet id', async (qos) => {
    const publisher = await client('publisher');
    committer.isHeld = true;
    publisher.publish(`${name}/t`, 'x', { qos, packetId: 7 });
    expect(publisher.outcomes).toEqual(qos === 1 || EARLY.includes(name) ? [[1, 'no-subscribers']] : []);
  });

  test('is exactly one at QoS 2, however often it comes', async () => {
    await offline('panel', ['#'], 2);
    const publisher = await client('publisher');
    for (let copy = 0; copy < 3; copy += 1) publisher.publish(`${name}/t`, 'once', { qos: 2, packetId: 7 });
    await clock.advanceMs(0);
    publisher.session.release(7);
    publisher.session.release(7);
    publisher.publish(`${name}/t`, 'twice', { qos: 2, packetId: 7 });
    await clock.advanceMs(0);
    const panel = await client('panel');
    await clock.advanceMs(0);
    expect([panel.payloads, publisher.completions, metrics.value('messages.duplicates')]).toEqual([
      ['once', 'twice'],
      [
        [7, true],
        [7, false],
      ],
      2,
    ]);
  });
});

describe('lazy', () => {
  test('is written a second later, or with what may not wait', async () => {
    await offline('panel', ['#']);
    const publisher = await client('publisher');
    committer.units.length = 0;
    publisher.publish('lazy/t', 'x');
    await clock.advanceMs(999);
    expect(committer.units).toHaveLength(0);
    await clock.advanceMs(1);
    expect(committer.units).toHaveLength(1);
    publisher.publish('lazy/t', 'y');
    publisher.publish('strict/t', 'z');
    await settled();
    expect(sessionOf(bench.crashed(), 'panel').queue.count).toBe(3);
  });

  test('is retained, and written, in the same way', async () => {
    const publisher = await client('publisher');
    committer.isHeld = true;
    publisher.publish('lazy/t', 'x', { isRetain: true });
    expect(publisher.outcomes).toEqual([[1, 'no-subscribers']]);
    committer.isHeld = false;
    await clock.advanceMs(1_000);
    expect([...bench.crashed().retained.keys()]).toEqual(['lazy/t']);
  });

  test('does not overtake an answer that waits (MQTT-4.6.0-2)', async () => {
    await offline('panel', ['#']);
    const publisher = await client('publisher');
    publisher.publish('strict/t', 'x', { token: 1 });
    publisher.publish('lazy/t', 'y', { token: 2 });
    publisher.publish('ram/t', 'z', { token: 3 });
    expect(publisher.outcomes).toEqual([]);
    await settled();
    expect(publisher.outcomes.map(([token]) => token)).toEqual([1, 2, 3]);
  });

  test('PUBCOMP waits for the disk: a stale id would swallow a later message', async () => {
    const publisher = await client('publisher');
    publisher.publish('lazy/t', 'x', { qos: 2, packetId: 7 });
    committer.isHeld = true;
    publisher.session.release(7);
    await clock.advanceMs(0);
    expect(publisher.completions).toEqual([]);
    committer.release();
    expect(publisher.completions).toEqual([[7, true]]);
  });

  test('message and packet id of QoS 2 are in one group', async () => {
    await offline('panel', ['#'], 2);
    const publisher = await client('publisher');
    publisher.publish('lazy/t', 'x', { qos: 2, packetId: 7 });
    await clock.advanceMs(0);
    const before = bench.crashed();
    expect([sessionOf(before, 'panel').queue.count, sessionOf(before, 'publisher').receiving.size]).toEqual([0, 0]);
  });

  test('when it is not allowed it waits for its commit as grouped does', async () => {
    await offline('panel', ['#']);
    const publisher = await client('publisher');
    broker.durability.isLazyAllowed = false;
    committer.isHeld = true;
    publisher.publish('lazy/t', 'x');
    await clock.advanceMs(0);
    expect([publisher.outcomes, committer.units.length > 0]).toEqual([[], true]);
    committer.release();
    expect(publisher.outcomes).toEqual([[1, 'accepted']]);
    expect(broker.durability.status).toMatchObject({ isLazyAllowed: false, mayBeLost: { lazy: 'nothing' } });
  });
});

describe('ram', () => {
  test('is never written, whatever becomes of it', async () => {
    await offline('panel', ['#']);
    const publisher = await client('publisher');
    committer.units.length = 0;
    for (let count = 0; count < 100; count += 1) publisher.publish('ram/t', `${count}`);
    await clock.advanceSeconds(5);
    expect([committer.units.length, metrics.value('store.volatile.messages')]).toEqual([0, 100]);
  });

  test('is bounded as its queue is', async () => {
    await bench.close(store);
    start(undefined, {});
    const gone = new TestClient(context);
    const queue = { messagesMax: 3, bytesMax: 1_000_000, whenFull: 'drop-oldest', keepLatest: [], priorities: [] } as const;
    await gone.connect(requestOf('panel', { queue }));
    gone.subscribe('#', { qos: 1 });
    gone.session.disconnect({ publishWill: false });
    await settled();
    const publisher = await client('publisher');
    for (let count = 0; count < 10; count += 1) publisher.publish('ram/t', `${count}`);
    expect([sessionOf(store, 'panel').queue.count, metrics.value('messages.dropped.queue-full'), store.status().volatileMessages]).toEqual([3, 7, 3]);
  });

  test('beyond its room in memory it is written as lazy is', async () => {
    await bench.close(store);
    start(undefined, { ramBytesMax: 20 });
    await offline('panel', ['#']);
    const publisher = await client('publisher');
    for (let count = 0; count < 10; count += 1) publisher.publish('ram/t', `${count}`);
    expect([publisher.outcomes.length, store.status().volatileMessages, metrics.value('messages.durability.ram-overflowed')]).toEqual([10, 4, 6]);
    await clock.advanceMs(1_000);
    expect(sessionOf(bench.crashed(), 'panel').queue.count).toBe(6);
  });

  test('is taken at QoS 1 while the disk refuses: nothing of it is to be written', async () => {
    await offline('panel', ['#']);
    const publisher = await client('publisher');
    committer.failure = { code: 'SQLITE_FULL', message: 'planted' };
    publisher.publish('strict/t', 'x', { token: 1 });
    await settled();
    expect(store.isCongested).toBe(true);
    const other = new TestClient(context);
    void other.connect(requestOf('other', { sessionExpirySeconds: 0, cleanStart: true }));
    publisher.publish('ram/t', 'y', { token: 2 });
    publisher.publish('ram/t', 'y', { token: 3, qos: 2, packetId: 3 });
    committer.failure = undefined;
    await clock.advanceSeconds(1);
    expect(publisher.outcomes).toEqual([
      [1, 'accepted'],
      [2, 'accepted'],
      [3, 'quota-exceeded'],
    ]);
  });

  test('is retained in memory, and does not let an older one come back from disk', async () => {
    await bench.close(store);
    start(undefined, { classes: [] });
    const before = await client('publisher');
    before.publish('ram/t', 'of the old configuration', { isRetain: true });
    await settled();
    await bench.close(store);
    start();
    const publisher = await client('publisher');
    publisher.publish('ram/t', 'new', { isRetain: true });
    const panel = await client('panel', ['ram/#']);
    expect(panel.payloads).toEqual(['new']);
    await clock.advanceMs(1_000);
    committer.units.length = 0;
    publisher.publish('ram/t', 'newer', { isRetain: true, qos: 0 });
    publisher.publish('ram/t', '', { isRetain: true, qos: 0 });
    await clock.advanceMs(1_000);
    start(bench.crashed());
    const back = await client('late', ['ram/#']);
    expect(back.payloads).toEqual([]);
  });

  test('goes to members of a shared group as others do, and ends as they do', async () => {
    await offline('member', ['$share/g/ram/#'], 2);
    const publisher = await client('publisher');
    publisher.publish('ram/t', 'one');
    publisher.publish('ram/t', 'two', { qos: 2, packetId: 9 });
    const member = await client('member');
    await settled();
    expect(member.payloads).toEqual(['one', 'two']);
    member.session.settle(member.delivered[0]?.packetId ?? 0);
    member.session.received(last(member));
    await settled();
    member.session.settle(last(member));
    expect(store.status()).toMatchObject({ volatileMessages: 0, queuedMessages: 0 });
  });

  test('sent at QoS 2, a kill ends the exchange with PUBREL: its id may be known to the peer', async () => {
    const panel = await client('panel', ['#'], 2);
    const publisher = await client('publisher');
    publisher.publish('ram/t', 'x', { qos: 2, packetId: 9 });
    await settled();
    const packetId = last(panel);
    start(bench.crashed());
    const back = await client('panel');
    expect([back.payloads, back.released]).toEqual([[], [packetId]]);
    expect(back.session.settle(packetId)).toBe(true);
    expect(sessionOf(store, 'panel').sending.size).toBe(0);
  });
});

describe('grouped (STORE 8)', () => {
  test('a message its subscriber acknowledges within the window is not written, and its publisher is answered', async () => {
    const { publisher, panel } = await acquainted(2);
    publisher.publish('grouped/t', 'x');
    await clock.advanceMs(3);
    expect([committer.units.length, publisher.outcomes]).toEqual([0, []]);
    panel.session.settle(last(panel));
    await settled();
    expect(publisher.outcomes).toEqual([[1, 'accepted']]);
    await clock.advanceSeconds(30);
    expect([committer.units.length, metrics.value('store.messages.acked-through')]).toEqual([0, 1]);
  });

  test('a subscriber that answers in time, but for one message in fifty, costs at most 50 bytes of log a message', async () => {
    const { publisher, panel } = await acquainted(2);
    const before = metrics.value('store.log.bytes');
    const messages = 500;
    for (let count = 0; count < messages; count += 1) {
      publisher.publish('grouped/t', 'x'.repeat(64));
      await clock.advanceMs(count % 50 === 0 ? 40 : 2);
      panel.session.settle(last(panel));
    }
    await clock.advanceMs(1_000);
    expect(publisher.outcomes).toHaveLength(messages);
    expect((metrics.value('store.log.bytes') - before) / messages).toBeLessThan(50);
  });

  test.each([
    [2, 4, 'twice what it takes the subscriber'],
    [0, 1, 'a millisecond, the least a timer knows'],
    [7, WINDOW_MS, 'the window at most'],
    [WINDOW_MS, 0, 'not at all for who takes longer than the window'],
  ])('a subscriber that takes %i ms is waited for %i ms: %s', async (ackMs, waitMs) => {
    const { publisher } = await acquainted(ackMs);
    publisher.publish('grouped/t', 'x');
    if (waitMs > 0) {
      await clock.advanceMs(waitMs - 0.5);
      expect([committer.units.length, publisher.outcomes]).toEqual([0, []]);
    }
    await clock.advanceMs(waitMs > 0 ? 0.5 : 0);
    expect([committer.units.length, publisher.outcomes]).toEqual([1, [[1, 'accepted']]]);
  });

  test('the window can be widened', async () => {
    const { publisher } = await acquainted(2 * WINDOW_MS);
    broker.durability.windowFactor = 3;
    publisher.publish('grouped/t', 'x');
    await clock.advanceMs(3 * WINDOW_MS - 1);
    expect(committer.units).toHaveLength(0);
    await clock.advanceMs(1);
    expect([committer.units.length, broker.durability.status.windowMs]).toEqual([1, 3 * WINDOW_MS]);
  });

  test.each<readonly [string, (panel: TestClient) => void]>([
    ['is away', (panel) => panel.session.disconnect({ publishWill: false })],
    ['sleeps', (panel) => panel.session.pause('asleep')],
    ['is paused by its link', (panel) => panel.session.pause('link')],
  ])('nobody is waited for who %s', async (_what, happens) => {
    const { publisher, panel } = await acquainted(2);
    happens(panel);
    await clock.advanceMs(0);
    committer.units.length = 0;
    publisher.publish('grouped/t', 'x');
    await settled();
    expect([committer.units.length, publisher.outcomes]).toEqual([1, [[1, 'accepted']]]);
  });

  test('nobody is waited for when another of its subscribers is away', async () => {
    const { publisher } = await acquainted(2);
    await offline('logger', ['#']);
    committer.units.length = 0;
    publisher.publish('grouped/t', 'x');
    await settled();
    expect([committer.units.length, publisher.outcomes]).toEqual([1, [[1, 'accepted']]]);
  });

  test('a subscriber that leaves ends the wait', async () => {
    const { publisher, panel } = await acquainted(4);
    publisher.publish('grouped/t', 'x');
    panel.session.disconnect({ publishWill: false });
    await settled();
    expect(publisher.outcomes).toEqual([[1, 'accepted']]);
    expect(sessionOf(bench.crashed(), 'panel').queue.count).toBe(1);
  });

  test('answers leave in the order of the publishes, whichever message is acknowledged first', async () => {
    const { publisher, panel } = await acquainted(2);
    for (const token of [1, 2, 3]) publisher.publish('grouped/t', 'x', { token });
    const [first, second, third] = panel.delivered.slice(-3).map(({ packetId }) => packetId);
    for (const packetId of [third, second]) panel.session.settle(packetId ?? 0);
    await settled();
    expect(publisher.outcomes).toEqual([]);
    panel.session.settle(first ?? 0);
    await settled();
    expect(publisher.outcomes.map(([token]) => token)).toEqual([1, 2, 3]);
    expect(committer.units).toHaveLength(0);
  });

  test.each([
    ['QoS 2', { qos: 2, packetId: 7 }],
    ['RETAIN', { isRetain: true }],
  ] as const)('%s waits for nobody: it is written in any case', async (_what, over) => {
    const { publisher } = await acquainted(2);
    publisher.publish('grouped/t', 'x', over);
    await settled();
    expect([committer.units.length > 0, publisher.outcomes]).toEqual([true, [[1, 'accepted']]]);
  });

  test('strict waits for nobody either, and is written though it was acknowledged', async () => {
    const { publisher, panel } = await acquainted(2);
    publisher.publish('strict/t', 'x');
    panel.session.settle(last(panel));
    await settled();
    expect([committer.units.length, publisher.outcomes, metrics.value('store.messages.acked-through')]).toEqual([1, [[1, 'accepted']], 0]);
  });

  test('a member of a shared group is waited for as well', async () => {
    const member = await client('member', ['$share/g/grouped/#']);
    const publisher = await client('publisher');
    publisher.publish('grouped/t', 'first');
    await clock.advanceMs(2);
    member.session.settle(last(member));
    await clock.advanceMs(2_000);
    committer.units.length = 0;
    publisher.publish('grouped/t', 'x', { token: 2 });
    await clock.advanceMs(1);
    member.session.settle(last(member));
    await settled();
    expect([committer.units.length, publisher.outcomes.at(-1), metrics.value('store.messages.acked-through')]).toEqual([0, [2, 'accepted'], 1]);
  });

  test('of a delivery that was sent again nobody knows how long it took', async () => {
    const { publisher, panel } = await acquainted(2);
    publisher.publish('grouped/t', 'x');
    const packetId = last(panel);
    panel.session.giveBack(packetId);
    panel.session.resend(packetId);
    await clock.advanceMs(5_000);
    panel.session.settle(packetId);
    await clock.advanceMs(2_000);
    committer.units.length = 0;
    publisher.publish('grouped/t', 'y', { token: 2 });
    await clock.advanceMs(3);
    expect(committer.units).toHaveLength(0);
  });
});

test('$delayed: written at once whatever the class of its topic, which holds when it is due', async () => {
  await offline('panel', ['ram/#']);
  const publisher = await client('publisher');
  publisher.publish('$delayed/5/ram/t', 'x');
  expect(publisher.outcomes).toEqual([]);
  await settled();
  expect([publisher.outcomes, sessionOf(store, 'panel').queue.count]).toEqual([[[1, 'accepted']], 0]);
  await clock.advanceSeconds(5);
  expect([sessionOf(store, 'panel').queue.count, store.status().volatileMessages]).toEqual([1, 1]);
});

test('a topic keeps its class, however many others are asked for', () => {
  const classOf = (name: string): DurabilityClass => broker.durability.classOf(topicOf(name));
  for (let count = 0; count <= DURABILITY_TOPICS_REMEMBERED; count += 1) classOf(`lazy/${count}`);
  expect(['ram/1', 'lazy/1', 'strict/a/b', 'also/ram/a', 'also/ram/a/b'].map(classOf)).toEqual(['ram', 'lazy', 'strict', 'ram', 'grouped']);
});

test('what is promised less is said at the start', () => {
  const log = new RecordingLog();
  broker.durability.tell(log);
  expect(log.lines.map(({ event, class: name, topics }) => [event, name, topics])).toEqual([
    ['acknowledged before it is on disk', 'lazy', 'lazy/# also/lazy/+'],
    ['acknowledged before it is on disk', 'ram', 'ram/# also/ram/+'],
  ]);
});
