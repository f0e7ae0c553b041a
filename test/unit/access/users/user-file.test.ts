import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { parsePasswordHash } from '../../../../src/access/users/password-hash.ts';
import { readUserFile, UserFile } from '../../../../src/access/users/user-file.ts';
import { formatUsers, usersOf } from '../../../../src/access/users/user-records.ts';
import { USERS_FILE_BYTES_MAX } from '../../../../src/model/limits.ts';
import { silentLog } from '../../../../src/model/log.ts';
import { MetricsTable } from '../../../../src/model/metrics.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

/** Times the next reads fail, as for want of a file descriptor. */
const reads = vi.hoisted(() => ({ toFail: 0 }));
vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>();
  const readFileSync = (path: string, encoding: 'utf8'): string => {
    reads.toFail -= 1;
    if (reads.toFail >= 0) throw Object.assign(new TypeError('EMFILE: too many open files'), { code: 'EMFILE' });
    return real.readFileSync(path, encoding);
  };
  return { ...real, readFileSync };
});

const HASH = parsePasswordHash('$argon2id$v=19$m=64,t=3,p=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc');

function temporaryFile(): string {
  const directory = mkdtempSync(join(tmpdir(), 'postern-users-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'users.json');
}

/** A name that ends in `!` is a superuser's. */
function write(path: string, ...names: readonly string[]): void {
  const records = names.map((name) => ({ name: name.replace('!', ''), isSuperuser: name.endsWith('!'), password: HASH, scram: new Map() }));
  writeFileSync(`${path}.new`, formatUsers(usersOf(records)));
  renameSync(`${path}.new`, path);
}

function names(file: UserFile): readonly string[] | undefined {
  const users = file.current();
  return users && [...users.byName.keys()];
}

describe('the users are those of the file', () => {
  test('added, removed, file gone: seen at a login a second later', async () => {
    const path = temporaryFile();
    const clock = new FakeClock();
    const file = new UserFile(path, { clock, log: silentLog, metrics: new MetricsTable() });
    expect(names(file)).toBeUndefined();
    write(path, 'ada');
    await clock.advanceMs(999);
    expect(names(file)).toBeUndefined();
    await clock.advanceMs(1);
    expect(names(file)).toEqual(['ada']);
    write(path, 'ada', 'bob');
    await clock.advanceMs(1_000);
    expect(names(file)).toEqual(['ada', 'bob']);
    rmSync(path);
    await clock.advanceMs(1_000);
    expect(names(file)).toBeUndefined();
  });

  test('a file that becomes wrong changes nothing, and is told once', async () => {
    const path = temporaryFile();
    write(path, 'ada');
    const clock = new FakeClock();
    const errors: unknown[] = [];
    const metrics = new MetricsTable();
    const file = new UserFile(path, { clock, log: { ...silentLog, error: (_, fields) => void errors.push(fields) }, metrics });
    writeFileSync(path, '{ half a file');
    for (let login = 0; login < 3; login += 1) {
      await clock.advanceMs(1_000);
      expect(names(file)).toEqual(['ada']);
    }
    expect(errors).toEqual([{ file: path, cause: `${path}: is not JSON` }]);
    expect(metrics.snapshot()).toEqual({ 'access.users-file.unusable': 1 });
  });
});

test('a file that could not be read for a moment is read at the next look: who was removed does not stay', async () => {
  const path = temporaryFile();
  write(path, 'ada', 'eve');
  const clock = new FakeClock();
  const file = new UserFile(path, { clock, log: silentLog, metrics: new MetricsTable() });
  write(path, 'ada');
  reads.toFail = 1;
  await clock.advanceMs(1_000);
  expect(names(file)).toEqual(['ada', 'eve']);
  await clock.advanceMs(1_000);
  expect(names(file)).toEqual(['ada']);
});

test('what becomes of a user is known a second after it was written, and told', async () => {
  const path = temporaryFile();
  write(path, 'ada!');
  const clock = new FakeClock();
  const file = new UserFile(path, { clock, log: silentLog, metrics: new MetricsTable() });
  let changes = 0;
  file.onChange(() => {
    changes += 1;
  });
  const standing = async (): Promise<string> => {
    await clock.advanceMs(1_000);
    return file.standingOf('ada');
  };
  expect([await standing(), changes]).toEqual(['superuser', 0]);
  write(path, 'ada');
  expect([await standing(), changes]).toEqual(['ordinary', 1]);
  write(path, 'bob');
  expect([await standing(), changes]).toEqual(['removed', 2]);
  rmSync(path);
  expect([await standing(), changes]).toEqual(['unknown', 3]);
  write(path, 'ada');
  file.look();
  expect(changes).toBe(3);
  await clock.advanceMs(1_000);
  file.look();
  expect(changes).toBe(4);
});

describe('at start and on reload a wrong file is refused', () => {
  test.each([
    ['not JSON', '{', 'is not JSON'],
    ['too large', 'x'.repeat(USERS_FILE_BYTES_MAX + 1), 'more than a users file may have'],
  ])('%s', (_, text, problem) => {
    const path = temporaryFile();
    writeFileSync(path, text);
    expect(() => readUserFile(path)).toThrow(problem);
    expect(() => new UserFile(path, { clock: new FakeClock(), log: silentLog, metrics: new MetricsTable() })).toThrow(path);
  });

  test('a directory', () => {
    expect(() => readUserFile(tmpdir())).toThrow(`${tmpdir()} cannot be read`);
  });
});
