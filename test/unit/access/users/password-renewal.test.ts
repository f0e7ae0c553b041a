import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isPassword, parsePasswordHash } from '../../../../src/access/users/password-hash.ts';
import { PasswordRenewal } from '../../../../src/access/users/password-renewal.ts';
import { readUserFile } from '../../../../src/access/users/user-file.ts';
import { formatUsers, type UserRecord, usersOf } from '../../../../src/access/users/user-records.ts';
import { silentLog } from '../../../../src/model/log.ts';
import { MetricsTable } from '../../../../src/model/metrics.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const SECRET = Buffer.from('secret');
const IMPORTED = '$7$101$ARtMd48gVrI1rMx3$oh7z1ERsbBBf4inqv2VIJauBUeM/094WajfdJ4mtaFSGCkzOcndlnBZ2CG5SM3fKaLLjPTHL0/GRYvqBJKrfjQ==';
const OWN = '$argon2id$v=19$m=64,t=3,p=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';

function record(name: string, password: string): UserRecord {
  return { name, isSuperuser: name === 'root', password: parsePasswordHash(password), scram: new Map() };
}

function renewing(...records: readonly UserRecord[]) {
  const directory = mkdtempSync(join(tmpdir(), 'postern-renewal-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'users.json');
  writeFileSync(path, formatUsers(usersOf(records)));
  const clock = new FakeClock();
  const metrics = new MetricsTable();
  const told: string[] = [];
  const tell = (event: string) => void told.push(event);
  const renewal = new PasswordRenewal(path, { clock, log: { ...silentLog, warn: tell, info: tell }, metrics });
  const passwordOf = (name: string): string => JSON.parse(readFileSync(path, 'utf8')).users.find((user: { name: string }) => user.name === name).password;
  return { directory, path, clock, renewal, told, passwordOf, count: () => metrics.counter('access.passwords.renewed').value };
}

describe('the first login with an imported hash', () => {
  test('puts one of ours in its place, and leaves everybody else alone', async () => {
    const [ada, bob, root] = [record('ada', IMPORTED), record('bob', IMPORTED), record('root', OWN)] as const;
    const { renewal, clock, path, told, passwordOf, count } = renewing(ada, bob, root);
    await renewal.renew(ada, SECRET);
    await renewal.renew(root, SECRET);
    await clock.advanceMs(1_999);
    expect(passwordOf('ada')).toBe(IMPORTED);
    await clock.advanceMs(1);
    await expect.poll(() => told).toEqual(['imported passwords hashed anew']);
    expect([passwordOf('bob'), passwordOf('root')]).toEqual([IMPORTED, OWN]);
    expect(passwordOf('ada')).toMatch(/^\$argon2id\$/);
    const renewed = readUserFile(path)?.byName.get('ada');
    expect(await isPassword(SECRET, renewed?.password ?? ada.password)).toBe(true);
    expect(readUserFile(path)?.byName.get('root')?.isSuperuser).toBe(true);
    expect(count()).toBe(1);
  });

  test('does not overrule a password that was changed meanwhile', async () => {
    const ada = record('ada', IMPORTED);
    const { renewal, clock, path, told, passwordOf } = renewing(ada);
    await renewal.renew(ada, SECRET);
    writeFileSync(path, formatUsers(usersOf([record('ada', OWN)])));
    await clock.advanceMs(2_000);
    await expect.poll(() => told).toHaveLength(1);
    expect(passwordOf('ada')).toBe(OWN);
  });

  test('changes nothing while another command writes the file, and is told once', async () => {
    const [ada, bob] = [record('ada', IMPORTED), record('bob', IMPORTED)] as const;
    const { renewal, clock, path, told, passwordOf } = renewing(ada, bob);
    writeFileSync(`${path}.new`, '');
    chmodSync(`${path}.new`, 0o600);
    for (const each of [ada, bob]) {
      await renewal.renew(each, SECRET);
      await clock.advanceMs(2_000);
      await expect.poll(() => told).toEqual(['imported passwords keep their hash: the users file cannot be written']);
    }
    expect([passwordOf('ada'), existsSync(`${path}.new`)]).toEqual([IMPORTED, true]);
  });
});
