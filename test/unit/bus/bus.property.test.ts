import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Bus } from '../../../src/bus/bus.ts';
import type { Match } from '../../../src/bus/match.ts';
import type { Subscription } from '../../../src/bus/subscription.ts';
import type { QoS } from '../../../src/model/message.ts';
import { type TopicFilter, type TopicName, topicFilter, topicMatches, topicName } from '../../../src/model/topic.ts';

interface Client {
  readonly name: string;
  readonly subscriptions: Map<TopicFilter, Subscription>;
}

const literal = fc.constantFrom('a', 'b', '', '$SYS', 'é');
const levels = (level: fc.Arbitrary<string>) => fc.array(level, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const topicText = levels(literal).filter((text) => text !== '');
const filterText = fc
  .tuple(levels(fc.oneof(literal, fc.constant('+'))), fc.boolean())
  .map(([text, isOpen]) => (isOpen ? `${text}/#` : text))
  .filter((text) => text !== '');
const client = fc.nat({ max: 4 });

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('subscribe' as const),
      client,
      filter: fc.oneof(filterText, fc.constantFrom('#', '+', '+/#')).map(topicFilter),
      qosMax: fc.constantFrom<QoS>(0, 1, 2),
      noLocal: fc.boolean(),
      retainAsPublished: fc.boolean(),
      identifier: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unsubscribe' as const), client, pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), client }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('publish' as const), topic: topicText.map(topicName) }) },
);

/** What a match says, by value and independent of order. */
function terms(subscriptions: readonly Subscription[]) {
  if (subscriptions.length === 0) return undefined;
  return {
    qosMax: Math.max(...subscriptions.map(({ qosMax }) => qosMax)),
    retainAsPublished: subscriptions.some(({ retainAsPublished }) => retainAsPublished),
    identifiers: subscriptions.flatMap(({ identifier }) => identifier ?? []).sort(),
  };
}

function expected(clients: readonly Client[], topic: TopicName) {
  return clients.flatMap(({ name, subscriptions }) => {
    const selecting = [...subscriptions.values()].filter(({ filter }) => topicMatches(filter, topic));
    if (selecting.length === 0) return [];
    return [{ name, ...terms(selecting), own: terms(selecting.filter(({ noLocal }) => !noLocal)) }];
  });
}

function found(matches: readonly Match<Client>[]) {
  const plain = ({ qosMax, retainAsPublished, identifiers }: Match<Client>) => ({ qosMax, retainAsPublished, identifiers: [...identifiers].sort() });
  return matches
    .map((match) => ({ name: match.subscriber.name, ...plain(match), own: match.own && plain(match.own) }))
    .sort((one, other) => one.name.localeCompare(other.name));
}

function apply(bus: Bus<Client>, clients: readonly Client[], action: Exclude<typeof step extends fc.Arbitrary<infer T> ? T : never, { kind: 'publish' }>) {
  const subscriber = clients[action.client];
  if (subscriber === undefined) return;
  const { subscriptions } = subscriber;
  if (action.kind === 'subscribe') {
    const { filter, qosMax, noLocal, retainAsPublished, identifier } = action;
    const subscription: Subscription = { filter, qosMax, noLocal, retainAsPublished, identifier, retainHandling: 0 };
    expect(bus.subscribe(subscriber, subscription)).toBe(!subscriptions.has(filter));
    subscriptions.set(filter, subscription);
  } else if (action.kind === 'unsubscribe') {
    const filter = [...subscriptions.keys()][action.pick % Math.max(1, subscriptions.size)] ?? topicFilter('a');
    expect(bus.unsubscribe(subscriber, filter)).toBe(subscriptions.delete(filter));
  } else {
    bus.removeSubscriber(subscriber);
    subscriptions.clear();
  }
}

test.each([
  ['a roomy cache', 1024 * 1024],
  ['a cache of a few routes', 3_000],
  ['no room at all', 0],
])('every subscriber whose filters select the topic is matched, by the terms of those filters: %s', (_, routeCacheBytesMax) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const clients: Client[] = ['0', '1', '2', '3', '4'].map((name) => ({ name, subscriptions: new Map() }));
      const bus = new Bus<Client>({ routeCacheBytesMax });
      const held = new Map<TopicName, ReturnType<typeof bus.topics.intern>>();
      for (const action of steps) {
        if (action.kind !== 'publish') {
          apply(bus, clients, action);
          continue;
        }
        const wanted = expected(clients, action.topic);
        const bytes = Buffer.from(action.topic);
        const interned = bus.topics.internUtf8(bytes, 0, bytes.length);
        const first = held.get(action.topic) ?? interned; // a connection holds a topic, whatever the table forgot since
        held.set(action.topic, first);
        expect(found(bus.matches(first))).toEqual(wanted);
        expect(found(bus.matches(interned))).toEqual(wanted);
      }
      expect(bus.subscriptionCount).toBe(clients.reduce((count, { subscriptions }) => count + subscriptions.size, 0));
    }),
    { numRuns: 300 },
  );
});
