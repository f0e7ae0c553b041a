// A stored session keeps its subscriptions under their final names (decision 0016). When its client returns after the rules of rewrite have changed they
// mean what the client said, by the rules there are now: else it could never name them again.
import { describe, expect, test } from 'vitest';
import type { RewriteRule } from '../../../src/broker/rewrite.ts';
import type { ConnectRequest } from '../../../src/gateway/gateway.ts';
import { topicFilter } from '../../../src/model/topic.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const to = (destination: string): RewriteRule => ({ action: 'subscribe', source: topicFilter('in/#'), pattern: '^in/(.+)$', destination: `${destination}/$1` });
const CHAINED: RewriteRule = { action: 'subscribe', source: topicFilter('old/#'), pattern: '^old/(.+)$', destination: 'older/$1' };

interface Boot {
  readonly core: TestCore;
  readonly client: TestClient;
}

/** A boot with these rules, and the client on it. */
async function boot(rewrite: readonly RewriteRule[], before?: Boot, over: Partial<ConnectRequest> = {}, forbidden?: string): Promise<Boot> {
  await settled();
  const store: { store?: MemoryStore } = before === undefined ? {} : { store: before.core.store.reopened({ wasClean: false }) };
  const core = startCore({ clock: new FakeClock(), ...store, settings: { rewrite } });
  if (forbidden !== undefined) core.access.forbids = (action) => action.kind === 'subscribe' && action.filter === forbidden;
  const client = new TestClient(core.context('mqtt'));
  await client.connect(requestOf('client', over));
  return { core, client };
}

async function heard({ core, client }: Boot, ...topics: readonly string[]): Promise<string[]> {
  const publisher = new TestClient(core.context('mqtt'));
  await publisher.connect(requestOf('publisher', { cleanStart: true, sessionExpirySeconds: 0 }));
  for (const topic of topics) publisher.publish(topic, topic);
  await settled();
  return client.payloads;
}

const stored = ({ core }: Boot): string[] => [...([...core.store.sessions.values()].find(({ clientId }) => clientId === 'client')?.subscriptions.keys() ?? [])];
const stateOf = ({ core }: Boot): string[] => [...([...core.store.sessions.values()].find(({ clientId }) => clientId === 'client')?.state.keys() ?? [])];

describe('a rule of rewrite', () => {
  test.each<[string, readonly RewriteRule[], readonly RewriteRule[], string]>([
    ['changes', [to('old')], [to('new')], 'new/a'],
    ['goes', [to('old')], [], 'in/a'],
    ['comes', [], [to('new')], 'new/a'],
    ['stays', [to('old')], [to('old')], 'old/a'],
    ['is about the name another gave', [to('old')], [to('old'), CHAINED], 'old/a'],
  ])('%s: the subscription means what the client would get for it now, and is its own to end', async (_, before, after, name) => {
    const first = await boot(before);
    first.client.subscribe('in/+', { qos: 1 });
    const second = await boot(after, first);
    expect(await heard(second, 'in/a', 'old/a', 'older/a', 'new/a')).toEqual([name]);
    expect(second.client.session.unsubscribe(topicFilter('in/+'))).toBe(true);
    expect([stored(second), stateOf(second)]).toEqual([[], []]);
    expect(await heard(second, 'in/b', 'old/b', 'older/b', 'new/b')).toEqual([name]);
  });

  test('changes twice: it is still known what the client said', async () => {
    const first = await boot([to('old')]);
    first.client.subscribe('in/+', { qos: 1 });
    const second = await boot([to('new')], first);
    const third = await boot([to('newest')], second);
    expect(stored(third)).toEqual(['newest/+']);
  });

  test.each(['$share/g/', '$exclusive/'])('changes for a subscription with %s', async (prefix) => {
    const first = await boot([to('old')]);
    first.client.subscribe(`${prefix}in/+`, { qos: 1 });
    const second = await boot([to('new')], first);
    expect(await heard(second, 'old/a', 'new/a')).toEqual(['new/a']);
    expect(stored(second)).toEqual([`${prefix}new/+`]);
    expect(second.client.session.unsubscribe(topicFilter(`${prefix}in/+`))).toBe(true);
  });

  test('changes for a client below a mount point', async () => {
    const mounted = { mountPoint: 'in/' };
    const first = await boot([to('old')], undefined, mounted);
    first.client.subscribe('+', { qos: 1 });
    const second = await boot([to('new')], first, mounted);
    expect(stored(second)).toEqual(['new/+']);
    const third = await boot([], second, mounted);
    expect(stored(third)).toEqual(['in/+']);
    expect(third.client.session.unsubscribe(topicFilter('+'))).toBe(true);
  });

  test('makes one of two: the later one holds', async () => {
    const first = await boot([]);
    first.client.subscribe('in/+', { qos: 1 });
    first.client.subscribe('new/+', { qos: 0 });
    const second = await boot([to('new')], first);
    expect(stored(second)).toEqual(['new/+']);
    await heard(second, 'new/a');
    expect(second.client.delivered.map(({ qos }) => qos)).toEqual([0]);
  });

  test('leads where the client may not go, or nowhere: the subscription ends', async () => {
    const first = await boot([to('old')]);
    first.client.subscribe('in/+', { qos: 1 });
    expect(stored(await boot([to('secret')], first, {}, 'secret/+'))).toEqual([]);
    const again = await boot([to('old')]);
    again.client.subscribe('in/+', { qos: 1 });
    expect(stored(await boot([to('#')], again))).toEqual([]);
  });

  test('changes: no retained message comes again, and what waited stays', async () => {
    const first = await boot([to('old')]);
    first.client.subscribe('in/+', { qos: 1 });
    first.client.session.disconnect({ publishWill: false });
    const publisher = new TestClient(first.core.context('mqtt'));
    await publisher.connect(requestOf('publisher'));
    publisher.publish('old/a', 'waited');
    publisher.publish('new/a', 'retained', { isRetain: true });
    const second = await boot([to('new')], first);
    await settled();
    expect(second.client.payloads).toEqual(['waited']);
  });

  test('stays: nothing is written when the client returns', async () => {
    const first = await boot([to('old')]);
    for (const filter of ['in/+', 'other/+']) first.client.subscribe(filter, { qos: 1 });
    expect(stateOf(first)).toHaveLength(1);
    const saved = first.core.store.sessions;
    const subscriptions = [...saved.values()].map((session) => [...session.subscriptions.values()]);
    const second = await boot([to('old')], first);
    expect([...second.core.store.sessions.values()].map((session) => [...session.subscriptions.values()])).toEqual(subscriptions);
    second.client.subscribe('in/+', { qos: 1 });
    expect(stateOf(second)).toHaveLength(1);
  });
});
