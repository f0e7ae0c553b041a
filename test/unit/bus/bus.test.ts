import { describe, expect, test } from 'vitest';
import { Bus } from '../../../src/bus/bus.ts';
import type { Subscription } from '../../../src/bus/subscription.ts';
import { topicFilter, topicName } from '../../../src/model/topic.ts';
import { topicOf } from '../../../src/model/topic-utf8.ts';

interface Client {
  readonly name: string;
}

const ALICE: Client = { name: 'alice' };
const BOB: Client = { name: 'bob' };

function to(filter: string, options: Partial<Omit<Subscription, 'filter'>> = {}): Subscription {
  return { filter: topicFilter(filter), qosMax: 0, noLocal: false, retainAsPublished: false, retainHandling: 0, ...options };
}

function busWith(...subscriptions: [Client, Subscription][]): Bus<Client> {
  const bus = new Bus<Client>({ routeCacheBytesMax: 1024 * 1024 });
  for (const [client, subscription] of subscriptions) bus.subscribe(client, subscription);
  return bus;
}

function receivers(bus: Bus<Client>, topic: string): string[] {
  return bus
    .matches(bus.topics.intern(topicName(topic)))
    .map((match) => match.subscriber.name)
    .sort();
}

function onlyMatch(bus: Bus<Client>, topic: string) {
  const [match, ...others] = bus.matches(bus.topics.intern(topicName(topic)));
  expect(others).toEqual([]);
  if (match === undefined) expect.unreachable('no match');
  return match;
}

describe('MQTT 5 §3.3.4 one copy for overlapping subscriptions', () => {
  const bus = busWith(
    [ALICE, to('a/b', { qosMax: 1, identifier: 7 })],
    [ALICE, to('a/+', { qosMax: 2, identifier: 8, retainAsPublished: true })],
    [ALICE, to('a/#', { qosMax: 0 })],
    [BOB, to('a/+', { qosMax: 1 })],
  );

  test('each subscriber is matched once', () => {
    expect(receivers(bus, 'a/b')).toEqual(['alice', 'bob']);
  });

  test('MQTT-3.3.4-2: at the maximum QoS of all; MQTT-3.3.4-4: with all identifiers', () => {
    bus.removeSubscriber(BOB);
    const match = onlyMatch(bus, 'a/b');
    expect(match.qosMax).toBe(2);
    expect([...match.identifiers].sort()).toEqual([7, 8]);
    expect(match.retainAsPublished).toBe(true);
  });

  test('a topic only one of them selects has its terms alone', () => {
    const match = onlyMatch(bus, 'a/b/c');
    expect(match).toMatchObject({ qosMax: 0, identifiers: [], retainAsPublished: false });
  });

  test('the same identifier in two subscriptions is given twice', () => {
    const twice = busWith([ALICE, to('a', { identifier: 5 })], [ALICE, to('#', { identifier: 5 })]);
    expect(onlyMatch(twice, 'a').identifiers).toEqual([5, 5]);
  });
});

describe('MQTT-3.8.3-3 No Local', () => {
  test.each([
    ['without No Local its own message comes back as to others', [to('a', { qosMax: 1 })], { qosMax: 1, identifiers: [] }],
    ['its own message stays away', [to('a', { noLocal: true })], undefined],
    ['all of several are No Local', [to('a', { noLocal: true }), to('+', { noLocal: true })], undefined],
    [
      'one of two is No Local: the other one alone decides',
      [to('a', { qosMax: 2, noLocal: true, identifier: 1, retainAsPublished: true }), to('+', { qosMax: 1, identifier: 2 })],
      { qosMax: 1, identifiers: [2], retainAsPublished: false },
    ],
    [
      'one of three is No Local: the other two are merged',
      [to('a', { qosMax: 2, identifier: 1, noLocal: true }), to('+', { qosMax: 1, identifier: 2 }), to('#', { identifier: 3 })],
      { qosMax: 1, identifiers: [3, 2] },
    ],
  ])('%s', (_, subscriptions, own) => {
    const match = onlyMatch(busWith(...subscriptions.map((subscription): [Client, Subscription] => [ALICE, subscription])), 'a');
    if (own === undefined) expect(match.own).toBeUndefined();
    else expect(match.own).toMatchObject(own);
  });

  test('none is No Local: the match itself', () => {
    const single = onlyMatch(busWith([ALICE, to('a')]), 'a');
    expect(single.own).toBe(single);
    const merged = onlyMatch(busWith([ALICE, to('a')], [ALICE, to('#')]), 'a');
    expect(merged.own).toBe(merged);
  });
});

describe('MQTT 5 §3.8.4 subscribe', () => {
  test('MQTT-3.8.4-3: the same filter replaces, and a cached route sees the new terms', () => {
    const bus = busWith();
    expect(bus.subscribe(ALICE, to('a/+', { qosMax: 0 }))).toBe(true);
    expect(onlyMatch(bus, 'a/b').qosMax).toBe(0);
    expect(bus.subscribe(ALICE, to('a/+', { qosMax: 2 }))).toBe(false);
    expect(onlyMatch(bus, 'a/b').qosMax).toBe(2);
    expect(bus.subscriptionCount).toBe(1);
  });

  test.each([
    ['QoS', { qosMax: 1 as const }],
    ['No Local', { noLocal: true }],
    ['Retain As Published', { retainAsPublished: true }],
    ['Subscription Identifier', { identifier: 9 }],
  ])('MQTT-3.8.4-3: a replaced %s takes effect', (_, change) => {
    const bus = busWith([ALICE, to('a', { identifier: 4 })]);
    const before = onlyMatch(bus, 'a');
    bus.subscribe(ALICE, to('a', { identifier: 4, ...change }));
    expect(onlyMatch(bus, 'a')).not.toEqual(before);
  });

  test('repeating a subscription as it is costs no look-up', () => {
    const bus = busWith([ALICE, to('a', { identifier: 4 })]);
    onlyMatch(bus, 'a');
    const { resolutions } = bus.statistics;
    bus.subscribe(ALICE, to('a', { identifier: 4 }));
    onlyMatch(bus, 'a');
    expect(bus.statistics.resolutions).toBe(resolutions);
  });
});

describe('MQTT 5 §3.10.4 unsubscribe', () => {
  test('MQTT-3.10.4-1: filters are compared character by character', () => {
    const bus = busWith([ALICE, to('a/+')]);
    expect(bus.unsubscribe(ALICE, topicFilter('a/b'))).toBe(false);
    expect(bus.unsubscribe(ALICE, topicFilter('a/#'))).toBe(false);
    expect(bus.unsubscribe(BOB, topicFilter('a/+'))).toBe(false);
    expect(receivers(bus, 'a/b')).toEqual(['alice']);
    expect(bus.unsubscribe(ALICE, topicFilter('a/+'))).toBe(true);
    expect(bus.unsubscribe(ALICE, topicFilter('a/+'))).toBe(false);
  });

  test('MQTT-3.10.4-2: nothing is matched afterwards, by a cached route neither', () => {
    const bus = busWith([ALICE, to('a/#')], [BOB, to('a')]);
    const topic = bus.topics.intern(topicName('a'));
    expect(bus.matches(topic)).toHaveLength(2);
    bus.unsubscribe(ALICE, topicFilter('a/#'));
    expect(bus.matches(topic).map((match) => match.subscriber)).toEqual([BOB]);
    bus.removeSubscriber(BOB);
    expect(bus.matches(topic)).toEqual([]);
    expect(bus.subscriptionCount).toBe(0);
  });

  test.each([[[0, 1, 2, 3]], [[3, 2, 1, 0]], [[1, 3, 0, 2]], [[0, 3, 1, 2]]])('subscribers of one filter leave in the order %j', (order) => {
    const clients = order.map((_, index) => ({ name: String(index) }));
    const bus = busWith(...clients.map((client): [Client, Subscription] => [client, to('a/+')]));
    const left = new Set(clients.map(({ name }) => name));
    for (const index of order) {
      const client = clients[index];
      if (client === undefined) expect.unreachable();
      expect(bus.unsubscribe(client, topicFilter('a/+'))).toBe(true);
      left.delete(client.name);
      expect(receivers(bus, 'a/b')).toEqual([...left].sort());
    }
    expect(bus.statistics).toMatchObject({ subscriptions: 0, filters: 0 });
  });

  test('a filter is there until its last subscriber leaves', () => {
    const filters = ['a', 'a/#', 'a/+', '#', '+/b/#'];
    const bus = busWith(
      ...filters.flatMap((filter): [Client, Subscription][] => [
        [ALICE, to(filter)],
        [BOB, to(filter)],
      ]),
    );
    expect(bus.statistics).toMatchObject({ subscriptions: 10, filters: 5 });
    bus.removeSubscriber(ALICE);
    expect(bus.statistics).toMatchObject({ subscriptions: 5, filters: 5 });
    bus.unsubscribe(BOB, topicFilter('#'));
    expect(bus.statistics).toMatchObject({ subscriptions: 4, filters: 4 });
  });

  test('other filters on the same path stay', () => {
    const bus = busWith([ALICE, to('a/+/c')], [ALICE, to('a/+')], [ALICE, to('a/b/#')], [ALICE, to('+/b/c')]);
    for (const filter of ['a/+', 'a/b/#']) bus.unsubscribe(ALICE, topicFilter(filter));
    expect(receivers(bus, 'a/b')).toEqual([]);
    expect(receivers(bus, 'a/x/c')).toEqual(['alice']);
    expect(receivers(bus, 'x/b/c')).toEqual(['alice']);
  });
});

describe('a list of matches', () => {
  test('is the same object while subscriptions stay as they are', () => {
    const bus = busWith([ALICE, to('a')], [BOB, to('#')]);
    const topic = bus.topics.intern(topicName('a'));
    expect(bus.matches(topic)).toBe(bus.matches(topic));
  });

  test('is not disturbed by subscribers leaving while it is walked', () => {
    const bus = busWith([ALICE, to('a')], [BOB, to('a')]);
    const seen: string[] = [];
    for (const { subscriber } of bus.matches(bus.topics.intern(topicName('a')))) {
      seen.push(subscriber.name);
      bus.removeSubscriber(ALICE);
      bus.removeSubscriber(BOB);
    }
    expect(seen.sort()).toEqual(['alice', 'bob']);
    expect(receivers(bus, 'a')).toEqual([]);
  });

  test('is found for a topic that is not interned here', () => {
    const bus = busWith([ALICE, to('a/+')]);
    const foreign = busWith().topics.intern(topicName('a/b'));
    expect(bus.matches(foreign).map((match) => match.subscriber)).toEqual([ALICE]);
    expect(bus.matches(topicOf(topicName('a/b'))).map((match) => match.subscriber)).toEqual([ALICE]);
  });

  test('of topics no one publishes to any more does not hold removed subscribers for ever', () => {
    const bus = busWith();
    for (let index = 0; index < 600; index += 1) {
      const client = { name: String(index) };
      bus.subscribe(client, to('a/+'));
      expect(receivers(bus, `a/${index}`)).toEqual([client.name]);
      bus.removeSubscriber(client);
    }
    const { routeBytes, routes } = bus.statistics;
    const idle = busWith();
    for (let index = 0; index < routes; index += 1) receivers(idle, `a/${index}`);
    expect(routeBytes - idle.statistics.routeBytes).toBeLessThan(256 * 8); // a match costs its route 8 bytes
  });
});
