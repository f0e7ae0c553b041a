import { describe, expect, test } from 'vitest';
import { Sampler } from '../../../src/broker/sampler.ts';
import { AGED_ENTRIES_PER_TURN, LOSSES_TOLD_APART_MAX, SAMPLED_TOPICS_MAX } from '../../../src/model/limits.ts';
import { LOSS_REPORT_TOPIC, type LossReport } from '../../../src/model/losses.ts';
import type { Message } from '../../../src/model/message.ts';
import type { QueuePolicy, TopicPolicy } from '../../../src/model/queue-policy.ts';
import { topicFilter } from '../../../src/model/topic.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { messageOf } from '../../support/store-samples.ts';
import { policyOf, requestOf, TestClient } from '../../support/test-client.ts';

const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;
const BRIDGE = 'bridge:centre';

function of(filter: string, over: Partial<TopicPolicy> = {}): TopicPolicy {
  return { filters: [topicFilter(filter)], whenFull: 'drop-oldest', keepLatest: false, ...over };
}

/** A bridge whose upstream is down, subscribed to everything, and a publisher. */
class Stage {
  readonly clock: FakeClock;
  readonly core: TestCore;
  readonly bridge: TestClient;
  readonly publisher: TestClient;

  private constructor(clock: FakeClock, core: TestCore) {
    this.clock = clock;
    this.core = core;
    this.bridge = new TestClient(core.context(BRIDGE));
    this.publisher = new TestClient(core.context('mqtt'));
  }

  static async with(topicPolicies: readonly TopicPolicy[], over: Partial<QueuePolicy> = {}, core?: TestCore): Promise<Stage> {
    const clock = new FakeClock();
    const stage = new Stage(clock, startCore({ clock, ...(core && { store: core.store.reopened({ wasClean: false }) }) }));
    const queue = policyOf({ messagesMax: 1_000, whenFull: 'refuse', tellsLosses: true, ...over, topicPolicies });
    await stage.bridge.connect(requestOf(BRIDGE, { queue, queueQos0: true }), { isUpstreamDown: true });
    stage.bridge.subscribe('#', { qos: 1 });
    await stage.publisher.connect(requestOf('boiler', TRANSIENT));
    return stage;
  }

  publish(topic: string, ...payloads: readonly string[]): void {
    for (const payload of payloads) this.publisher.publish(topic, payload);
  }

  /** What the remote gets of all that waits, losses apart. */
  drained(): string[] {
    this.bridge.session.resume('upstream');
    for (let seen = 0; seen < this.bridge.delivered.length; seen += 1) this.bridge.session.settle(this.bridge.delivered[seen]?.packetId ?? 0);
    return this.bridge.delivered.filter(({ topic }) => topic !== LOSS_REPORT_TOPIC).map(({ payload }) => payload);
  }

  async reports(): Promise<LossReport[]> {
    const topic = this.core.context(BRIDGE).topics.intern(LOSS_REPORT_TOPIC);
    this.bridge.session.resume('upstream');
    this.bridge.session.reportLosses((report) => ({ topic, payload: Buffer.from(JSON.stringify(report)), qos: 1, isRetain: false }));
    await this.clock.advanceMs(20);
    const told = this.bridge.delivered.filter((each) => each.topic === LOSS_REPORT_TOPIC && !each.isDuplicate);
    return told.map(({ payload }) => JSON.parse(payload));
  }

  get lost(): unknown {
    return this.core.broker.queues(BRIDGE).queues[0]?.lost;
  }

  get usage(): unknown {
    return this.core.broker.queues(BRIDGE).queues[0]?.policies?.map(({ messages, bytes }) => [messages, bytes]);
  }
}

describe('what happens at the quota of a policy', () => {
  test.each<readonly [name: string, policy: Partial<TopicPolicy>, stays: readonly string[], lost: Readonly<Record<string, number>>]>([
    ['drop-oldest', { messagesMax: 2 }, ['3', '4'], { 'quota-messages': 2 }],
    ['drop-newest', { messagesMax: 2, whenFull: 'drop-newest' }, ['1', '2'], { 'quota-messages': 2 }],
    ['drop-oldest, in bytes', { bytesMax: 25 }, ['3', '4'], { 'quota-bytes': 2 }],
    ['refuse', { messagesMax: 2, whenFull: 'refuse' }, ['1', '2'], {}],
    ['the newest of each topic', { keepLatest: true }, ['4'], { superseded: 3 }],
    ['one of three', { sampleOneOf: 3 }, ['1', '4'], { sampled: 2 }],
    ['one a minute', { sampleSeconds: 60 }, ['1'], { sampled: 3 }],
  ])('%s', async (_, policy, stays, lost) => {
    const stage = await Stage.with([of('samples/#', policy)]);
    stage.publish('samples/a', '1', '2', '3', '4');
    stage.publish('else', 'untouched');
    expect(stage.drained()).toEqual([...stays, 'untouched']);
    expect(stage.lost).toEqual(lost);
  });

  test('the newest of a topic takes the place of the one before, at the quota too', async () => {
    const stage = await Stage.with([of('samples/#', { keepLatest: true, whenFull: 'drop-newest', messagesMax: 2 })]);
    stage.publish('samples/a', 'a1');
    stage.publish('samples/b', 'b1');
    stage.publish('samples/a', 'a2');
    stage.publish('samples/c', 'c1');
    expect(stage.drained()).toEqual(['b1', 'a2']);
    expect(stage.lost).toEqual({ superseded: 1, 'quota-messages': 1 });
  });

  test('a refused publisher gets its protocol’s error; others do not', async () => {
    const stage = await Stage.with([of('samples/#', { messagesMax: 1, whenFull: 'refuse' })]);
    stage.publish('samples/a', '1');
    stage.publisher.publish('samples/a', '2', { token: 2 });
    stage.publisher.publish('else', '3', { token: 3 });
    await settled();
    expect(stage.publisher.outcomes.filter(([token]) => token > 1)).toEqual([
      [2, 'quota-exceeded'],
      [3, 'accepted'],
    ]);
  });

  test('the first policy that selects a topic holds', async () => {
    const stage = await Stage.with([of('samples/a', { messagesMax: 1 }), of('samples/#', { messagesMax: 2 })]);
    stage.publish('samples/a', '1', '2', '3');
    stage.publish('samples/b', '4', '5', '6');
    expect(stage.drained()).toEqual(['3', '5', '6']);
  });

  test('what is sampled out is so of QoS 0 that could leave at once as well', async () => {
    const stage = await Stage.with([of('samples/#', { sampleOneOf: 2 })]);
    stage.bridge.session.resume('upstream');
    for (const payload of ['1', '2', '3']) stage.publisher.publish('samples/a', payload, { qos: 0 });
    expect(stage.bridge.payloads).toEqual(['1', '3']);
    expect(stage.lost).toEqual({ sampled: 1 });
  });

  test('what has waited for too long goes, while it waits and before it is sent', async () => {
    const stage = await Stage.with([of('samples/#', { ageSecondsMax: 10 })]);
    stage.publish('samples/a', 'old');
    await stage.clock.advanceSeconds(6);
    stage.publish('samples/a', 'young');
    await stage.clock.advanceSeconds(6);
    expect(stage.usage).toEqual([[1, expect.any(Number)]]);
    expect(stage.drained()).toEqual(['young']);
    expect(stage.lost).toEqual({ age: 1 });
  });
});

test('what goes for its age makes room for a publisher that was held back', async () => {
  const stage = await Stage.with([of('samples/#', { whenFull: 'refuse', messagesMax: 1, ageSecondsMax: 10 })]);
  const panel = new TestClient(stage.core.context('mqtt'));
  await panel.connect(requestOf('panel', { ...TRANSIENT, reading: { pauseReading() {}, resumeReading() {} } }));
  panel.publish('samples/a', '1', { token: 1 });
  panel.publish('samples/a', '2', { token: 2 });
  await stage.clock.advanceSeconds(9);
  expect(panel.outcomes).toEqual([[1, 'accepted']]);
  await stage.clock.advanceSeconds(1);
  await stage.clock.advanceMs(20);
  expect(panel.outcomes).toContainEqual([2, 'accepted']);
});

describe('bounds of what is done at once, and remembered', () => {
  test('of many that are too old some go in each turn', async () => {
    const stage = await Stage.with([of('samples/#', { ageSecondsMax: 10 })], { messagesMax: 10_000 });
    for (let number = 0; number < AGED_ENTRIES_PER_TURN + 1; number += 1) stage.publish('samples/a', String(number));
    const left: unknown[] = [];
    stage.clock.after(10_000, () => left.push(stage.usage));
    await stage.clock.advanceSeconds(10);
    expect([...left, stage.usage]).toEqual([[[1, expect.any(Number)]], [[0, 0]]]);
    expect(stage.lost).toEqual({ age: AGED_ENTRIES_PER_TURN + 1 });
  });

  test('a topic that was sampled longest ago is forgotten, and its next message taken', () => {
    const sampler = new Sampler();
    const policy = of('#', { sampleOneOf: 10 });
    const topics = Array.from({ length: SAMPLED_TOPICS_MAX + 1 }, (_, index) => messageOf(`t/${index}`, 'x'));
    expect(topics.every((message) => sampler.takes(message, policy))).toBe(true);
    expect([sampler.takes(topics.at(-1) as Message, policy), sampler.takes(topics[0] as Message, policy)]).toEqual([false, true]);
  });
});

describe('what happens at the bounds of the whole queue', () => {
  test('what may be dropped makes room for what may not; then publishers are held back', async () => {
    const stage = await Stage.with([of('samples/#')], { messagesMax: 3 });
    stage.publish('samples/a', 's1', 's2');
    stage.publish('alarm/a', 'a1', 'a2', 'a3', 'a4');
    stage.publish('samples/a', 's3');
    await settled();
    expect(stage.drained()).toEqual(['a1', 'a2', 'a3']);
    expect(stage.lost).toEqual({ 'queue-full': 3 });
    expect(stage.publisher.outcomes.filter(([, outcome]) => outcome === 'quota-exceeded')).toHaveLength(1);
  });

  test('its share of the disk is a bound in bytes', async () => {
    const stage = await Stage.with([of('samples/#')], { diskShareBytes: 25 });
    stage.publish('samples/a', '1', '2', '3');
    expect(stage.drained()).toEqual(['2', '3']);
    expect(stage.lost).toEqual({ 'disk-share': 1 });
  });

  test('a disk that runs full takes of what may be dropped only', async () => {
    const stage = await Stage.with([of('samples/#')]);
    stage.publish('alarm/a', 'a1');
    stage.publish('samples/a', 's1', 's2');
    stage.core.store.evict(1);
    expect(stage.drained()).toEqual(['a1', 's2']);
    expect(stage.lost).toEqual({ 'disk-full': 1 });
  });
});

describe('what restarts and changes leave of it', () => {
  test('quotas hold on: counts and bytes are those from before', async () => {
    const first = await Stage.with([of('samples/#', { messagesMax: 3 })]);
    first.publish('samples/a', '1', '2');
    const { usage } = first;
    const second = await Stage.with([of('samples/#', { messagesMax: 3 })], {}, first.core);
    expect(second.usage).toEqual(usage);
    second.publish('samples/a', '3', '4');
    expect(second.drained()).toEqual(['2', '3', '4']);
    expect(second.lost).toEqual({ 'quota-messages': 1 });
  });

  test('what waits under filters that are gone is evicted no more', async () => {
    const first = await Stage.with([of('samples/#', { messagesMax: 3 })]);
    first.publish('samples/a', '1', '2');
    const second = await Stage.with([of('other/#', { messagesMax: 1 })], { messagesMax: 2 }, first.core);
    second.publish('other/a', '3');
    expect(second.drained()).toEqual(['1', '2']);
    expect([...second.core.store.sessions.values()].filter(({ realm }) => realm === '$policy').map(({ queue }) => queue.count)).toEqual([0]);
  });

  test('its parts are nobody’s sessions', async () => {
    const stage = await Stage.with([of('samples/#')]);
    stage.publish('samples/a', '1');
    const again = await Stage.with([of('samples/#')], {}, stage.core);
    expect(again.core.broker.sessionCount).toBe(2);
  });
});

describe('reports of losses', () => {
  test('name publisher, cause, range in the queue, and how many', async () => {
    const stage = await Stage.with([of('samples/#', { messagesMax: 1 })]);
    const nowMs = stage.clock.nowMs();
    stage.publish('samples/a', '1');
    await stage.clock.advanceSeconds(1);
    stage.publish('samples/a', '2', '3');
    stage.drained();
    const [report, ...others] = await stage.reports();
    const { first = 0, last = 0 } = report?.queueRange ?? {};
    expect(others).toEqual([]);
    expect(report).toMatchObject({ report: 1, device: 'mqtt/boiler', cause: 'quota-messages', count: 2, since: nowMs + 1_000, until: nowMs + 1_000 });
    expect(last - first).toBe(1);
  });

  test('are not taken out of the queue themselves, and wait for one another', async () => {
    const stage = await Stage.with([of('#', { messagesMax: 1 })]);
    stage.publish('samples/a', '1', '2');
    expect(await stage.reports()).toHaveLength(1);
    stage.publish('samples/a', '3', '4', '5');
    expect(await stage.reports()).toHaveLength(1);
    stage.drained();
    expect((await stage.reports()).map(({ report }) => report)).toEqual([1, 2]);
  });

  test('of losses nobody was told of outlive the gateway', async () => {
    const first = await Stage.with([of('samples/#', { messagesMax: 1 })]);
    first.publish('samples/a', '1', '2');
    const second = await Stage.with([of('samples/#', { messagesMax: 1 })], {}, first.core);
    second.publish('samples/a', '3');
    second.drained();
    expect(await second.reports()).toMatchObject([{ count: 2 }]);
  });

  test('name no publisher any more when there are too many of them, and leave none out', async () => {
    const stage = await Stage.with([of('samples/#', { messagesMax: 1 })]);
    const devices = LOSSES_TOLD_APART_MAX + 10;
    for (let number = 0; number < devices + 1; number += 1) {
      const device = new TestClient(stage.core.context('mqtt'));
      await device.connect(requestOf(`d${number}`, TRANSIENT));
      device.publish('samples/a', String(number));
    }
    const told = new Map<number, LossReport>();
    for (let round = 0; round < 30; round += 1) {
      stage.drained();
      for (const each of await stage.reports()) told.set(each.report, each);
    }
    const reports = [...told.values()];
    expect(reports.reduce((sum, { count }) => sum + count, 0)).toBe(devices);
    expect(reports).toHaveLength(LOSSES_TOLD_APART_MAX + 1);
    expect(reports.filter(({ device }) => device === undefined).map(({ count }) => count)).toEqual([10]);
  });

  test('there are none where nobody is told; losses are counted all the same', async () => {
    const stage = await Stage.with([of('samples/#', { messagesMax: 1 })], { tellsLosses: false });
    stage.publish('samples/a', '1', '2');
    stage.drained();
    expect(await stage.reports()).toEqual([]);
    expect(stage.lost).toEqual({ 'quota-messages': 1 });
  });
});
