// The core's side of access control: who is let in, proves itself anew, comes too fast or is sent away.
import { describe, expect, test } from 'vitest';
import type { ChallengeSource, ExchangeVerdict } from '../../../src/access/access.ts';
import type { AccessPolicy } from '../../../src/access/access-control.ts';
import { indexAuthorizer } from '../../../src/access/providers/rules.ts';
import { compileRule } from '../../../src/access/rule-index.ts';
import type { ConnectOutcome, ReauthenticationOutcome } from '../../../src/gateway/gateway.ts';
import { clientId } from '../../../src/model/client.ts';
import { topicName } from '../../../src/model/topic.ts';
import { topicOf } from '../../../src/model/topic-utf8.ts';
import { NO_RATES, openAccess, openPolicy } from '../../support/access.ts';
import { startCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

function started(policy: Partial<AccessPolicy> = {}) {
  const clock = new FakeClock();
  const access = openAccess(clock, policy);
  const core = startCore({ clock, judge: access.control });
  const client = () => new TestClient(core.context('mqtt'));
  return { clock, core, client, ...access };
}

const ASK: ExchangeVerdict = { kind: 'challenge', data: Buffer.from('who?') };

/** Proves whatever name is answered; asks first. */
const NAMED: ChallengeSource = {
  name: 'named',
  begin(method, credentials) {
    if (method !== 'NAMED') return undefined;
    let hasAsked = false;
    return {
      async next(data) {
        if (!hasAsked) {
          hasAsked = true;
          return ASK;
        }
        const username = Buffer.from(data ?? []).toString();
        if (username === '') return { kind: 'deny', reason: 'bad-credentials' };
        const { peer, listener, protocol } = credentials;
        const principal = { clientId: clientId(credentials.clientId), username, peer, listener, protocol, isSuperuser: false };
        return { kind: 'allow', principal, data: Buffer.from(`welcome ${username}`) };
      },
    };
  },
};

const STEP = { method: 'NAMED', data: undefined };

async function answered<Outcome extends ConnectOutcome | ReauthenticationOutcome>(
  outcome: Outcome,
  text: string,
): Promise<ConnectOutcome | ReauthenticationOutcome> {
  if (outcome.kind !== 'challenge') throw new TypeError(`${outcome.kind} instead of a challenge`);
  return outcome.respond(Buffer.from(text));
}

describe('MQTT 5 §4.12: a client that proves itself by challenges', () => {
  test('is in after the last answer, with the last word', async () => {
    const { client, core } = started({ challengers: [NAMED] });
    const asked = await client().connect(requestOf('valve-1', { authentication: STEP }));
    expect(core.metric('sessions')).toBe(0);
    expect(await answered(asked, 'ada')).toMatchObject({ kind: 'accepted', isSessionPresent: false, authenticationData: Buffer.from('welcome ada') });
    expect(core.metric('sessions.connected')).toBe(1);
  });

  test('is refused like any other, and leaves nothing', async () => {
    const { client, core } = started({ challengers: [NAMED] });
    const asked = await client().connect(requestOf('valve-1', { authentication: STEP }));
    expect(await answered(asked, '')).toEqual({ kind: 'refused', reason: 'bad-credentials' });
    expect(core.metric('sessions')).toBe(0);
  });

  test('the session belongs to the name it proved', async () => {
    const { client } = started({ challengers: [NAMED] });
    await answered(await client().connect(requestOf('valve-1', { authentication: STEP })), 'ada');
    const other = await client().connect(requestOf('valve-1', { authentication: STEP }));
    expect(await answered(other, 'eve')).toEqual({ kind: 'refused', reason: 'identifier-taken' });
  });
});

describe('MQTT 5 §4.12.1: re-authentication', () => {
  async function connected(policy: Partial<AccessPolicy> = {}) {
    const parts = started({ challengers: [NAMED], ...policy });
    const asked = await parts.client().connect(requestOf('valve-1', { authentication: STEP }));
    const outcome = await answered(asked, 'ada');
    if (outcome.kind !== 'accepted' || !('session' in outcome)) throw new TypeError('not connected');
    return { ...parts, session: outcome.session };
  }

  test('as the same one: the session goes on', async () => {
    const { session } = await connected();
    expect(await answered(await session.reauthenticate(STEP), 'ada')).toEqual({ kind: 'accepted', authenticationData: Buffer.from('welcome ada') });
  });

  test.each([
    ['as another one', 'eve', 'not-authorized'],
    ['as nobody', '', 'bad-credentials'],
  ])('%s: refused', async (_, name, reason) => {
    const { session } = await connected();
    expect(await answered(await session.reauthenticate(STEP), name)).toEqual({ kind: 'refused', reason });
  });

  test('by another method than that of CONNECT: refused (MQTT-4.12.0-5)', async () => {
    const { session } = await connected();
    expect(await session.reauthenticate({ method: 'OTHER', data: undefined })).toEqual({ kind: 'refused', reason: 'bad-authentication-method' });
  });

  test('of a client that came without a method: refused', async () => {
    const { client } = started({ challengers: [NAMED] });
    const plain = client();
    await plain.connect(requestOf('valve-1'));
    expect(await plain.session.reauthenticate(STEP)).toEqual({ kind: 'refused', reason: 'bad-authentication-method' });
  });

  test('whose link went meanwhile: refused', async () => {
    const { session } = await connected();
    const asked = await session.reauthenticate(STEP);
    session.disconnect({ publishWill: false });
    expect(await answered(asked, 'ada')).toEqual({ kind: 'refused', reason: 'not-authorized' });
  });
});

describe('rates', () => {
  test('a connection too many is refused', async () => {
    const { client } = started({ rates: { ...NO_RATES, connectionsPerListener: 1 } });
    expect((await client().connect(requestOf('a'))).kind).toBe('accepted');
    expect(await client().connect(requestOf('b'))).toEqual({ kind: 'refused', reason: 'rate-exceeded' });
  });

  test('what a restart left is taken up at any rate', async () => {
    const { client } = started({ rates: { ...NO_RATES, connectionsPerListener: 1 } });
    for (const id of ['a', 'b', 'c']) expect((await client().connect(requestOf(id, { origin: 'restart' }))).kind).toBe('accepted');
    expect((await client().connect(requestOf('d'))).kind).toBe('accepted');
  });

  test('a message too many is taken, and its client held back', async () => {
    const { client, clock } = started({ rates: { ...NO_RATES, messagesPerClient: 2 } });
    const sensor = client();
    await sensor.connect(requestOf('sensor'));
    for (const payload of ['1', '2', '3']) sensor.publish('a', payload, { token: Number(payload) });
    await settled();
    expect(sensor.outcomes.map(([token]) => token)).toEqual([1, 2, 3]);
    expect(sensor.throttles).toEqual([500]);
    await clock.advanceMs(1_000);
    sensor.publish('a', '4');
    expect(sensor.throttles).toEqual([500]);
  });

  test('bytes are those of topic and payload', async () => {
    const { client } = started({ rates: { ...NO_RATES, bytesPerClient: 100 } });
    const sensor = client();
    await sensor.connect(requestOf('sensor'));
    sensor.publish('0123456789', 'x'.repeat(140));
    expect(sensor.throttles).toEqual([500]);
  });

  test('a client that comes back at once has no new burst', async () => {
    const { client } = started({ rates: { ...NO_RATES, messagesPerClient: 2 } });
    const sensor = client();
    await sensor.connect(requestOf('sensor'));
    for (let count = 0; count < 4; count += 1) sensor.publish('a', 'x', { qos: 0 });
    sensor.session.disconnect({ publishWill: false });
    await sensor.connect(requestOf('sensor'));
    sensor.publish('a', 'x', { qos: 0 });
    expect(sensor.throttles.at(-1)).toBe(1_500);
  });

  test('who does not slow down is sent away, with its will', async () => {
    const { client, clock } = started({ rates: { ...NO_RATES, messagesPerClient: 1, disconnectAfterSeconds: 3 } });
    const witness = client();
    await witness.connect(requestOf('witness'));
    witness.subscribe('last/words');
    const sensor = client();
    const topic = topicOf(topicName('last/words'));
    await sensor.connect(requestOf('sensor', { will: { draft: { topic, payload: Buffer.from('bye'), qos: 0, isRetain: false }, delaySeconds: 0 } }));
    for (let second = 0; second < 6 && sensor.ends.length === 0; second += 1) {
      sensor.publish('a', 'x', { qos: 0 });
      sensor.publish('a', 'x', { qos: 0 });
      await clock.advanceSeconds(1);
    }
    expect(sensor.ends).toEqual(['rate-exceeded']);
    expect(witness.payloads).toEqual(['bye']);
  });

  test('what was taken of it is acknowledged before it is sent away: it does not send that again for ever', async () => {
    const { client, clock } = started({ rates: { ...NO_RATES, messagesPerClient: 1, disconnectAfterSeconds: 1 } });
    const reader = client();
    await reader.connect(requestOf('reader'));
    reader.subscribe('a');
    const sensor = client();
    await sensor.connect(requestOf('sensor'));
    for (let token = 1; token <= 20 && sensor.ends.length === 0; token += 1) {
      sensor.publish('a', `${token}`, { token });
      await clock.advanceMs(200);
    }
    expect(sensor.ends).toEqual(['rate-exceeded']);
    expect(sensor.outcomes.map(([token]) => `${token}`)).toEqual(reader.payloads);
  });

  test('a publisher without a session is not answered: what comes too fast is dropped and counted', async () => {
    const { client, core, clock } = started({ rates: { ...NO_RATES, messagesPerClient: 2 } });
    const application = client();
    await application.connect(requestOf('application'));
    application.subscribe('a');
    const context = core.context('mqtt-sn');
    const publish = (payload: string) =>
      context.publishWithoutSession(
        { topic: context.topics.intern(topicName('a')), payload: Buffer.from(payload), qos: 0, isRetain: false },
        requestOf('anonymous').credentials,
      );
    publish('1');
    await settled();
    for (const payload of ['2', '3', '4']) publish(payload);
    expect(application.payloads).toEqual(['1', '2', '3']);
    expect(core.metric('messages.dropped.throttled')).toBe(1);
    await clock.advanceSeconds(1);
    publish('5');
    expect(application.payloads).toEqual(['1', '2', '3', '5']);
  });
});

describe('bans', () => {
  const ban = (kind: 'client' | 'user' | 'address', value: string) => ({ kind, value, seconds: 60, reason: '' });

  test('a banned client is refused, and told so', async () => {
    const { client, bans } = started();
    bans.add(ban('client', 'valve-1'));
    expect(await client().connect(requestOf('valve-1'))).toEqual({ kind: 'refused', reason: 'banned' });
    expect((await client().connect(requestOf('valve-2'))).kind).toBe('accepted');
  });

  test('links that are open are ended; the session stays for who may come back', async () => {
    const { client, core, bans, clock } = started();
    const [valve, other] = [client(), client()];
    await valve.connect(requestOf('valve-1'));
    await other.connect(requestOf('valve-2'));
    bans.add(ban('client', 'valve-1'));
    expect(core.broker.kick((principal) => bans.covers(principal))).toBe(1);
    expect([valve.ends, other.ends]).toEqual([['kicked'], []]);
    expect(core.metric('sessions.connected')).toBe(1);
    await clock.advanceSeconds(60);
    expect(await client().connect(requestOf('valve-1'))).toMatchObject({ kind: 'accepted', isSessionPresent: true });
  });

  test('a ban holds for known publishers without a session too, from the next datagram on', async () => {
    const { client, core, bans } = started();
    const application = client();
    await application.connect(requestOf('application'));
    application.subscribe('a');
    const context = core.context('mqtt-sn');
    const publish = () =>
      context.publishWithoutSession(
        { topic: context.topics.intern(topicName('a')), payload: Buffer.from('x'), qos: 0, isRetain: false },
        requestOf('anonymous').credentials,
      );
    publish();
    await settled();
    publish();
    bans.add(ban('client', 'anonymous'));
    publish();
    await settled();
    expect(application.payloads).toHaveLength(2);
  });

  test('flapping: links that end, and sessions that two connections take from each other', async () => {
    const { client, bans } = started({ flapping: { disconnects: 3, windowSeconds: 60, banSeconds: 10 } });
    const [one, other] = [client(), client()];
    await one.connect(requestOf('valve-1'));
    await other.connect(requestOf('valve-1')); // takes over: one
    await one.connect(requestOf('valve-1')); // two
    expect(bans.count).toBe(0);
    one.session.disconnect({ publishWill: false }); // three
    expect(await one.connect(requestOf('valve-1'))).toEqual({ kind: 'refused', reason: 'banned' });
  });
});

describe('decisions on topics are remembered until rules change', () => {
  const rules = (...texts: readonly string[]) => texts.map((topic) => compileRule({ permission: 'allow', action: 'all', topic }));

  test.each([1, 2, 40, 100])('%i topics in turn', async (count) => {
    const allowing = (topic: string): Partial<AccessPolicy> => ({ authorizers: [indexAuthorizer('rules', rules(topic))] });
    const { client, control } = started(allowing('a/+'));
    const sensor = client();
    await sensor.connect(requestOf('sensor'));
    const round = () => {
      sensor.outcomes.length = 0;
      for (let index = 0; index < count; index += 1) sensor.publish(`a/${index}`, 'x', { qos: 0, token: index });
      return new Set(sensor.outcomes.map(([, outcome]) => outcome));
    };
    expect(round()).toEqual(new Set(['no-subscribers']));
    expect(round()).toEqual(new Set(['no-subscribers']));
    control.replacePolicy(openPolicy(allowing('b/+')));
    expect(round()).toEqual(new Set(['denied']));
  });
});
