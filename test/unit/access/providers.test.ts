import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { AuthenticationVerdict, Credentials, ExchangeVerdict } from '../../../src/access/access.ts';
import { Places } from '../../../src/access/places.ts';
import { anonymousAuthenticator } from '../../../src/access/providers/anonymous.ts';
import { certificateAuthenticator, pskAuthenticator } from '../../../src/access/providers/link-identity.ts';
import { scramSource } from '../../../src/access/providers/scram.ts';
import { usersAuthenticator } from '../../../src/access/providers/users.ts';
import { PasswordChecker } from '../../../src/access/users/password-checker.ts';
import { formatPasswordHash, type PasswordHash, parsePasswordHash } from '../../../src/access/users/password-hash.ts';
import { type ScramMethod, type ScramVerifier, scramVerifier } from '../../../src/access/users/scram.ts';
import { UserFile } from '../../../src/access/users/user-file.ts';
import { formatUsers, type UserRecord, usersOf } from '../../../src/access/users/user-records.ts';
import { peerAddress } from '../../../src/model/client.ts';
import { silentLog } from '../../../src/model/log.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import { topicFilter } from '../../../src/model/topic.ts';
import { openAccess } from '../../support/access.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { ScramClient } from '../../support/scram-client.ts';

const CREDENTIALS: Credentials = { clientId: 'valve-1', peer: peerAddress('192.0.2.7:1'), peerHost: '192.0.2.7', listener: 'mqtt.tcp', protocol: 'mqtt' };
const NEVER = AbortSignal.any([]);
const HASH = parsePasswordHash('$argon2id$v=19$m=64,t=3,p=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc');

function userFile(...records: readonly UserRecord[]): UserFile {
  const directory = mkdtempSync(join(tmpdir(), 'postern-users-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'users.json');
  if (records.length > 0) writeFileSync(path, formatUsers(usersOf(records, Buffer.from('the key of the decoys'))));
  return new UserFile(path, { clock: new FakeClock(), log: silentLog, metrics: new MetricsTable() });
}

function record(over: Partial<UserRecord> = {}): UserRecord {
  return { name: 'ada', isSuperuser: false, password: HASH, scram: new Map(), ...over };
}

describe('users of a file', () => {
  /** Takes `open sesame` for every hash that is stored, and notes what it compared with. */
  function asked(file: UserFile) {
    const compared: PasswordHash[] = [];
    const compare = async (password: Uint8Array, expected: PasswordHash): Promise<boolean> => {
      compared.push(expected);
      return Buffer.from(password).toString() === 'open sesame' && formatPasswordHash(expected) === formatPasswordHash(HASH);
    };
    const renewed: string[] = [];
    const renew = async ({ name }: UserRecord): Promise<void> => void renewed.push(name);
    const checker = new PasswordChecker({ atOnce: 1, places: new Places({ inAll: 1, perAddress: 1 }, { value: 0 }) }, compare);
    const authenticator = usersAuthenticator(file, checker, { renew });
    const ask = (username?: string, password?: string): Promise<AuthenticationVerdict> =>
      authenticator.authenticate({ ...CREDENTIALS, username, password: password === undefined ? undefined : Buffer.from(password) }, NEVER);
    return { ask, compared, renewed };
  }

  test.each([
    ['ada', 'open sesame', { kind: 'allow', principal: { username: 'ada', isSuperuser: false } }],
    ['root', 'open sesame', { kind: 'allow', principal: { username: 'root', isSuperuser: true } }],
    ['ada', 'open', { kind: 'deny', reason: 'bad-credentials' }],
    ['ada', undefined, { kind: 'deny', reason: 'bad-credentials' }],
    ['eve', 'open sesame', { kind: 'deny', reason: 'bad-credentials' }],
    ['', 'open sesame', { kind: 'deny', reason: 'bad-credentials' }],
    [undefined, undefined, { kind: 'skip' }],
    [undefined, 'open sesame', { kind: 'skip' }],
  ])('%s, %s', async (username, password, verdict) => {
    const { ask } = asked(userFile(record(), record({ name: 'root', isSuperuser: true })));
    expect(await ask(username, password)).toMatchObject(verdict);
  });

  test('a name nobody has costs a comparison like any other', async () => {
    const { ask, compared } = asked(userFile(record()));
    await ask('eve', 'open sesame');
    expect(compared).toHaveLength(1);
    expect(compared[0]).toMatchObject({ memoryKiB: 64, passes: 3, parallelism: 2 });
  });

  test('who has proved the password may have it hashed anew, and nobody else', async () => {
    const { ask, renewed } = asked(userFile(record()));
    for (const password of ['open', 'open sesame']) await ask('ada', password);
    await ask('eve', 'open sesame');
    expect(renewed).toEqual(['ada']);
  });

  test('more logins than there is room for are told to come again', async () => {
    const { ask } = asked(userFile(record()));
    const [first, second] = await Promise.all([ask('ada', 'open sesame'), ask('ada', 'open sesame')]);
    expect(first.kind).toBe('allow');
    expect(second).toEqual({ kind: 'deny', reason: 'busy' });
  });

  test('without a file nobody is judged', async () => {
    expect(await asked(userFile()).ask('ada', 'open sesame')).toEqual({ kind: 'skip' });
  });
});

describe('what the handshake proved is the user name', () => {
  test.each([
    ['certificate', certificateAuthenticator, { certificateIdentity: 'valve-1', certificateSubject: 'C=DE,CN=valve-1' }, 'valve-1'],
    ['certificate', certificateAuthenticator, { certificateSubject: 'C=DE' }, undefined],
    ['certificate', certificateAuthenticator, { certificateIdentity: '' }, undefined],
    ['certificate', certificateAuthenticator, { username: 'valve-1', pskIdentity: 'valve-1' }, undefined],
    ['psk', pskAuthenticator, { pskIdentity: 'sensor-9' }, 'sensor-9'],
    ['psk', pskAuthenticator, { username: 'sensor-9', certificateIdentity: 'sensor-9' }, undefined],
  ] as const)('%s, %#: %j', async (_, authenticator, facts, username) => {
    const verdict = await authenticator.authenticate({ ...CREDENTIALS, username: 'claimed', ...facts }, NEVER);
    if (username === undefined) expect(verdict).toEqual({ kind: 'skip' });
    else expect(verdict).toMatchObject({ kind: 'allow', principal: { username, isSuperuser: false } });
  });
});

test.each([
  [undefined, true],
  [false, true],
  [true, false],
])('behind a proxy nobody is of this host, for $SYS either: isProxied %s', async (isProxied, isAllowed) => {
  const { control } = openAccess(new FakeClock(), { systemReaders: 'loopback', noMatch: 'allow' });
  const admission = await control.authenticate({ ...CREDENTIALS, peer: peerAddress('127.0.0.1:1'), peerHost: '127.0.0.1', isProxied });
  if (admission.kind !== 'allow') throw new TypeError(admission.kind);
  expect(control.may(admission.principal, { kind: 'subscribe', filter: topicFilter('$SYS/#') })).toBe(isAllowed);
});

test.each(['127.0.0.1', '::1', ''])('behind a proxy nobody is of this host: %j', async (peerHost) => {
  const anonymous = anonymousAuthenticator('loopback');
  expect(await anonymous.authenticate({ ...CREDENTIALS, peerHost, isProxied: true }, NEVER)).toEqual({ kind: 'skip' });
  expect((await anonymous.authenticate({ ...CREDENTIALS, peerHost, isProxied: false }, NEVER)).kind).toBe('allow');
});

describe('SCRAM over the users file', () => {
  async function verifiers(method: ScramMethod): Promise<Map<ScramMethod, ScramVerifier>> {
    const verifier = await scramVerifier(method, 'pencil', { salt: Buffer.from('0123456789abcdef'), iterations: 1_000 });
    return new Map(verifier === undefined ? [] : [[method, verifier]]);
  }

  async function exchange(file: UserFile, method: string, client: ScramClient): Promise<readonly [asked: string, verdict: ExchangeVerdict]> {
    const begun = scramSource(file).begin(method, CREDENTIALS);
    if (begun === undefined) throw new TypeError(`no source for ${method}`);
    const challenge = await begun.next(client.first());
    if (challenge.kind !== 'challenge') return ['', challenge];
    return [Buffer.from(challenge.data ?? []).toString(), await begun.next(client.final(challenge.data))];
  }

  test.each(['SCRAM-SHA-1', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)('%s: in, with the proof of the server', async (method) => {
    const client = new ScramClient(method, { username: 'ada', password: 'pencil' });
    const [, verdict] = await exchange(userFile(record({ isSuperuser: true, scram: await verifiers(method) })), method, client);
    expect(verdict).toEqual({
      kind: 'allow',
      principal: { clientId: 'valve-1', username: 'ada', peer: '192.0.2.7:1', listener: 'mqtt.tcp', protocol: 'mqtt', isRegistered: true, isSuperuser: true },
      data: Buffer.from(client.expectedServerFinal),
    });
  });

  test.each([
    ['a wrong password', 'ada', 'pen'],
    ['a user that does not exist', 'eve', 'pencil'],
    ['a user without a verifier for the method', 'bob', 'pencil'],
  ])('%s: asked like any other, then refused', async (_, username, password) => {
    const file = userFile(record({ scram: await verifiers('SCRAM-SHA-256') }), record({ name: 'bob' }));
    const client = () => new ScramClient('SCRAM-SHA-256', { username, password });
    const [asked, verdict] = await exchange(file, 'SCRAM-SHA-256', client());
    expect(verdict).toEqual({ kind: 'deny', reason: 'bad-credentials' });
    expect(asked).toMatch(/^r=fyko[A-Za-z0-9+/]{32},s=[A-Za-z0-9+/]{22}==,i=1000$/);
    const [again] = await exchange(file, 'SCRAM-SHA-256', client());
    expect(again.split(',')[1]).toBe(asked.split(',')[1]); // the salt stays, or it would tell strangers from users
    expect(again.split(',')[0]).not.toBe(asked.split(',')[0]);
  });

  test('salts of strangers differ', async () => {
    const file = userFile(record({ scram: await verifiers('SCRAM-SHA-256') }));
    const salts = await Promise.all(
      ['eve', 'mallory'].map(
        async (username) => (await exchange(file, 'SCRAM-SHA-256', new ScramClient('SCRAM-SHA-256', { username, password: 'x' })))[0].split(',')[1],
      ),
    );
    expect(salts[0]).not.toBe(salts[1]);
  });

  test('other methods are another source’s; without a file there is none', async () => {
    expect(scramSource(userFile(record())).begin('GS2-KRB5', CREDENTIALS)).toBeUndefined();
    const [, verdict] = await exchange(userFile(), 'SCRAM-SHA-256', new ScramClient('SCRAM-SHA-256', { username: 'ada', password: 'pencil' }));
    expect(verdict).toEqual({ kind: 'deny', reason: 'bad-authentication-method' });
  });
});
