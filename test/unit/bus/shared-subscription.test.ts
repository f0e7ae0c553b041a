import { describe, expect, test } from 'vitest';
import { Bus } from '../../../src/bus/bus.ts';
import { isBadShare, selectedBy, sharedFilter } from '../../../src/bus/shared-subscription.ts';
import type { Subscription } from '../../../src/bus/subscription.ts';
import { topicFilter, topicName } from '../../../src/model/topic.ts';

describe('MQTT 5 §4.8.2 the text of a shared subscription', () => {
  test.each<[string, { group: string; filter: string } | undefined, string]>([
    ['$share/g/a/+/#', { group: 'g', filter: 'a/+/#' }, 'name and filter'],
    ['$share/g//a', { group: 'g', filter: '/a' }, 'a filter whose first level is empty'],
    ['$share/a b/#', { group: 'a b', filter: '#' }, 'any text without "/", "+" and "#" is a name'],
    ['$queue/a/b', { group: '$queue', filter: 'a/b' }, 'a group of its own name'],
    ['a/$share/g/b', undefined, 'a plain filter'],
    ['$shared/g/a', undefined, 'a plain filter'],
    ['$queue', undefined, 'a plain filter'],
  ])('%s: %o (%s)', (text, parts, _) => {
    expect(sharedFilter(topicFilter(text))).toEqual(parts);
    expect(isBadShare(topicFilter(text))).toBe(false);
    expect(selectedBy(topicFilter(text))).toBe(parts?.filter ?? text);
  });

  test.each([
    ['$share/g', 'MQTT-4.8.2-2: no "/" behind the name'],
    ['$share/g/', 'MQTT-4.8.2-2: no filter'],
    ['$share//a', 'MQTT-4.8.2-1: no name'],
    ['$share/+/a', 'MQTT-4.8.2-1: a wildcard in the name'],
    ['$queue/', 'no filter'],
  ])('%s is none: %s', (text) => {
    expect([sharedFilter(topicFilter(text)), isBadShare(topicFilter(text))]).toEqual([undefined, true]);
  });
});

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

function routed(bus: Bus<Client>, topic: string) {
  const { matches, shares } = bus.routing(bus.topics.intern(topicName(topic)));
  const names = (members: readonly { readonly subscriber: Client }[]): string => members.map(({ subscriber }) => subscriber.name).join(',');
  return { matches: names(matches), shares: shares.map(({ filter, members }) => `${filter}: ${names(members)}`).sort() };
}

describe('shares on the bus', () => {
  test('a topic has the shares of every filter that selects it, besides its plain matches', () => {
    const bus = busWith(
      [ALICE, to('$share/g/a/+')],
      [BOB, to('$share/g/a/+')],
      [BOB, to('$share/h/a/+')],
      [ALICE, to('$share/g/a/b')],
      [BOB, to('a/b')],
      [ALICE, to('$queue/a/#')],
    );
    expect(routed(bus, 'a/b')).toEqual({
      matches: 'bob',
      shares: ['$queue/a/#: alice', '$share/g/a/+: alice,bob', '$share/g/a/b: alice', '$share/h/a/+: bob'],
    });
    expect(routed(bus, 'a/c')).toEqual({ matches: '', shares: ['$queue/a/#: alice', '$share/g/a/+: alice,bob', '$share/h/a/+: bob'] });
    expect(routed(bus, 'b')).toEqual({ matches: '', shares: [] });
  });

  test('each member keeps its own terms; the same share again replaces them', () => {
    const bus = busWith([ALICE, to('$share/g/a', { qosMax: 1, identifier: 7 })], [BOB, to('$share/g/a', { qosMax: 2 })]);
    expect(bus.subscribe(ALICE, to('$share/g/a', { qosMax: 0, identifier: 8 }))).toBe(false);
    expect(bus.shareOf(topicFilter('$share/g/a'))?.members).toMatchObject([
      { qosMax: 0, identifiers: [8] },
      { qosMax: 2, identifiers: [] },
    ]);
  });

  test('a share ends with its last member, a cached route included', () => {
    const bus = busWith([ALICE, to('$share/g/a')], [BOB, to('$share/g/a')]);
    expect(routed(bus, 'a').shares).toEqual(['$share/g/a: alice,bob']);
    expect(bus.unsubscribe(ALICE, topicFilter('$share/g/a'))).toBe(true);
    expect(routed(bus, 'a').shares).toEqual(['$share/g/a: bob']);
    bus.removeSubscriber(BOB);
    expect(routed(bus, 'a').shares).toEqual([]);
    expect(bus.shareOf(topicFilter('$share/g/a'))).toBeUndefined();
    expect(bus.statistics).toMatchObject({ subscriptions: 0, filters: 0 });
  });

  test('MQTT-4.7.2-1 holds for the inner filter', () => {
    const bus = busWith([ALICE, to('$share/g/#')], [BOB, to('$share/g/$SYS/#')]);
    expect(routed(bus, '$SYS/uptime').shares).toEqual(['$share/g/$SYS/#: bob']);
  });
});
