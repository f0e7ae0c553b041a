// MQTT 5 §4.12 as far as access control goes: exchanges of challenges, with SCRAM over the users file as their source.
import { describe, expect, test } from 'vitest';
import type { Admission, ChallengeSource, Credentials, ExchangeVerdict } from '../../../src/access/access.ts';
import { clientId, peerAddress } from '../../../src/model/client.ts';
import {
  AUTHENTICATION_EXCHANGE_TIMEOUT_MS,
  AUTHENTICATION_EXCHANGES_MAX,
  AUTHENTICATION_EXCHANGES_PER_ADDRESS_MAX,
  AUTHENTICATION_TIMEOUT_MS,
} from '../../../src/model/limits.ts';
import { openAccess } from '../../support/access.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const CREDENTIALS: Credentials = { clientId: 'valve-1', peer: peerAddress('192.0.2.7:1'), peerHost: '192.0.2.7', listener: 'mqtt.tcp', protocol: 'mqtt' };
const PRINCIPAL = { clientId: clientId('valve-1'), username: 'ada', peer: CREDENTIALS.peer, listener: 'mqtt.tcp', protocol: 'mqtt', isSuperuser: false };
const ALLOW: ExchangeVerdict = { kind: 'allow', principal: PRINCIPAL, data: Buffer.from('bye') };

/** Says what it is given, one after the other; then nothing any more. */
function saying(...verdicts: readonly ExchangeVerdict[]): ChallengeSource {
  return {
    name: 'script',
    begin(method) {
      if (method !== 'SCRIPT') return undefined;
      const left = [...verdicts];
      return { next: async () => left.shift() ?? new Promise<never>(() => {}) };
    },
  };
}

const ASK: ExchangeVerdict = { kind: 'challenge', data: Buffer.from('who?') };
const STEP = { method: 'SCRIPT', data: undefined };

function challenge(admission: Admission): Extract<Admission, { kind: 'challenge' }> {
  if (admission.kind !== 'challenge') throw new TypeError(`${admission.kind} instead of a challenge`);
  return admission;
}

test('challenge, answer, challenge, answer, in', async () => {
  const clock = new FakeClock();
  const { control, metrics } = openAccess(clock, { challengers: [saying(ASK, ASK, ALLOW)] });
  const first = challenge(await control.authenticate(CREDENTIALS, STEP));
  expect(first.data).toEqual(Buffer.from('who?'));
  expect(metrics.snapshot()['access.exchanges']).toBe(1);
  const second = challenge(await first.respond(Buffer.from('me')));
  expect(await second.respond(Buffer.from('really'))).toEqual(ALLOW);
  expect(metrics.snapshot()['access.exchanges']).toBe(0);
  expect(clock.pendingTimers).toBe(0);
});

test('a method nobody knows is refused (MQTT-4.12.0-1), whoever would vouch for the client otherwise', async () => {
  const { control, metrics } = openAccess(new FakeClock());
  expect(await control.authenticate(CREDENTIALS, { method: 'OTHER', data: undefined })).toEqual({ kind: 'deny', reason: 'bad-authentication-method' });
  expect(metrics.snapshot()['access.refused.bad-authentication-method']).toBe(1);
});

test('a banned user is refused once it has proven its name; a banned client id before', async () => {
  const { control, bans } = openAccess(new FakeClock(), { challengers: [saying(ASK, ALLOW)] });
  bans.add({ kind: 'user', value: 'ada', seconds: 60, reason: '' });
  const asked = challenge(await control.authenticate(CREDENTIALS, STEP));
  expect(await asked.respond(undefined)).toEqual({ kind: 'deny', reason: 'banned' });
  bans.add({ kind: 'client', value: 'valve-1', seconds: 60, reason: '' });
  expect(await control.authenticate(CREDENTIALS, STEP)).toEqual({ kind: 'deny', reason: 'banned' });
});

describe('an exchange ends', () => {
  test('with its time: an answer after it is refused', async () => {
    const clock = new FakeClock();
    const { control, metrics } = openAccess(clock, { challengers: [saying(ASK, ALLOW)] });
    const asked = challenge(await control.authenticate(CREDENTIALS, STEP));
    await clock.advanceMs(AUTHENTICATION_EXCHANGE_TIMEOUT_MS);
    expect(metrics.snapshot()['access.exchanges']).toBe(0);
    expect(await asked.respond(undefined)).toEqual({ kind: 'deny', reason: 'not-authorized' });
  });

  test('when it is abandoned, at any time and more than once', async () => {
    const clock = new FakeClock();
    const { control, metrics } = openAccess(clock, { challengers: [saying(ASK, ALLOW)] });
    const asked = challenge(await control.authenticate(CREDENTIALS, STEP));
    asked.abandon();
    asked.abandon();
    expect(metrics.snapshot()['access.exchanges']).toBe(0);
    expect(clock.pendingTimers).toBe(0);
    expect((await asked.respond(undefined)).kind).toBe('deny');
  });

  test('when its source does not answer in time', async () => {
    const clock = new FakeClock();
    const { control, metrics } = openAccess(clock, { challengers: [saying()] });
    const admission = control.authenticate(CREDENTIALS, STEP);
    await clock.advanceMs(AUTHENTICATION_TIMEOUT_MS);
    expect(await admission).toEqual({ kind: 'deny', reason: 'not-authorized' });
    expect(metrics.snapshot()['access.exchanges']).toBe(0);
  });
});

test('one address holds only so many of them: others still get in, and who was turned away is counted', async () => {
  const { control, metrics } = openAccess(new FakeClock(), { challengers: [saying(ASK, ALLOW)] });
  for (let index = 0; index < AUTHENTICATION_EXCHANGES_PER_ADDRESS_MAX; index += 1) challenge(await control.authenticate(CREDENTIALS, STEP));
  expect(await control.authenticate(CREDENTIALS, STEP)).toEqual({ kind: 'deny', reason: 'busy' });
  expect((await control.authenticate({ ...CREDENTIALS, peerHost: '192.0.2.8' }, STEP)).kind).toBe('challenge');
  expect(metrics.snapshot()['access.exchanges.address-full']).toBe(1);
});

test('only so many at once; one that ends makes room', async () => {
  const { control } = openAccess(new FakeClock(), { challengers: [saying(ASK, ALLOW)] });
  const from = (index: number): Credentials => ({ ...CREDENTIALS, peerHost: `192.0.2.${index % 8}` });
  const open = await Promise.all(Array.from({ length: AUTHENTICATION_EXCHANGES_MAX }, (_, index) => control.authenticate(from(index), STEP)));
  expect(await control.authenticate(CREDENTIALS, STEP)).toEqual({ kind: 'deny', reason: 'busy' });
  challenge(open[0] as Admission).abandon();
  expect((await control.authenticate(CREDENTIALS, STEP)).kind).toBe('challenge');
});
