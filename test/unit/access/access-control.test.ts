import { describe, expect, test } from 'vitest';
import type { Action, AuthenticationVerdict, Authenticator, Authorizer, Credentials } from '../../../src/access/access.ts';
import { AccessControl, type AccessPolicy } from '../../../src/access/access-control.ts';
import { Bans } from '../../../src/access/bans.ts';
import { anonymousAuthenticator } from '../../../src/access/providers/anonymous.ts';
import { internalAuthenticator } from '../../../src/access/providers/internal.ts';
import { clientId, INTERNAL_PROTOCOL, type Principal, peerAddress } from '../../../src/model/client.ts';
import { AUTHENTICATION_TIMEOUT_MS } from '../../../src/model/limits.ts';
import { type Log, type LogFields, silentLog } from '../../../src/model/log.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import { topicFilter, topicName } from '../../../src/model/topic.ts';
import { CLOSED_POLICY, MemorySpace } from '../../support/access.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const CREDENTIALS: Credentials = {
  clientId: 'sensor-1',
  peer: peerAddress('192.0.2.7:49152'),
  peerHost: '192.0.2.7',
  listener: 'mqtt.tcp',
  protocol: 'mqtt',
};

const SENSOR: Principal = {
  clientId: clientId('sensor-1'),
  peer: CREDENTIALS.peer,
  listener: 'mqtt.tcp',
  protocol: 'mqtt',
  isSuperuser: false,
};

const SKIP: AuthenticationVerdict = { kind: 'skip' };
const ALLOW: AuthenticationVerdict = { kind: 'allow', principal: SENSOR };
const BAD_PASSWORD: AuthenticationVerdict = { kind: 'deny', reason: 'bad-credentials' };
const NOT_AUTHORIZED: AuthenticationVerdict = { kind: 'deny', reason: 'not-authorized' };

function source(name: string, authenticate: Authenticator['authenticate']): Authenticator {
  return { name, authenticate };
}

function saying(verdict: AuthenticationVerdict): Authenticator {
  return source(verdict.kind, async () => verdict);
}

function publish(topic: string): Action {
  return { kind: 'publish', topic: topicName(topic) };
}

function subscribe(filter: string): Action {
  return { kind: 'subscribe', filter: topicFilter(filter) };
}

function deciding(decision: ReturnType<Authorizer['authorize']>): Authorizer {
  return { name: decision, authorize: () => decision };
}

/** Remembers the errors told. */
class ErrorLog {
  readonly errors: LogFields[] = [];
  readonly log: Log = { ...silentLog, error: (_, fields) => void this.errors.push(fields ?? {}) };
}

function accessControl(policy: Partial<AccessPolicy>, clock = new FakeClock(), log: Log = silentLog): AccessControl {
  const bans = new Bans(new MemorySpace(), clock);
  return new AccessControl({ ...CLOSED_POLICY, ...policy }, { clock, log, metrics: new MetricsTable(), bans });
}

describe('authenticate: the first source that does not skip decides', () => {
  test.each([
    ['nobody vouches', [saying(SKIP), saying(SKIP)], NOT_AUTHORIZED],
    ['there is nobody', [], NOT_AUTHORIZED],
    ['allow', [saying(SKIP), saying(ALLOW), saying(BAD_PASSWORD)], ALLOW],
    ['deny', [saying(SKIP), saying(BAD_PASSWORD), saying(ALLOW)], BAD_PASSWORD],
  ])('%s', async (_, authenticators, verdict) => {
    expect(await accessControl({ authenticators }).authenticate(CREDENTIALS)).toEqual(verdict);
  });

  test.each([
    ['rejects', () => Promise.reject(new TypeError('connection lost'))],
    [
      'throws',
      () => {
        throw new TypeError('connection lost');
      },
    ],
  ])('a source that %s refuses, whoever would come after it, and is logged', async (_, authenticate) => {
    const { errors, log } = new ErrorLog();
    const control = accessControl({ authenticators: [source('ldap', authenticate), saying(ALLOW)] }, new FakeClock(), log);
    expect(await control.authenticate(CREDENTIALS)).toEqual(NOT_AUTHORIZED);
    expect(errors).toEqual([{ authenticator: 'ldap', peer: '192.0.2.7:49152', cause: 'connection lost' }]);
  });

  test('a source that does not answer is told to stop, and refuses', async () => {
    const clock = new FakeClock();
    const { errors, log } = new ErrorLog();
    let signal: AbortSignal | undefined;
    const never = source('ldap', (_, given) => {
      signal = given;
      return new Promise(() => {});
    });
    const admission = accessControl({ authenticators: [never, saying(ALLOW)] }, clock, log).authenticate(CREDENTIALS);
    await clock.advanceMs(AUTHENTICATION_TIMEOUT_MS - 1);
    expect(signal?.aborted).toBe(false);
    await clock.advanceMs(1);
    expect(signal?.aborted).toBe(true);
    expect(await admission).toEqual(NOT_AUTHORIZED);
    expect(errors).toHaveLength(1);
  });

  test('the time is for all sources together', async () => {
    const clock = new FakeClock();
    const slow = source('slow', () => new Promise((resolve) => clock.after(AUTHENTICATION_TIMEOUT_MS * 0.6, () => resolve(SKIP))));
    const admission = accessControl({ authenticators: [slow, slow, saying(ALLOW)] }, clock).authenticate(CREDENTIALS);
    await clock.advanceMs(AUTHENTICATION_TIMEOUT_MS);
    expect(await admission).toEqual(NOT_AUTHORIZED);
  });

  test('a source that stops when told so is logged once', async () => {
    const clock = new FakeClock();
    const { errors, log } = new ErrorLog();
    const obedient = source('http', (_, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))));
    const admission = accessControl({ authenticators: [obedient] }, clock, log).authenticate(CREDENTIALS);
    await clock.advanceMs(AUTHENTICATION_TIMEOUT_MS);
    expect(await admission).toEqual(NOT_AUTHORIZED);
    expect(errors).toHaveLength(1);
  });

  test('leaves no timer behind', async () => {
    const clock = new FakeClock();
    await accessControl({ authenticators: [saying(ALLOW)] }, clock).authenticate(CREDENTIALS);
    await accessControl({ authenticators: [] }, clock).authenticate(CREDENTIALS);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('may: the first authorizer that does not skip decides', () => {
  test.each([
    ['no authorizers', [], 'deny', true],
    ['all skip', [deciding('skip')], 'deny', false],
    ['all skip', [deciding('skip')], 'allow', true],
    ['allow first', [deciding('skip'), deciding('allow'), deciding('deny')], 'deny', true],
    ['deny first', [deciding('skip'), deciding('deny'), deciding('allow')], 'allow', false],
  ] as const)('%s: %j, no match: %s', (_, authorizers, noMatch, isAllowed) => {
    expect(accessControl({ authorizers, noMatch }).may(SENSOR, publish('a'))).toBe(isAllowed);
  });

  test('superusers are not bound by rules', () => {
    expect(accessControl({ authorizers: [deciding('deny')] }).may({ ...SENSOR, isSuperuser: true }, publish('a'))).toBe(true);
  });
});

describe('$SYS: no policy lets clients write it; superusers read it', () => {
  const client = SENSOR;
  const administrator: Principal = { ...SENSOR, isSuperuser: true };
  const internal: Principal = { ...administrator, protocol: INTERNAL_PROTOCOL };
  test.each([
    ['client', client, publish('$SYS/uptime'), false],
    ['client', client, subscribe('$SYS/#'), false],
    ['client', client, subscribe('$SYS'), false],
    ['client', client, subscribe('#'), true], // selects no $ topic, MQTT-4.7.2-1
    ['client', client, subscribe('+/uptime'), true],
    ['client', client, publish('$other/x'), true],
    ['client', client, publish('a/$SYS/x'), true],
    ['administrator', administrator, publish('$SYS/uptime'), false],
    ['administrator', administrator, subscribe('$SYS/#'), true],
    ['internal', internal, publish('$SYS/uptime'), true],
    ['internal', internal, subscribe('$SYS/#'), true],
  ])('%s, %#: %j', (_, principal, action, isAllowed) => {
    for (const authorizers of [[], [deciding('allow')]]) expect(accessControl({ authorizers }).may(principal, action)).toBe(isAllowed);
  });
});

test('a new policy is a new revision, and judges from then on', () => {
  const control = accessControl({ authorizers: [deciding('allow')] });
  const before = control.revision;
  expect(control.may(SENSOR, publish('a'))).toBe(true);
  expect(control.revision).toBe(before);
  control.replacePolicy({ ...CLOSED_POLICY, authorizers: [deciding('deny')], noMatch: 'allow' });
  expect(control.revision).not.toBe(before);
  expect(control.may(SENSOR, publish('a'))).toBe(false);
});

describe('anonymous', () => {
  test.each([
    ['always', '192.0.2.7', 'allow'],
    ['loopback', '192.0.2.7', 'skip'],
    ['loopback', '127.0.0.1', 'allow'],
    ['loopback', '::1', 'allow'],
    ['loopback', '::ffff:127.0.0.1', 'allow'],
    ['loopback', '', 'allow'],
    ['never', '127.0.0.1', 'skip'],
    ['never', '', 'skip'],
  ] as const)('%s, peer %j: %s', async (access, peerHost, kind) => {
    const verdict = await anonymousAuthenticator(access).authenticate({ ...CREDENTIALS, peerHost }, AbortSignal.any([]));
    expect(verdict.kind).toBe(kind);
  });

  test('keeps what the link proves and drops the claimed user name', async () => {
    const claims = { ...CREDENTIALS, username: 'admin', password: Buffer.from('guess'), certificateSubject: 'CN=sensor-1' };
    expect(await anonymousAuthenticator('always').authenticate(claims, AbortSignal.any([]))).toEqual({
      kind: 'allow',
      principal: { ...SENSOR, certificateSubject: 'CN=sensor-1' },
    });
  });
});

describe('internal', () => {
  test.each([
    ['a bridge', { protocol: INTERNAL_PROTOCOL, peerHost: '' }, 'allow'],
    ['a client on a Unix socket', { protocol: 'mqtt', peerHost: '' }, 'skip'],
    ['a client with a telling name', { clientId: 'internal', username: 'internal', listener: 'internal' }, 'skip'],
    ['a peer elsewhere', { protocol: INTERNAL_PROTOCOL }, 'skip'],
  ])('%s: %j %s', async (_, change, kind) => {
    const verdict = await internalAuthenticator.authenticate({ ...CREDENTIALS, ...change }, AbortSignal.any([]));
    expect(verdict).toMatchObject(kind === 'allow' ? { kind, principal: { isSuperuser: true } } : { kind });
  });
});
