import { describe, expect, test } from 'vitest';
import { parsePasswordHash } from '../../../../src/access/users/password-hash.ts';
import { scramVerifier } from '../../../../src/access/users/scram.ts';
import { formatUsers, parseUsers, SCRAM_ITERATIONS, type UserRecord, usersOf } from '../../../../src/access/users/user-records.ts';

const HASH = '$argon2id$v=19$m=64,t=3,p=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
const KEY = 'AAECAwQFBgcICQoLDA0ODw==';

function file(users: unknown, rest: Record<string, unknown> = {}): string {
  return JSON.stringify({ version: 1, decoyKey: KEY, users, ...rest });
}

test('what is written is read again', async () => {
  const verifier = await scramVerifier('SCRAM-SHA-256', 'pencil', { salt: Buffer.from('saltsaltsalt'), iterations: 4_096 });
  if (verifier === undefined) throw new TypeError('no verifier');
  const ada: UserRecord = { name: 'ada', isSuperuser: true, password: parsePasswordHash(HASH), scram: new Map([['SCRAM-SHA-256', verifier]]) };
  const bob: UserRecord = { name: 'bob', isSuperuser: false, password: parsePasswordHash(HASH), scram: new Map() };
  const users = usersOf([ada, bob], Buffer.from(KEY, 'base64'));
  const text = formatUsers(users);
  const read = parseUsers(text);
  expect(formatUsers(read)).toBe(text);
  expect([...read.byName.values()]).toEqual([{ ...ada, scram: new Map([['SCRAM-SHA-256', { ...verifier, salt: Buffer.from(verifier.salt) }]]) }, bob]);
  expect(read.decoyIterations).toBe(4_096);
  expect(read.decoy).toMatchObject({ memoryKiB: 64, passes: 3, parallelism: 2 });
});

test('without verifiers a stranger is told the usual iterations', () => {
  expect(parseUsers(file([{ name: 'ada', password: HASH }])).decoyIterations).toBe(SCRAM_ITERATIONS);
});

describe('a file that cannot be meant is refused, with what is wrong and no secret of it', () => {
  const scram = (verifier: unknown) => file([{ name: 'ada', password: HASH, scram: { 'SCRAM-SHA-256': verifier } }]);
  test.each([
    ['{', 'is not JSON'],
    ['[]', 'the file must be an object'],
    [file([], { version: 2 }), '"version" must be 1'],
    [file({}), '"users" must be a list'],
    [file([], { decoyKey: '!' }), '"decoyKey" must be base64'],
    [file(['ada']), 'users[0] must be an object'],
    [file([{ password: HASH }]), 'a user name must be text without control characters'],
    [file([{ name: 'a\nb', password: HASH }]), 'a user name must be text without control characters'],
    [file([{ name: 'a'.repeat(1_025), password: HASH }]), 'more than 1024 bytes'],
    [file([{ name: 'ada' }]), '"password" of the user "ada" is missing'],
    [file([{ name: 'ada', password: 'opensesame' }]), 'a password is not in the form'],
    [file([{ name: 'ada', password: HASH, isSuperuser: 'yes' }]), '"isSuperuser" of the user "ada" must be true or false'],
    [file([{ name: 'ada', password: HASH, superuser: true }]), 'has a member "superuser" of the user "ada" that means nothing'],
    [
      file([
        { name: 'ada', password: HASH },
        { name: 'ada', password: HASH },
      ]),
      'has the user "ada" twice',
    ],
    [file([{ name: 'ada', password: HASH, scram: { 'SCRAM-MD5': {} } }]), 'has a SCRAM method "SCRAM-MD5" of the user "ada" that is none of'],
    [scram({ iterations: 1, salt: KEY, storedKey: KEY, serverKey: KEY }), '"iterations" of SCRAM-SHA-256 of the user "ada" must be a whole number'],
    [scram({ iterations: 4096, salt: 1, storedKey: KEY, serverKey: KEY }), '"salt" of SCRAM-SHA-256 of the user "ada" must be base64'],
  ])('%s', (text, problem) => {
    expect(() => parseUsers(text)).toThrow(problem);
    expect(() => parseUsers(text)).not.toThrow('opensesame');
  });
});
