import { createHash, pbkdf2Sync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Places } from '../../../../src/access/places.ts';
import { PasswordChecker } from '../../../../src/access/users/password-checker.ts';
import {
  decoyHash,
  formatPasswordHash,
  hashPassword,
  isArgon2,
  isPassword,
  type PasswordHash,
  parsePasswordHash,
} from '../../../../src/access/users/password-hash.ts';
import { GatewayError } from '../../../../src/model/errors.ts';
import { settled } from '../../../support/fake-clock.ts';

const PASSWORD = Buffer.from('correct horse');
const NEVER = AbortSignal.any([]);

describe('argon2id in the PHC string format', () => {
  test('what is written can be read and checked', async () => {
    const hash = await hashPassword(PASSWORD);
    const written = formatPasswordHash(hash);
    expect(written).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    const read = parsePasswordHash(written);
    expect(await isPassword(PASSWORD, read)).toBe(true);
    expect(await isPassword(Buffer.from('correct horsf'), read)).toBe(false);
    expect(await isPassword(Buffer.alloc(0), read)).toBe(false);
  });

  test('the test vector of the reference implementation', async () => {
    const written = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
    expect(await isPassword(Buffer.from('password'), parsePasswordHash(written))).toBe(true);
    expect(formatPasswordHash(parsePasswordHash(written))).toBe(written);
  });

  test('the same password twice is two hashes', async () => {
    const [one, other] = await Promise.all([hashPassword(PASSWORD), hashPassword(PASSWORD)]);
    expect(formatPasswordHash(one)).not.toBe(formatPasswordHash(other));
  });

  test.each([
    ['', 'form'],
    ['correct horse', 'form'],
    ['$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc', 'form'],
    ['$argon2id$v=19$m=9999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc', 'costs'],
    ['$argon2id$v=19$m=19456,t=99,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc', 'costs'],
    ['$argon2id$v=19$m=7,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc', 'costs'],
    ['$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$AAAA', 'form'],
  ])('%j is refused, and not repeated', (text, why) => {
    const problem = problemOf(() => parsePasswordHash(text));
    expect(problem).toContain(why);
    expect(problem).not.toContain(text === '' ? '""' : text);
  });

  test('a decoy costs what its model costs and is met by nobody', async () => {
    const model = parsePasswordHash('$argon2id$v=19$m=64,t=3,p=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc');
    if (!isArgon2(model)) throw new TypeError('not argon2id');
    const decoy = decoyHash(model);
    expect(decoy).toMatchObject({ memoryKiB: 64, passes: 3, parallelism: 2 });
    expect(decoy.hash).toHaveLength(model.hash.length);
    expect(await isPassword(Buffer.from('password'), decoy)).toBe(false);
  });
});

describe('hashes of mosquitto_passwd, taken over with their users', () => {
  const OF_2_0 = '$7$101$ARtMd48gVrI1rMx3$oh7z1ERsbBBf4inqv2VIJauBUeM/094WajfdJ4mtaFSGCkzOcndlnBZ2CG5SM3fKaLLjPTHL0/GRYvqBJKrfjQ==';
  const SALT = 'c2FsdHNhbHRzYWx0';
  const OF_1_6 = `$6$${SALT}$${createHash('sha512').update('secret').update(Buffer.from(SALT, 'base64')).digest('base64')}`;
  const LONG_SALT = Buffer.alloc(64, 7);
  const OF_2_1 = `$7$1000$${LONG_SALT.toString('base64')}$${pbkdf2Sync('secret', LONG_SALT, 1_000, 64, 'sha512').toString('base64')}`;

  test.each([
    ['PBKDF2, made by mosquitto_passwd 2.0.11', OF_2_0],
    ['SHA-512, as 1.6 made it', OF_1_6],
    ['PBKDF2 with a salt of 64 bytes, as 2.1 makes it', OF_2_1],
  ])('%s', async (_, written) => {
    const hash = parsePasswordHash(written);
    expect(isArgon2(hash)).toBe(false);
    expect(formatPasswordHash(hash)).toBe(written);
    expect(await isPassword(Buffer.from('secret'), hash)).toBe(true);
    expect(await isPassword(Buffer.from('secreT'), hash)).toBe(false);
  });

  test.each([
    ['more iterations than a login may cost', OF_2_0.replace('101', '1000001')],
    ['no iterations', OF_2_0.replace('101', '0')],
    ['a salt of another length', OF_2_0.replace('ARtM', 'ARtMARtM')],
    ['a hash of another length', OF_2_0.slice(0, -4)],
    ['another kind', OF_1_6.replace('$6$', '$5$')],
  ])('%s is refused', (_, written) => {
    expect(problemOf(() => parsePasswordHash(written))).toContain('form');
  });
});

function problemOf(run: () => unknown): string {
  try {
    run();
    return 'none';
  } catch (error) {
    return error instanceof GatewayError ? error.message : String(error);
  }
}

describe('comparing only so many at once', () => {
  const HASH: PasswordHash = { memoryKiB: 8, passes: 1, parallelism: 1, salt: Buffer.alloc(8), hash: Buffer.alloc(16) };

  /** Comparisons that end when the test says so. */
  class Comparisons {
    readonly started: PromiseWithResolvers<boolean>[] = [];
    readonly compare = (): Promise<boolean> => {
      const comparison = Promise.withResolvers<boolean>();
      this.started.push(comparison);
      return comparison.promise;
    };
  }

  function checker(): {
    readonly comparisons: Comparisons;
    readonly check: (signal?: AbortSignal) => Promise<boolean | 'busy'>;
    readonly waiting: () => number;
  } {
    const comparisons = new Comparisons();
    const places = new Places({ inAll: 4, perAddress: 4 }, { value: 0 });
    const checked = new PasswordChecker({ atOnce: 2, places }, comparisons.compare);
    return { comparisons, check: (signal = NEVER) => checked.check(PASSWORD, HASH, { address: '192.0.2.7', signal }), waiting: () => checked.waiting };
  }

  test('nobody is waited for whose time was over before', async () => {
    const { check, comparisons, waiting } = checker();
    expect(await Promise.race([check(AbortSignal.abort()), settled()])).toBe('busy');
    const verdicts = [check(), check()];
    await settled();
    expect(await Promise.race([check(AbortSignal.abort()), settled()])).toBe('busy');
    expect([comparisons.started.length, waiting()]).toEqual([2, 0]);
    for (const comparison of comparisons.started) comparison.resolve(true);
    expect(await Promise.all(verdicts)).toEqual([true, true]);
  });

  test('two run, two wait, the fifth is told to come again', async () => {
    const { comparisons, check, waiting } = checker();
    const verdicts = [check(), check(), check(), check()];
    await settled();
    expect(comparisons.started).toHaveLength(2);
    expect(waiting()).toBe(2);
    expect(await check()).toBe('busy');
    comparisons.started[0]?.resolve(true);
    expect(await verdicts[0]).toBe(true);
    await settled();
    expect(comparisons.started).toHaveLength(3);
    comparisons.started[1]?.resolve(false);
    comparisons.started[2]?.resolve(true);
    expect(await Promise.all([verdicts[1], verdicts[2]])).toEqual([false, true]);
    await settled();
    comparisons.started[3]?.resolve(true);
    expect(await verdicts[3]).toBe(true);
  });

  test('who comes in the turn a place becomes free does not overtake', async () => {
    const { comparisons, check } = checker();
    const verdicts = [check(), check(), check()];
    await settled();
    comparisons.started[0]?.resolve(true);
    await verdicts[0];
    void check();
    await settled();
    expect(comparisons.started).toHaveLength(3);
  });

  test('whose client has gone gives up its place in the line', async () => {
    const { comparisons, check, waiting } = checker();
    const gone = new AbortController();
    void check();
    void check();
    const verdict = check(gone.signal);
    await settled();
    gone.abort();
    expect(await verdict).toBe('busy');
    expect(waiting()).toBe(0);
    expect(comparisons.started).toHaveLength(2);
  });

  test('a comparison that fails frees its place', async () => {
    const { comparisons, check } = checker();
    const failed = check();
    void check();
    const next = check();
    await settled();
    comparisons.started[0]?.reject(new TypeError('no memory'));
    await expect(failed).rejects.toThrow('no memory');
    await settled();
    comparisons.started[2]?.resolve(true);
    expect(await next).toBe(true);
  });
});
