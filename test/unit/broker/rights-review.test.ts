// A right that is lost ends the connection it was used on: no packet takes a subscription back, and what it brings is not asked about message by message.
import { describe, expect, test } from 'vitest';
import type { Authenticator, UserStanding } from '../../../src/access/access.ts';
import { principalOfRecord } from '../../../src/access/principal.ts';
import { indexAuthorizer } from '../../../src/access/providers/rules.ts';
import { type AccessRule, compileRule } from '../../../src/access/rule-index.ts';
import { INTERNAL_PROTOCOL } from '../../../src/model/client.ts';
import { RIGHTS_REVIEW_MS } from '../../../src/model/limits.ts';
import { topicName } from '../../../src/model/topic.ts';
import { openAccess, openPolicy } from '../../support/access.ts';
import { startCore } from '../../support/core.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

/** Each client is the user of its name, as the users file has it. */
async function house(rules: readonly AccessRule[] = []) {
  const clock = new FakeClock();
  const standings = new Map<string, UserStanding>();
  let changed = (): void => undefined;
  /** What the next look at the file finds. */
  let isUnseen = false;
  const users = {
    standingOf: (name: string) => standings.get(name) ?? 'ordinary',
    look: () => {
      if (isUnseen) changed();
      isUnseen = false;
    },
    onChange: (run: () => void) => {
      changed = run;
    },
  };
  const authenticator: Authenticator = {
    name: 'users',
    authenticate: async (credentials) => ({ kind: 'allow', principal: principalOfRecord(credentials, { name: credentials.clientId, isSuperuser: false }) }),
  };
  const policyOf = (next: readonly AccessRule[]) =>
    openPolicy({ authenticators: [authenticator], users, authorizers: [indexAuthorizer('rules', next.map(compileRule))], noMatch: 'allow' });
  const { control } = openAccess(clock, policyOf(rules));
  const core = startCore({ clock, judge: control });
  core.broker.watchRights();
  const client = async (id: string, over: Parameters<typeof requestOf>[1] = {}): Promise<TestClient> => {
    const made = new TestClient(core.context('mqtt'));
    await made.connect(requestOf(id, over));
    return made;
  };
  const becomes = (name: string, standing: UserStanding): void => {
    standings.set(name, standing);
    isUnseen = true;
  };
  return { clock, core, client, becomes, rulesAre: (...next: readonly AccessRule[]) => control.replacePolicy(policyOf(next)) };
}

describe('a user who is gone from the users file', () => {
  test('is sent away, though nobody publishes and nobody asks for anything', async () => {
    const { clock, core, client, becomes } = await house();
    const [gone, idle, stays] = [await client('gone'), await client('gone-too'), await client('stays')];
    gone.subscribe('a');
    stays.subscribe('a');
    becomes('gone', 'removed');
    becomes('gone-too', 'removed');
    await clock.advanceMs(RIGHTS_REVIEW_MS);
    expect([gone.ends, idle.ends, stays.ends]).toEqual([['kicked'], ['kicked'], []]);
    expect(core.metric('sessions.rights-lost')).toBe(2);
    stays.publish('a', 'x');
    await clock.advanceMs(0);
    expect([gone.payloads, stays.payloads]).toEqual([[], ['x']]);
  });

  test('loses its will with its rights', async () => {
    const { clock, core, client, becomes } = await house();
    const watcher = await client('watcher');
    watcher.subscribe('wills');
    const topic = core.context('mqtt').topics.intern(topicName('wills'));
    await client('gone', { will: { draft: { topic, payload: Buffer.from('gone'), qos: 0, isRetain: false }, delaySeconds: 0 } });
    becomes('gone', 'removed');
    await clock.advanceMs(RIGHTS_REVIEW_MS);
    expect(watcher.payloads).toEqual([]);
  });
});

describe('rules that change', () => {
  const FORBIDDEN: AccessRule = { permission: 'deny', action: 'subscribe', topic: 'secret/#' };

  test('send away who is subscribed to what it may not have any more; back again it has the rest', async () => {
    const { clock, client, rulesAre } = await house();
    const [secret, open, publisher] = [await client('secret'), await client('open'), await client('publisher')];
    secret.subscribe('secret/a');
    secret.subscribe('open/a');
    open.subscribe('open/a');
    rulesAre(FORBIDDEN);
    await clock.advanceMs(RIGHTS_REVIEW_MS);
    expect([secret.ends, open.ends, publisher.ends]).toEqual([['kicked'], [], []]);
    const back = await client('secret');
    for (const topic of ['secret/a', 'open/a']) publisher.publish(topic, topic);
    await clock.advanceMs(0);
    expect(back.payloads).toEqual(['open/a']);
  });

  test('disturb nobody who may have what it has', async () => {
    const { clock, client, rulesAre } = await house();
    const subscriber = await client('subscriber');
    for (let index = 0; index < 100; index += 1) subscriber.subscribe(`open/${index}`);
    rulesAre(FORBIDDEN);
    await clock.advanceMs(RIGHTS_REVIEW_MS);
    expect(subscriber.ends).toEqual([]);
  });

  test('are applied to many clients in pieces, and to all of them', async () => {
    const { clock, core, client, rulesAre } = await house();
    const clients: TestClient[] = [];
    for (let index = 0; index < 50; index += 1) {
      const made = await client(`client-${index}`);
      for (let level = 0; level < 50; level += 1) made.subscribe(`open/${level}`);
      made.subscribe('secret/a');
      clients.push(made);
    }
    rulesAre(FORBIDDEN);
    await clock.advanceMs(RIGHTS_REVIEW_MS);
    expect(clients.map(({ ends }) => ends)).toEqual(clients.map(() => ['kicked']));
    expect(core.metric('sessions.connected')).toBe(0);
  });

  test('leave the gateway its own clients', async () => {
    const { clock, core, rulesAre } = await house();
    const bridge = new TestClient(core.context('bridge:centre'));
    const { credentials } = requestOf('bridge:centre');
    await bridge.connect(requestOf('bridge:centre', { credentials: { ...credentials, protocol: INTERNAL_PROTOCOL, peerHost: '' } }));
    bridge.subscribe('secret/a');
    rulesAre(FORBIDDEN);
    await clock.advanceMs(RIGHTS_REVIEW_MS);
    expect(bridge.ends).toEqual([]);
  });
});
