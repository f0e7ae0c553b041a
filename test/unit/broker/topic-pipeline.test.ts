// ARCHITECTURE "Security that belongs to the design": permission is asked about the final name, whichever door the name came in by.
import { describe, expect, test } from 'vitest';
import type { Action } from '../../../src/access/access.ts';
import type { BrokerSettings } from '../../../src/broker/broker.ts';
import type { ConnectRequest, Will } from '../../../src/gateway/gateway.ts';
import { INTERNAL_PROTOCOL } from '../../../src/model/client.ts';
import { TOPIC_BYTES_MAX, topicFilter, topicName } from '../../../src/model/topic.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;
const MOUNT = { mountPoint: 'tenant/${clientid}/' } as const;
const REWRITE: Partial<BrokerSettings> = {
  rewrite: [
    { action: 'all', source: topicFilter('old/#'), pattern: '^old/(.+)$', destination: 'new/$1' },
    { action: 'publish', source: topicFilter('later/#'), pattern: '^later/(.+)$', destination: '$delayed/10/$1' },
    { action: 'publish', source: topicFilter('bad/#'), pattern: '^bad/(.+)$', destination: '#' },
  ],
};

interface Bench {
  readonly clock: FakeClock;
  readonly core: TestCore;
  readonly asked: string[];
  client(id: string, over?: Partial<ConnectRequest>): Promise<TestClient>;
}

function bench(settings: Partial<BrokerSettings> = {}): Bench {
  const clock = new FakeClock();
  const core = startCore({ clock, settings });
  const asked: string[] = [];
  core.access.forbids = (action: Action) => {
    asked.push(action.kind === 'publish' ? `publish ${action.topic}` : `subscribe ${action.filter}`);
    return false;
  };
  return {
    clock,
    core,
    asked,
    async client(id, over = {}) {
      const client = new TestClient(core.context('mqtt'));
      await client.connect(requestOf(id, { ...TRANSIENT, ...over }));
      return client;
    },
  };
}

describe('permission is asked about the final name', () => {
  const cases: [door: string, over: Partial<ConnectRequest>, act: (client: TestClient) => unknown, asked: string][] = [
    ['publish', {}, (client) => client.publish('a', '1'), 'publish a'],
    ['publish, mounted', MOUNT, (client) => client.publish('a', '1'), 'publish tenant/c/a'],
    ['publish, rewritten', {}, (client) => client.publish('old/a', '1'), 'publish new/a'],
    ['publish, delayed', {}, (client) => client.publish('$delayed/5/a', '1'), 'publish a'],
    ['publish, delayed and mounted', MOUNT, (client) => client.publish('$delayed/5/a', '1'), 'publish tenant/c/a'],
    ['publish, delayed and rewritten', {}, (client) => client.publish('$delayed/5/old/a', '1'), 'publish new/a'],
    ['publish, rewritten into delayed', {}, (client) => client.publish('later/a', '1'), 'publish a'],
    ['publish, local and mounted', MOUNT, (client) => client.publish('$local/a', '1'), 'publish $local/tenant/c/a'],
    ['subscribe', {}, (client) => client.subscribe('a/#'), 'subscribe a/#'],
    ['subscribe, mounted', MOUNT, (client) => client.subscribe('#'), 'subscribe tenant/c/#'],
    ['subscribe, rewritten', {}, (client) => client.subscribe('old/#'), 'subscribe new/#'],
    ['subscribe, shared', {}, (client) => client.subscribe('$share/g/a/#'), 'subscribe a/#'],
    ['subscribe, shared and mounted', MOUNT, (client) => client.subscribe('$share/g/a/#'), 'subscribe tenant/c/a/#'],
    ['subscribe, queue', {}, (client) => client.subscribe('$queue/old/+'), 'subscribe new/+'],
    ['subscribe, exclusive', MOUNT, (client) => client.subscribe('$exclusive/a'), 'subscribe tenant/c/a'],
    ['subscribe, local and mounted', MOUNT, (client) => client.subscribe('$local/a'), 'subscribe $local/tenant/c/a'],
  ];
  test.each(cases)('%s', async (_, over, act, asked) => {
    const { asked: seen, client } = bench(REWRITE);
    const session = await client('c', over);
    act(session);
    expect(seen).toEqual([asked]);
  });

  test('of a will: at CONNECT, and again when it fires', async () => {
    const { core, asked, client } = bench(REWRITE);
    const draft = { topic: core.context('mqtt').topics.intern(topicName('old/a')), payload: Buffer.from('gone'), qos: 0, isRetain: false } as const;
    const watcher = await client('w');
    watcher.subscribe('#');
    const c = await client('c', { ...MOUNT, mountPoint: '', will: { draft, delaySeconds: 0 } });
    expect(asked.slice(1)).toEqual(['publish new/a']);
    core.access.forbids = () => true;
    c.session.disconnect({ publishWill: true });
    expect(watcher.payloads).toEqual([]);
    expect(core.metric('messages.denied')).toBe(1);
  });

  test('a client whose will is not allowed is refused', async () => {
    const { core } = bench();
    core.access.forbids = () => true;
    const draft = { topic: core.context('mqtt').topics.intern(topicName('a')), payload: Buffer.from('gone'), qos: 0, isRetain: false } as const;
    const outcome = await new TestClient(core.context('mqtt')).connect(requestOf('c', { will: { draft, delaySeconds: 0 } }));
    expect(outcome).toMatchObject({ kind: 'refused', reason: 'not-authorized' });
  });

  test('of stored subscriptions when their session resumes', async () => {
    const { core, client } = bench(REWRITE);
    const first = await client('c', { sessionExpirySeconds: 60, cleanStart: false });
    first.subscribe('old/a');
    first.subscribe('$share/g/b');
    first.session.disconnect({ publishWill: false });
    core.access.forbids = (action) => action.kind === 'subscribe' && (action.filter === 'new/a' || action.filter === 'b');
    await client('c', { sessionExpirySeconds: 60, cleanStart: false });
    expect(core.metric('subscriptions')).toBe(0);
  });

  test('without a session', async () => {
    const { core, asked } = bench(REWRITE);
    const context = core.context('mqtt-sn');
    const { credentials } = requestOf('c');
    const topic = context.topics.intern(topicName('old/a'));
    context.publishWithoutSession({ topic, payload: Buffer.from('1'), qos: 0, isRetain: false }, credentials);
    await settled();
    expect(asked).toEqual(['publish new/a']);
  });

  test('a name that rewriting makes invalid is no topic', async () => {
    const { client } = bench(REWRITE);
    const c = await client('c');
    c.publish('bad/a', '1');
    expect(c.outcomes).toEqual([[1, 'invalid-topic']]);
  });
});

describe('mount points', () => {
  test('a client sees its own names only', async () => {
    const { client } = bench();
    const outside = await client('outside');
    outside.subscribe('#');
    const inside = await client('c', MOUNT);
    inside.subscribe('#');
    inside.publish('a', 'from inside');
    outside.publish('tenant/c/b', 'from outside');
    outside.publish('tenant/d/b', 'to another');
    expect(outside.delivered.map(({ topic }) => topic)).toEqual(['tenant/c/a', 'tenant/c/b', 'tenant/d/b']);
    expect(inside.delivered.map(({ topic, payload }) => [topic, payload])).toEqual([
      ['a', 'from inside'],
      ['b', 'from outside'],
    ]);
  });

  test('hold for retained messages, wills, No Local and $local', async () => {
    const { core, client } = bench();
    const outside = await client('outside');
    outside.publish('tenant/c/kept', '1', { isRetain: true });
    outside.subscribe('tenant/#');
    const draft = { topic: core.context('mqtt').topics.intern(topicName('will')), payload: Buffer.from('gone'), qos: 0, isRetain: false } as const;
    const inside = await client('c', { ...MOUNT, will: { draft, delaySeconds: 0 } });
    inside.subscribe('+', { noLocal: true });
    inside.subscribe('$local/+');
    inside.publish('own', 'not back');
    inside.publish('$local/x', 'local');
    expect(inside.delivered.map(({ topic }) => topic)).toEqual(['kept', '$local/x']);
    inside.session.disconnect({ publishWill: true });
    expect(outside.delivered.map(({ topic }) => topic)).toEqual(['tenant/c/kept', 'tenant/c/own', 'tenant/c/will']);
  });

  test.each(['$share/g', '$share//a', '$share/+/a', '$queue/'])('MQTT-4.8.2-1: %s is no share there either', async (filter) => {
    const { core, client } = bench();
    const c = await client('c', MOUNT);
    expect(c.subscribe(filter)).toBe('denied');
    expect(core.metric('subscriptions')).toBe(0);
  });

  test('a will whose name is too long once it is mounted is refused like any other', async () => {
    const { core, client } = bench();
    const draft = (topic: string): Will['draft'] => ({
      topic: core.context('mqtt').topics.intern(topicName(topic)),
      payload: Buffer.from('gone'),
      qos: 0,
      isRetain: false,
    });
    const longest = `$delayed/5/${'t'.repeat(TOPIC_BYTES_MAX - 'tenant/c/'.length - 5)}`;
    const outcome = await new TestClient(core.context('mqtt')).connect(requestOf('c', { ...MOUNT, will: { draft: draft(longest), delaySeconds: 0 } }));
    expect(outcome).toMatchObject({ kind: 'refused', reason: 'not-authorized' });
    const c = await client('c', { ...MOUNT, will: { draft: draft('t'), delaySeconds: 0 } });
    c.session.setWill({ draft: draft(longest), delaySeconds: 0 });
    c.session.disconnect({ publishWill: true });
    expect(core.metric('wills.published')).toBe(0);
  });

  test.each([['a/b'], ['#'], ['+']])('client id %s, which cannot stand in it, is refused', async (id) => {
    const { core } = bench();
    const outcome = await new TestClient(core.context('mqtt')).connect(requestOf(id, MOUNT));
    expect(outcome).toMatchObject({ kind: 'refused', reason: 'not-authorized' });
  });

  test('unsubscribe names the filter as the client does', async () => {
    const { core, client } = bench(REWRITE);
    const c = await client('c', MOUNT);
    c.subscribe('a');
    expect(c.session.unsubscribe(topicFilter('a'))).toBe(true);
    expect(core.metric('subscriptions')).toBe(0);
  });
});

describe('$exclusive/', () => {
  test('only one session at a time; an ordinary subscription to the same topics is free', async () => {
    const { client } = bench();
    const a = await client('a');
    const b = await client('b');
    expect(a.subscribe('$exclusive/t')).toBe('granted');
    expect(a.subscribe('$exclusive/t')).toBe('granted');
    expect(b.subscribe('$exclusive/t')).toBe('quota-exceeded');
    expect(b.subscribe('t')).toBe('granted');
    b.publish('t', '1');
    expect([a.payloads, b.payloads]).toEqual([['1'], ['1']]);
    a.session.unsubscribe(topicFilter('$exclusive/t'));
    expect(b.subscribe('$exclusive/t')).toBe('granted');
  });

  test('ends with its session, and lives on with a stored one over a restart', async () => {
    const { clock, core, client } = bench();
    const a = await client('a');
    a.subscribe('$exclusive/t');
    a.session.disconnect({ publishWill: false });
    const b = await client('b', { cleanStart: false, sessionExpirySeconds: 600 });
    expect(b.subscribe('$exclusive/t')).toBe('granted');
    await settled();
    const second = startCore({ clock, store: core.store.reopened({ wasClean: false }) });
    const c = new TestClient(second.context('mqtt'));
    await c.connect(requestOf('c', TRANSIENT));
    expect(c.subscribe('$exclusive/t')).toBe('quota-exceeded');
  });

  test('with and without the prefix is one delivery, and each goes by itself', async () => {
    const { client } = bench();
    const a = await client('a');
    a.subscribe('t');
    a.subscribe('$exclusive/t');
    a.publish('t', '1');
    a.session.unsubscribe(topicFilter('$exclusive/t'));
    a.publish('t', '2');
    a.session.unsubscribe(topicFilter('t'));
    a.publish('t', '3');
    expect(a.payloads).toEqual(['1', '2']);
  });
});

describe('$local/', () => {
  test('reaches who subscribed to it by name, and no bridge', async () => {
    const { client } = bench();
    const c = await client('c');
    const all = await client('all');
    all.subscribe('#');
    const credentials = { ...requestOf('bridge:central').credentials, protocol: INTERNAL_PROTOCOL, peerHost: '' };
    const bridge = await client('bridge:central', { credentials });
    expect(bridge.subscribe('$local/#')).toBe('denied');
    bridge.publish('$local/x', '0');
    expect(bridge.outcomes).toEqual([[1, 'denied']]);
    c.subscribe('$local/x');
    c.publish('$local/x', '1');
    expect([c.payloads, all.payloads]).toEqual([['1'], []]);
  });
});

describe('auto-subscribe', () => {
  const base = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
  const settings: Partial<BrokerSettings> = {
    autoSubscribe: [
      { ...base, filter: 'cmd/${clientid}' },
      { ...base, filter: 'user/${username}' },
      { ...base, filter: 'only/d', clientId: 'd' },
    ],
  };

  test('at connect, for the clients it names, through the same pipeline', async () => {
    const { asked, client } = bench(settings);
    const other = await client('other');
    other.publish('cmd/c', 'kept', { isRetain: true });
    const c = await client('c');
    other.publish('only/d', 'no');
    expect(c.delivered.map(({ topic, payload, qos }) => [topic, payload, qos])).toEqual([['cmd/c', 'kept', 1]]);
    expect(asked.filter((what) => what.startsWith('subscribe'))).toEqual(['subscribe cmd/other', 'subscribe cmd/c']);
    await client('d', { mountPoint: 'm/' });
    expect(asked.slice(-2)).toEqual(['subscribe m/cmd/d', 'subscribe m/only/d']);
  });

  test('not for bridges', async () => {
    const { core, client } = bench(settings);
    await client('b', { credentials: { ...requestOf('b').credentials, protocol: INTERNAL_PROTOCOL, peerHost: '' } });
    expect(core.metric('subscriptions')).toBe(0);
  });
});
