import { describe, expect, test } from 'vitest';
import type { QueueSettings } from '../../../src/broker/queue-rules.ts';
import type { ConnectRequest } from '../../../src/gateway/gateway.ts';
import type { PriorityRule } from '../../../src/model/queue-policy.ts';
import { type TopicFilter, topicFilter } from '../../../src/model/topic.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { policyOf, requestOf, TestClient } from '../../support/test-client.ts';

const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;

function classes(entries: Readonly<Record<string, PriorityRule['priority']>>): PriorityRule[] {
  return Object.entries(entries).map(([filter, priority]) => ({ filter: topicFilter(filter), priority }));
}

function latest(...filters: string[]): TopicFilter[] {
  return filters.map(topicFilter);
}

function queueOf(over: Partial<QueueSettings> = {}): QueueSettings {
  return { ...policyOf({ messagesMax: 1_000 }), rules: [], ...over };
}

/** A publisher, and a subscriber to everything with a stored session, in a gateway whose queues are treated in one way. */
class Stage {
  readonly clock: FakeClock;
  readonly core: TestCore;
  readonly publisher: TestClient;
  subscriber: TestClient;

  private constructor(clock: FakeClock, core: TestCore) {
    this.clock = clock;
    this.core = core;
    this.publisher = new TestClient(core.context('mqtt'));
    this.subscriber = new TestClient(core.context('mqtt'));
  }

  static async with(queue: Partial<QueueSettings>, over: Partial<ConnectRequest> = {}): Promise<Stage> {
    const stage = await Stage.on(queue);
    await stage.returns(over);
    stage.subscriber.subscribe('#', { qos: 2 });
    return stage;
  }

  static async on(queue: Partial<QueueSettings>, store?: MemoryStore): Promise<Stage> {
    const clock = new FakeClock();
    const core = startCore({ clock, settings: { queue: queueOf(queue) }, ...(store && { store }) });
    const stage = new Stage(clock, core);
    await stage.publisher.connect(requestOf('publisher', TRANSIENT));
    return stage;
  }

  /** The gateway is killed and starts again, with the subscriber away. */
  async restarted(queue: Partial<QueueSettings>): Promise<Stage> {
    await settled();
    return Stage.on(queue, this.core.store.reopened({ wasClean: false }));
  }

  async returns(over: Partial<ConnectRequest> = {}): Promise<void> {
    this.subscriber = new TestClient(this.core.context('mqtt'));
    await this.subscriber.connect(requestOf('subscriber', over));
  }

  leaves(): void {
    this.subscriber.session.disconnect({ publishWill: false });
  }

  /** `topic payload`, each of QoS 1. */
  publish(...messages: string[]): void {
    for (const each of messages) this.#publish(each, 1);
  }

  publishQos0(...messages: string[]): void {
    for (const each of messages) this.#publish(each, 0);
  }

  publishQos2(...messages: string[]): void {
    for (const each of messages) this.#publish(each, 2);
  }

  /** What was delivered, as it was published. */
  get seen(): string[] {
    return this.subscriber.delivered.map(({ topic, payload }) => `${topic} ${payload}`);
  }

  /** Everything that comes, each acknowledged as it does. */
  drain(): string[] {
    for (let index = 0; index < this.subscriber.delivered.length; index += 1) {
      const { packetId } = this.subscriber.delivered[index] ?? { packetId: 0 };
      if (packetId !== 0) this.subscriber.session.settle(packetId);
    }
    return this.seen;
  }

  get dropped(): Record<string, number> {
    const prefix = 'messages.dropped.';
    const found = Object.entries(this.core.metrics.snapshot()).filter(([name, value]) => name.startsWith(prefix) && value > 0);
    return Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length), value]));
  }

  #publish(text: string, qos: 0 | 1 | 2): void {
    const [topic = '', payload = ''] = text.split(' ');
    this.publisher.publish(topic, payload, { qos });
  }
}

const ALARM_FIRST = { priorities: classes({ 'alarm/#': 7, 'log/#': 0 }) };

describe('priority classes', () => {
  test('an alarm passes everything that waits, in its class the order stays (MQTT-4.6.0-6)', async () => {
    const stage = await Stage.with(ALARM_FIRST);
    stage.leaves();
    stage.publish('log/a 1', 't/a 1', 't/b 1', 'alarm/a 1', 't/a 2', 'log/a 2', 'alarm/b 1', 'alarm/a 2');
    await stage.returns();
    expect(stage.drain()).toEqual(['alarm/a 1', 'alarm/b 1', 'alarm/a 2', 't/a 1', 't/b 1', 't/a 2', 'log/a 1', 'log/a 2']);
  });

  test('the first rule that selects the topic holds', async () => {
    const stage = await Stage.with({ priorities: classes({ 'alarm/low': 1, 'alarm/#': 7, '#': 2 }) });
    stage.leaves();
    stage.publish('alarm/low 1', 'x 1', 'alarm/high 1');
    await stage.returns();
    expect(stage.drain()).toEqual(['alarm/high 1', 'x 1', 'alarm/low 1']);
  });

  test('what is in flight stays there; the alarm is the next', async () => {
    const stage = await Stage.with(ALARM_FIRST, { inflightMax: 2 });
    stage.publish('t 1', 't 2', 't 3', 't 4', 'alarm/a 1');
    expect(stage.seen).toEqual(['t 1', 't 2']);
    expect(stage.drain()).toEqual(['t 1', 't 2', 'alarm/a 1', 't 3', 't 4']);
  });

  test('what was in flight is sent again before an alarm that came meanwhile (MQTT-4.4.0-1)', async () => {
    const stage = await Stage.with(ALARM_FIRST, { inflightMax: 2 });
    stage.publish('t 1', 't 2', 't 3');
    stage.leaves();
    stage.publish('alarm/a 1');
    await stage.returns({ inflightMax: 2 });
    expect(stage.drain()).toEqual(['t 1', 't 2', 'alarm/a 1', 't 3']);
  });

  test('QoS 0 behind a full socket follows them too', async () => {
    const stage = await Stage.with(ALARM_FIRST, TRANSIENT);
    stage.subscriber.session.pause('link');
    stage.publishQos0('log/a 1', 't 1', 'alarm/a 1', 't 2', 'alarm/a 2');
    stage.subscriber.session.resume('link');
    expect(stage.seen).toEqual(['alarm/a 1', 'alarm/a 2', 't 1', 't 2', 'log/a 1']);
  });

  test('an alarm of QoS 0 in memory passes telemetry of QoS 1 on disk, and what is less waits for it', async () => {
    const stage = await Stage.with(ALARM_FIRST);
    stage.subscriber.session.pause('link');
    stage.publish('t 1', 't 2');
    stage.publishQos0('log/a 0', 'alarm/a 0');
    stage.subscriber.session.resume('link');
    expect(stage.seen).toEqual(['alarm/a 0', 't 1', 't 2', 'log/a 0']);
  });

  test('are known after a kill; what may have been sent before says so, class by class (MQTT-3.3.1-1)', async () => {
    const before = await Stage.with(ALARM_FIRST, { inflightMax: 2 });
    before.publish('t 1', 't 2', 't 3', 'alarm/a 1');
    expect(before.seen).toEqual(['t 1', 't 2']);
    const stage = await before.restarted(ALARM_FIRST);
    await stage.returns({ inflightMax: 2 });
    expect(stage.drain()).toEqual(['alarm/a 1', 't 1', 't 2', 't 3']);
    expect(stage.subscriber.delivered.map(({ isDuplicate }) => isDuplicate)).toEqual([true, true, true, false]);
  });

  test('other ones hold for what comes from then on: what waits goes first, as it was queued, so that no topic is split', async () => {
    const before = await Stage.with({});
    before.leaves();
    before.publish('t 1', 'alarm/a 1', 't 2');
    const stage = await before.restarted(ALARM_FIRST);
    stage.publish('t 3', 'alarm/a 2');
    const again = await stage.restarted(ALARM_FIRST);
    again.publish('log/a 1', 'alarm/a 3');
    await again.returns();
    expect(again.drain()).toEqual(['t 1', 'alarm/a 1', 't 2', 'alarm/a 2', 'alarm/a 3', 't 3', 'log/a 1']);
  });

  test('a wake of a sleeping client brings greater classes first, up to where the queue ended, and is told when all of it is settled', async () => {
    const stage = await Stage.with(ALARM_FIRST, { queueQos0: true, inflightMax: 1 });
    stage.subscriber.session.pause('asleep');
    stage.publish('t 1', 'alarm/a 1', 't 2');
    stage.subscriber.session.wake();
    stage.publish('alarm/a 2', 't 3');
    expect(stage.drain()).toEqual(['alarm/a 1', 't 1', 't 2']);
    expect(stage.subscriber.drainedCount).toBe(1);
    stage.subscriber.session.wake();
    expect(stage.drain().slice(3)).toEqual(['alarm/a 2', 't 3']);
    expect(stage.subscriber.drainedCount).toBe(2);
  });
});

describe('a full queue', () => {
  type Case = readonly [name: string, queue: Partial<QueueSettings>, published: readonly string[], left: readonly string[], dropped: Record<string, number>];
  const two = { messagesMax: 2 };
  test.each<Case>([
    ['drop-oldest', two, ['t 1', 't 2', 't 3'], ['t 2', 't 3'], { 'queue-full': 1 }],
    ['drop-newest', { ...two, whenFull: 'drop-newest' }, ['t 1', 't 2', 't 3'], ['t 1', 't 2'], { 'queue-full-newest': 1 }],
    ['drop-oldest, lowest class first', { ...two, ...ALARM_FIRST }, ['alarm/a 1', 't 1', 't 2'], ['alarm/a 1', 't 2'], { 'queue-full': 1 }],
    ['drop-oldest of a class above all that waits', { ...two, ...ALARM_FIRST }, ['t 1', 'log/a 1', 'alarm/a 1'], ['alarm/a 1', 't 1'], { 'queue-full': 1 }],
    ['drop-oldest of a class below all that waits', { ...two, ...ALARM_FIRST }, ['t 1', 't 2', 'log/a 1'], ['t 1', 't 2'], { 'queue-full': 1 }],
    [
      'drop-newest makes room for a greater class: the newest of the lowest goes',
      { ...two, whenFull: 'drop-newest', ...ALARM_FIRST },
      ['t 1', 't 2', 'alarm/a 1'],
      ['alarm/a 1', 't 1'],
      { 'queue-full-newest': 1 },
    ],
    [
      'drop-newest takes nothing of a class that waits itself',
      { ...two, whenFull: 'drop-newest', ...ALARM_FIRST },
      ['alarm/a 1', 'alarm/a 2', 'alarm/a 3', 't 1'],
      ['alarm/a 1', 'alarm/a 2'],
      { 'queue-full-newest': 2 },
    ],
    ['drop-oldest in bytes', { bytesMax: 9 }, ['t 123', 't 456', 't 78'], ['t 456', 't 78'], { 'queue-full': 1 }],
    ['drop-newest in bytes', { bytesMax: 9, whenFull: 'drop-newest' }, ['t 123', 't 456', 't 78', 't '], ['t 123', 't 456', 't '], { 'queue-full-newest': 1 }],
    [
      'drop-newest in bytes: what could never be queued makes nobody go',
      { bytesMax: 9, whenFull: 'drop-newest', priorities: classes({ big: 7 }) },
      ['t 123', 'big 12345678'],
      ['t 123'],
      { 'queue-full-newest': 1 },
    ],
  ])('%s', async (_, queue, published, left, dropped) => {
    const stage = await Stage.with(queue);
    stage.leaves();
    stage.publish(...published);
    expect(stage.dropped).toEqual(dropped);
    await stage.returns();
    expect(stage.drain()).toEqual(left);
  });

  test('never loses what is in flight', async () => {
    for (const whenFull of ['drop-oldest', 'drop-newest'] as const) {
      const stage = await Stage.with({ ...two, whenFull, ...ALARM_FIRST }, { inflightMax: 2 });
      stage.publish('log/a 1', 'log/a 2', 'alarm/a 1');
      expect([stage.drain(), stage.core.store.status().queuedMessages]).toEqual([['log/a 1', 'log/a 2'], 0]);
    }
  });

  test('a declined message is not written at all', async () => {
    const stage = await Stage.with({ messagesMax: 1, whenFull: 'drop-newest' });
    stage.leaves();
    stage.publish('t 1', 't 2');
    expect(stage.core.store.settled.size).toBe(0);
    expect(stage.dropped).toEqual({ 'queue-full-newest': 1 });
  });

  test.each([
    ['drop-oldest', ['alarm/a 1', 't 2'], 'queue-full'],
    ['drop-newest', ['alarm/a 1', 't 1'], 'queue-full-newest'],
  ] as const)('in memory: %s', async (whenFull, left, cause) => {
    const stage = await Stage.with({ ...two, whenFull, ...ALARM_FIRST }, TRANSIENT);
    stage.subscriber.session.pause('link');
    stage.publishQos0('t 1', 'alarm/a 1', 't 2');
    expect(stage.dropped).toEqual({ [cause]: 1 });
    stage.subscriber.session.resume('link');
    expect(stage.seen).toEqual(left);
  });
});

describe('keep-latest', () => {
  const keepLatest = latest('state/#');

  test('of each topic the newest waits, at its own place; other topics keep all', async () => {
    const stage = await Stage.with({ keepLatest });
    stage.leaves();
    stage.publish('state/a 1', 'state/b 1', 't 1', 'state/a 2', 't 2', 'state/a 3');
    expect([stage.core.store.status().queuedMessages, stage.dropped]).toEqual([4, { superseded: 2 }]);
    expect(stage.core.store.settled.get('superseded')).toBe(2);
    await stage.returns();
    expect(stage.drain()).toEqual(['state/b 1', 't 1', 't 2', 'state/a 3']);
  });

  test('QoS 1 in flight stays; only what waits behind it is superseded', async () => {
    const stage = await Stage.with({ keepLatest }, { inflightMax: 1 });
    stage.publish('state/a 1', 'state/a 2', 'state/a 3');
    stage.leaves();
    stage.publish('state/a 4');
    await stage.returns({ inflightMax: 1 });
    expect(stage.drain()).toEqual(['state/a 1', 'state/a 4']);
  });

  test('QoS 2 in flight stays, over a restart too', async () => {
    const before = await Stage.with({ keepLatest }, { inflightMax: 1 });
    before.publishQos2('state/a 1');
    await settled();
    before.publishQos2('state/a 2');
    const stage = await before.restarted({ keepLatest });
    stage.publishQos2('state/a 3');
    expect(stage.dropped).toEqual({ superseded: 1 });
    await stage.returns();
    await settled();
    expect(stage.seen).toEqual(['state/a 1', 'state/a 3']);
  });

  test('what a restart left is read bit by bit as messages come, and superseded then', async () => {
    const before = await Stage.with({});
    before.leaves();
    for (let value = 1; value <= 100; value += 1) before.publish(`state/${value % 2} ${value}`);
    const stage = await before.restarted({ keepLatest });
    expect(stage.core.store.status().queuedMessages).toBe(100);
    stage.publish('state/x 1');
    expect(stage.core.store.status().queuedMessages).toBe(101 - 62);
    stage.publish('state/0 new', 't 1');
    await stage.returns();
    expect(stage.drain()).toEqual(['state/1 99', 'state/x 1', 'state/0 new', 't 1']);
  });

  test('a retained message that a subscription brings is older than what waits, and does not take its place', async () => {
    const stage = await Stage.with({ keepLatest });
    stage.publisher.publish('state/a', 'retained', { isRetain: true });
    stage.drain();
    stage.leaves();
    await stage.clock.advanceMs(1_000);
    stage.publish('state/a newer');
    const returning = new TestClient(stage.core.context('mqtt'));
    const outcome = await stage.core.context('mqtt').connect(requestOf('subscriber'), returning);
    if (outcome.kind !== 'accepted') expect.unreachable();
    else {
      outcome.session.subscribe({
        filter: topicFilter('state/+'),
        qosMax: 1,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
        identifier: undefined,
      });
      outcome.session.resume('link');
    }
    expect(returning.payloads).toEqual(['newer', 'retained']);
  });

  test('makes room in a full queue, whatever happens at its bound', async () => {
    for (const whenFull of ['drop-oldest', 'drop-newest'] as const) {
      const stage = await Stage.with({ keepLatest, whenFull, messagesMax: 2 });
      stage.leaves();
      stage.publish('state/a 1', 't 1', 'state/a 2');
      expect(stage.dropped).toEqual({ superseded: 1 });
      await stage.returns();
      expect(stage.drain()).toEqual(['t 1', 'state/a 2']);
    }
  });

  test('in memory too: a slow dashboard gets the newest of each topic', async () => {
    const stage = await Stage.with({ keepLatest, ...ALARM_FIRST }, TRANSIENT);
    stage.subscriber.session.pause('link');
    stage.publishQos0('state/a 1', 'state/b 1', 't 1', 'state/a 2', 'alarm/a 1', 't 2', 'state/a 3', 'state/b 2');
    expect(stage.dropped).toEqual({ superseded: 3 });
    stage.subscriber.session.resume('link');
    expect(stage.seen).toEqual(['alarm/a 1', 't 1', 't 2', 'state/a 3', 'state/b 2']);
    stage.subscriber.session.pause('link');
    stage.publishQos0('state/a 4', 'state/a 5');
    stage.subscriber.session.resume('link');
    expect(stage.seen.at(-1)).toBe('state/a 5');
  });
});

describe('rules', () => {
  const rules: QueueSettings['rules'] = [
    { clientIdPattern: 'panel-.+', keepLatest: latest('#'), inflightMax: 1 },
    { username: 'logger', messagesMax: 1, whenFull: 'drop-newest' },
    { listener: 'mqtt.ws', messagesMax: 3 },
  ];

  async function leftFor(over: { readonly id?: string; readonly username?: string; readonly listener?: string }): Promise<string[]> {
    const { id = 'subscriber', ...credentials } = over;
    const stage = await Stage.on({ messagesMax: 2, rules });
    const request = requestOf(id);
    const owner: ConnectRequest = { ...request, credentials: { ...request.credentials, ...credentials } };
    const before = new TestClient(stage.core.context('mqtt'));
    await before.connect(owner);
    before.subscribe('#', { qos: 1 });
    before.session.disconnect({ publishWill: false });
    const again = await stage.restarted({ messagesMax: 2, rules });
    again.publish('t 1', 't 2', 't 3', 't 4');
    again.subscriber = new TestClient(again.core.context('mqtt'));
    await again.subscriber.connect(owner);
    return again.drain();
  }

  test.each([
    ['none: as for all', {}, ['t 3', 't 4']],
    ['the whole client id', { id: 'panel-1' }, ['t 4']],
    ['not a part of it', { id: 'a-panel-1' }, ['t 3', 't 4']],
    ['the user, before the listener', { username: 'logger', listener: 'mqtt.ws' }, ['t 1']],
    ['the listener the client last came through', { listener: 'mqtt.ws' }, ['t 2', 't 3', 't 4']],
  ])('are found by %s, also after a restart and before the client is back', async (_, owner, left) => {
    expect(await leftFor(owner)).toEqual(left);
  });

  test('the window is the smaller of what rule and client allow', async () => {
    for (const inflightMax of [1, 20]) {
      const stage = await Stage.with({ rules: [{ inflightMax: 2 }] }, { inflightMax });
      stage.publish('t 1', 't 2', 't 3');
      expect(stage.seen).toHaveLength(Math.min(2, inflightMax));
    }
  });

  test('a client that brings a policy of its own is asked no rule', async () => {
    const stage = await Stage.with({ rules: [{ messagesMax: 1 }] }, { queue: policyOf({ messagesMax: 3 }) });
    stage.leaves();
    stage.publish('t 1', 't 2', 't 3');
    expect(stage.core.store.status().queuedMessages).toBe(3);
  });

  test('what says nothing to most sessions is not written down', async () => {
    const stage = await Stage.with({ rules: [{ username: 'other', keepLatest: latest('#') }] });
    expect([...stage.core.store.sessions.values()].flatMap(({ state }) => [...state.keys()])).toEqual([]);
  });

  test('that change while the gateway runs hold for a client without a link at once, for one that has a link from its next connection on', async () => {
    const stage = await Stage.with({ messagesMax: 10 });
    const other = new TestClient(stage.core.context('mqtt'));
    await other.connect(requestOf('other', { inflightMax: 1 }));
    other.subscribe('#', { qos: 1 });
    stage.leaves();
    stage.publish('t 1', 't 2');
    stage.core.broker.replaceQueueRules(queueOf({ messagesMax: 3, ...ALARM_FIRST }));
    stage.publish('t 3', 't 4', 'alarm/a 1');
    expect(stage.dropped).toEqual({ 'queue-full': 2 });
    await stage.returns();
    expect(stage.drain()).toEqual(['alarm/a 1', 't 3', 't 4']);
    stage.subscriber = other;
    expect(stage.drain()).toEqual(['t 1', 't 2', 't 3', 't 4', 'alarm/a 1']);
  });
});
