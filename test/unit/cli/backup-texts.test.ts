import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { backupText } from '../../../src/cli/backup.ts';
import { moveFile } from '../../../src/cli/move-file.ts';
import { contentsText, restoreText } from '../../../src/cli/restore.ts';
import type { BackupReport, ListedFile, RestoreReport } from '../../../src/model/backup.ts';

const EXAMINED = { sessions: 12, queuedMessages: 340, retainedMessages: 21, groups: 411, damagedGroups: [], damagedRows: 0 };
const ACL: ListedFile = { name: 'acl', key: 'access.aclFile', path: '/etc/postern/acl', place: '', isSecret: false, isKept: true };
const USERS: ListedFile = { name: 'users.json', key: 'access.usersFile', path: '/data/users.json', place: 'users.json', isSecret: true, isKept: false };

describe('what a backup says', () => {
  const report: BackupReport = {
    ...EXAMINED,
    bytes: 1_258_291,
    writtenBytes: 1_363_149,
    filesKept: ['access.aclFile /etc/postern/acl'],
    filesLeftOut: ['access.usersFile /data/users.json'],
  };

  test('of itself', () => {
    expect(backupText('/mnt/a.backup', report)).toBe(`/mnt/a.backup  1.2 MiB
12 sessions, 340 messages in queues, 21 retained
checked: every page and 411 groups; 1.3 MiB written to disks for it
with access.aclFile /etc/postern/acl
without access.usersFile /data/users.json: secret (--with-secrets)
`);
  });

  test('where the system does not tell what was written, and with names that would command a terminal', () => {
    expect(backupText('/mnt/a\u001b[2J', { ...report, writtenBytes: null })).toMatch(
      /^\/mnt\/a\\u\{1b\}\[2J {2}1\.2 MiB\n.*\nchecked: every page and 411 groups\n/,
    );
  });

  test('when it is listed', () => {
    expect(contentsText({ madeBy: '1.2.3', madeAtMs: 0, bytes: 1_024, files: [ACL, USERS] })).toBe(`made by Postern 1.2.3 at 1970-01-01T00:00:00.000Z, 1.0 KiB
acl  access.aclFile /etc/postern/acl
without access.usersFile /data/users.json: secret
`);
  });
});

describe('what a restore says', () => {
  const report: RestoreReport = {
    ...EXAMINED,
    madeBy: '1.2.3',
    madeAtMs: 0,
    bytes: 5,
    files: [ACL, { ...USERS, isKept: true }],
    filesPlaced: ['users.json'],
    exchangesForgotten: 0,
    nextSequence: 7,
    setAside: null,
  };
  const place = { directory: '/data', isTrial: false, filesTo: undefined };

  test.each<readonly [string, Partial<RestoreReport>, Partial<typeof place> | { filesTo: string }, string]>([
    [
      'into an empty directory',
      {},
      {},
      '/data is as it was at 1970-01-01T00:00:00.000Z\n12 sessions, 340 messages in queues, 21 retained\nwith users.json\nnot put back: access.aclFile /etc/postern/acl (--files)\n',
    ],
    ['on trial', { filesPlaced: [] }, { isTrial: true }, '/data was not touched; a restore would bring back\n12 sessions, '],
    ['over another', { setAside: 'before-restore-2' }, {}, 'with users.json\nwhat was there before lies in /data/before-restore-2\n'],
    ['with exchanges', { exchangesForgotten: 3 }, {}, '3 incoming QoS 2 exchanges forgotten: a message of theirs may come twice, and none is lost\n'],
    ['with its files', {}, { filesTo: '/tmp/found' }, 'with users.json\n2 files of the configuration written to /tmp/found\n'],
    ['without secrets', { files: [USERS], filesPlaced: [] }, {}, 'retained\nnot in the backup, being secret: access.usersFile /data/users.json\n'],
  ])('%s', (_, changes, where, text) => {
    expect(restoreText({ ...report, ...changes }, { ...place, ...where })).toContain(text);
  });
});

describe('a file is moved', () => {
  function directories(): { readonly from: string; readonly to: string } {
    const made = [tmpdir(), existsSync('/dev/shm') ? '/dev/shm' : tmpdir()].map((root) => mkdtempSync(join(root, 'postern-move-')));
    onTestFinished(() => {
      for (const directory of made) rmSync(directory, { recursive: true });
    });
    const [from = '', to = ''] = made;
    return { from, to };
  }

  test.each(['onto another disk', 'on the same'])('%s, with its mode, over another', (where) => {
    const { from, to } = directories();
    const target = where === 'on the same' ? from : to;
    writeFileSync(join(from, 'a'), 'whole', { mode: 0o600 });
    writeFileSync(join(target, 'b'), 'before');
    moveFile(join(from, 'a'), join(target, 'b'));
    expect([readFileSync(join(target, 'b'), 'utf8'), statSync(join(target, 'b')).mode & 0o777, readdirSync(target)]).toEqual(['whole', 0o600, ['b']]);
    expect(existsSync(join(from, 'a'))).toBe(false);
  });

  test('or stays where it is', () => {
    const { from, to } = directories();
    writeFileSync(join(from, 'a'), 'whole');
    mkdirSync(join(to, 'b'));
    expect(() => moveFile(join(from, 'a'), join(to, 'b'))).toThrow(/b cannot be written/);
    expect([readdirSync(from), readdirSync(to)]).toEqual([['a'], ['b']]);
  });
});
