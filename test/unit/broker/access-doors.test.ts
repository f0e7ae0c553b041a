// Every door behind which a message or a subscription comes to be is asked about the topic it ends at: after mount point, rewrite and prefixes, again
// when a will fires, a delayed message is due and a stored subscription resumes. `secret/#` is what nobody may have.
import { describe, expect, test } from 'vitest';
import type { Authenticator, UserRegister, UserStanding } from '../../../src/access/access.ts';
import type { AccessPolicy } from '../../../src/access/access-control.ts';
import { principalOfRecord } from '../../../src/access/principal.ts';
import { indexAuthorizer } from '../../../src/access/providers/rules.ts';
import { type AccessRule, compileRule } from '../../../src/access/rule-index.ts';
import type { BrokerSettings } from '../../../src/broker/broker.ts';
import type { ConnectRequest, Will } from '../../../src/gateway/gateway.ts';
import { topicFilter, topicName } from '../../../src/model/topic.ts';
import { NO_RATES, openAccess, openPolicy } from '../../support/access.ts';
import { startCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const FORBIDDEN: AccessRule = { permission: 'deny', action: 'all', topic: 'secret/#' };
const WATCHER = 'watcher';

/** Everybody may do everything but what `rules` say; the watcher may do that too. */
function policy(...rules: readonly AccessRule[]): AccessPolicy {
  const watcher: AccessRule = { permission: 'allow', action: 'all', topic: '#', clientId: WATCHER };
  return openPolicy({ authorizers: [indexAuthorizer('rules', [watcher, ...rules].map(compileRule))], noMatch: 'allow' });
}

async function house(rules: readonly AccessRule[] = [FORBIDDEN], settings: Partial<BrokerSettings> = {}) {
  const clock = new FakeClock();
  const { control } = openAccess(clock, policy(...rules));
  const core = startCore({ clock, judge: control, settings });
  const client = async (id: string, over: Partial<ConnectRequest> = {}) => {
    const made = new TestClient(core.context('mqtt'));
    return { made, outcome: await made.connect(requestOf(id, over)) };
  };
  const { made: watcher } = await client(WATCHER);
  watcher.subscribe('#');
  watcher.subscribe('$SYS/#');
  const will = (topic: string, delaySeconds = 0): Will => ({
    draft: { topic: core.context('mqtt').topics.intern(topicName(topic)), payload: Buffer.from('gone'), qos: 0, isRetain: false },
    delaySeconds,
  });
  const seen = () => watcher.delivered.map(({ topic }) => topic);
  return { clock, control, core, client, watcher, will, seen, forbid: (...next: readonly AccessRule[]) => control.replacePolicy(policy(...next)) };
}

const MOUNTED = { mountPoint: 'secret/' };
const REWRITES: Partial<BrokerSettings> = {
  rewrite: [{ action: 'all', source: topicFilter('harmless/#'), pattern: '^harmless/(.+)$', destination: 'secret/$1' }],
};

describe('publish', () => {
  test.each<[string, string, Partial<ConnectRequest>, Partial<BrokerSettings>]>([
    ['as it is', 'secret/x', {}, {}],
    ['mounted', 'x', MOUNTED, {}],
    ['mounted by its client id', 'x', { mountPoint: '${clientid}/' }, {}],
    ['rewritten', 'harmless/x', {}, REWRITES],
    ['delayed', '$delayed/5/secret/x', {}, {}],
    ['delayed and mounted', '$delayed/5/x', MOUNTED, {}],
    ['delayed and rewritten', '$delayed/5/harmless/x', {}, REWRITES],
    ['what only the gateway says', '$SYS/uptime', {}, {}],
    ['what only the gateway says, later', '$delayed/5/$SYS/uptime', {}, {}],
  ])('%s: %s is denied and seen by nobody', async (_, topic, over, settings) => {
    const { client, clock, core, seen } = await house([FORBIDDEN], settings);
    const { made } = await client('secret', over);
    made.publish(topic, 'x', { qos: 1 });
    await clock.advanceSeconds(10);
    expect(made.outcomes).toEqual([[1, 'denied']]);
    expect(seen()).toEqual([]);
    expect(core.metric('messages.denied')).toBe(1);
  });

  test.each<[string, string, string, Partial<ConnectRequest>]>([
    ['a mount point takes it out of the forbidden', 'secret/x', 'house/secret/x', { mountPoint: 'house/' }],
    ['delayed', '$delayed/5/open/x', 'open/x', {}],
  ])('%s: %s is %s', async (_, topic, final, over) => {
    const { client, clock, seen } = await house();
    const { made } = await client('sensor', over);
    made.publish(topic, 'x', { qos: 1 });
    await clock.advanceSeconds(10);
    expect(seen()).toEqual([final]);
  });

  test('a delayed message is judged again when it is due', async () => {
    const { client, clock, forbid, seen, core } = await house([]);
    const { made } = await client('sensor');
    made.publish('$delayed/5/secret/x', 'x');
    made.publish('$delayed/5/open/x', 'x');
    await settled();
    forbid(FORBIDDEN);
    await clock.advanceSeconds(5);
    expect(seen()).toEqual(['open/x']);
    expect(core.metric('messages.denied')).toBe(1);
  });

  test('without a session', async () => {
    const { core, seen } = await house();
    const context = core.context('mqtt-sn');
    for (const topic of ['secret/x', '$delayed/0/secret/x', 'open/x']) {
      const draft = { topic: context.topics.intern(topicName(topic)), payload: Buffer.from('x'), qos: 0, isRetain: false } as const;
      context.publishWithoutSession(draft, requestOf('anonymous').credentials);
      await settled();
    }
    expect(seen()).toEqual(['open/x']);
  });
});

describe('a user who is not any more what it was at the login', () => {
  /** The one user of the register, a superuser, and a rule that forbids everybody else `secret/#`. */
  async function registered() {
    let standing: UserStanding = 'superuser';
    /** Nobody was told of it yet. */
    let unseen: UserStanding | undefined;
    let changed = (): void => undefined;
    const users: UserRegister = {
      standingOf: () => standing,
      look() {
        if (unseen === undefined) return;
        standing = unseen;
        unseen = undefined;
        changed();
      },
      onChange(run) {
        changed = run;
      },
    };
    const vouching: Authenticator = {
      name: 'register',
      authenticate: async (credentials) => ({ kind: 'allow', principal: principalOfRecord(credentials, { name: 'root', isSuperuser: true }) }),
    };
    const clock = new FakeClock();
    const watcher: AccessRule = { permission: 'allow', action: 'subscribe', topic: '#' };
    const authorizers = [indexAuthorizer('rules', [watcher, FORBIDDEN].map(compileRule))];
    const { control } = openAccess(clock, { authenticators: [vouching], users, authorizers, noMatch: 'allow' });
    const core = startCore({ clock, judge: control });
    const client = async (id: string, over: Partial<ConnectRequest> = {}): Promise<TestClient> => {
      const made = new TestClient(core.context('mqtt'));
      await made.connect(requestOf(id, over));
      return made;
    };
    const becomes = (next: UserStanding): void => {
      standing = next;
      changed();
    };
    const becomesUnseen = (next: UserStanding): void => {
      unseen = next;
    };
    return { clock, core, client, becomes, becomesUnseen };
  }

  test('loses its rights in the middle of publishing to one topic, though nobody else asks for any', async () => {
    const { client, becomesUnseen } = await registered();
    const publisher = await client('publisher');
    publisher.publish('secret/x', 'as root', { token: 1 });
    becomesUnseen('removed');
    publisher.publish('secret/x', 'as nobody', { token: 2 });
    await settled();
    expect(publisher.outcomes).toEqual([
      [1, 'no-subscribers'],
      [2, 'denied'],
    ]);
  });

  const LATER: readonly [UserStanding, readonly string[]][] = [
    ['superuser', ['secret/x', 'open/x']],
    ['ordinary', ['open/x']],
    ['unknown', ['open/x']],
    ['removed', []],
  ];

  test.each(LATER)('%s when its delayed message is due', async (standing, arrives) => {
    const { clock, client, becomes } = await registered();
    const watcher = await client('watcher');
    watcher.subscribe('#');
    const publisher = await client('publisher');
    for (const topic of ['$delayed/5/secret/x', '$delayed/5/open/x']) publisher.publish(topic, 'x');
    publisher.session.disconnect({ publishWill: false });
    becomes(standing);
    await clock.advanceSeconds(5);
    expect(watcher.delivered.map(({ topic }) => topic)).toEqual(arrives);
  });

  test.each(LATER)('%s when that one is due after a restart', async (standing, arrives) => {
    const { core, client } = await registered();
    const clock = new FakeClock();
    const publisher = await client('publisher');
    for (const topic of ['$delayed/5/secret/x', '$delayed/5/open/x']) publisher.publish(topic, 'x');
    await settled();
    const { control } = openAccess(clock, {
      users: { standingOf: () => standing, look() {}, onChange() {} },
      authorizers: [indexAuthorizer('rules', [compileRule({ ...FORBIDDEN, action: 'publish' })])],
      noMatch: 'allow',
    });
    const second = startCore({ clock, store: core.store.reopened({ wasClean: false }), judge: control });
    const watcher = new TestClient(second.context('mqtt'));
    await watcher.connect(requestOf('watcher'));
    watcher.subscribe('#');
    await clock.advanceSeconds(5);
    expect(watcher.delivered.map(({ topic }) => topic)).toEqual(arrives);
  });

  test.each(LATER)('%s when its will fires, and when it publishes on', async (standing, arrives) => {
    const { core, client, becomes } = await registered();
    const watcher = await client('watcher');
    watcher.subscribe('#');
    const draft = { topic: core.context('mqtt').topics.intern(topicName('secret/x')), payload: Buffer.from('gone'), qos: 0, isRetain: false } as const;
    const leaving = await client('leaving', { will: { draft, delaySeconds: 0 } });
    leaving.publish('open/x', 'cached', { qos: 0 });
    becomes(standing);
    leaving.session.disconnect({ publishWill: true });
    const staying = await client('staying');
    staying.publish('open/x', 'x', { qos: 0 });
    expect(watcher.delivered.slice(1).map(({ topic }) => topic)).toEqual(arrives);
  });
});

describe('subscribe', () => {
  const REACHES = ['secret/x', 'secret/#'];
  const DOORS: [string, (filter: string) => string, Partial<ConnectRequest>, Partial<BrokerSettings>][] = [
    ['as it is', (filter) => filter, {}, {}],
    ['shared', (filter) => `$share/group/${filter}`, {}, {}],
    ['queue', (filter) => `$queue/${filter}`, {}, {}],
    ['exclusive', (filter) => `$exclusive/${filter}`, {}, {}],
    ['mounted', (filter) => filter.replace('secret/', ''), MOUNTED, {}],
    ['shared and mounted', (filter) => `$share/group/${filter.replace('secret/', '')}`, MOUNTED, {}],
    ['rewritten', (filter) => filter.replace('secret/', 'harmless/'), {}, REWRITES],
    ['exclusive and mounted', (filter) => `$exclusive/${filter.replace('secret/', '')}`, MOUNTED, {}],
    ['shared and rewritten', (filter) => `$share/group/${filter.replace('secret/', 'harmless/')}`, {}, REWRITES],
  ];
  test.each(DOORS.flatMap((door) => REACHES.map((filter) => [door[0], door[1](filter), door[2], door[3]] as const)))(
    '%s: %s is denied and brings nothing, retained or new',
    async (_, filter, over, settings) => {
      const { client, watcher } = await house([FORBIDDEN], settings);
      watcher.publish('secret/x', 'kept', { isRetain: true });
      const { made } = await client('spy', over);
      expect(made.subscribe(filter)).toBe('denied');
      watcher.publish('secret/x', 'new');
      await settled();
      expect(made.delivered).toEqual([]);
    },
  );

  test.each(['$SYS/#', '$share/group/$SYS/#', '$queue/$SYS/uptime', '$exclusive/$SYS/uptime'])('%s is for administrators', async (filter) => {
    const { client } = await house();
    expect((await client('spy')).made.subscribe(filter)).toBe('denied');
  });

  test('made by the gateway for a client', async () => {
    const autoSubscribe = ['secret/#', 'open/#'].map((filter) => ({ filter, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 }) as const);
    const { client, watcher } = await house([FORBIDDEN], { autoSubscribe });
    const { made } = await client('spy');
    watcher.publish('secret/x', 'x');
    watcher.publish('open/x', 'x');
    await settled();
    expect(made.delivered.map(({ topic }) => topic)).toEqual(['open/x']);
  });

  test.each([
    ['as it is', 'secret/#'],
    ['shared', '$share/group/secret/#'],
    ['exclusive', '$exclusive/secret/#'],
  ])('%s: judged again when the session resumes', async (_, filter) => {
    const { client, forbid, watcher } = await house([]);
    const { made } = await client('spy');
    expect(made.subscribe(filter)).toBe('granted');
    made.session.disconnect({ publishWill: false });
    forbid(FORBIDDEN);
    const { made: returned } = await client('spy');
    watcher.publish('secret/x', 'x');
    await settled();
    expect(returned.isSessionPresent).toBe(true);
    expect(returned.delivered).toEqual([]);
  });
});

describe('will', () => {
  test.each<[string, string, Partial<ConnectRequest>, Partial<BrokerSettings>]>([
    ['as it is', 'secret/x', {}, {}],
    ['mounted', 'x', MOUNTED, {}],
    ['rewritten', 'harmless/x', {}, REWRITES],
    ['delayed', '$delayed/5/secret/x', {}, {}],
    ['what only the gateway says', '$SYS/uptime', {}, {}],
  ])('%s: who leaves %s behind is not let in', async (_, topic, over, settings) => {
    const { client, will, core } = await house([FORBIDDEN], settings);
    const { outcome } = await client('sensor', { ...over, will: will(topic) });
    expect(outcome).toEqual({ kind: 'refused', reason: 'not-authorized' });
    expect(core.metric('sessions.connected')).toBe(1);
  });

  test.each([
    ['at once', 'secret/x', 0],
    ['after its delay', 'secret/x', 30],
    ['as a delayed message', '$delayed/30/secret/x', 0],
  ])('%s: judged again when it fires', async (_, topic, delaySeconds) => {
    const { client, clock, forbid, will, seen } = await house([]);
    const { made } = await client('sensor', { will: will(topic, delaySeconds) });
    forbid(FORBIDDEN);
    made.session.disconnect({ publishWill: true });
    await clock.advanceSeconds(60);
    expect(seen()).toEqual([]);
  });
});

describe('a ban of somebody else', () => {
  const rates = { ...NO_RATES, messagesPerClient: 1 };

  test('gives nobody a rate anew', async () => {
    const clock = new FakeClock();
    const { control, bans } = openAccess(clock, { noMatch: 'allow', rates });
    const client = new TestClient(startCore({ clock, judge: control }).context('mqtt'));
    await client.connect(requestOf('fast'));
    for (let count = 0; count < 3; count += 1) {
      client.publish('a', 'x');
      bans.add({ kind: 'client', value: `other-${count}`, seconds: 60, reason: '' });
    }
    expect(client.throttles).toEqual([1_000, 2_000]);
  });

  test('nor to who publishes without a session', async () => {
    const clock = new FakeClock();
    const { control, bans } = openAccess(clock, { noMatch: 'allow', rates });
    const core = startCore({ clock, judge: control });
    const context = core.context('mqtt-sn');
    const { credentials } = requestOf('fast');
    for (let count = 0; count < 4; count += 1) {
      const topic = context.topics.intern(topicName('a'));
      context.publishWithoutSession({ topic, payload: Buffer.from('x'), qos: 0, isRetain: false }, credentials);
      await settled();
      bans.add({ kind: 'client', value: `other-${count}`, seconds: 60, reason: '' });
    }
    expect(core.metric('messages.dropped.throttled')).toBe(2);
  });
});
