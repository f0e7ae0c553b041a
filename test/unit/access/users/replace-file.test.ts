import { chownSync, lstatSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { replaceFile } from '../../../../src/access/users/replace-file.ts';

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'postern-replace-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describe('a file is replaced', () => {
  test('whole, for its owner alone', async () => {
    const path = join(directory(), 'users.json');
    writeFileSync(path, 'former', { mode: 0o644 });
    await replaceFile(path, async () => 'next');
    expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual(['next', 0o600]);
  });

  test('or not at all', async () => {
    const path = join(directory(), 'users.json');
    writeFileSync(path, 'former');
    const made = replaceFile(path, async () => {
      throw new TypeError('no text');
    });
    await expect(made).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect([readFileSync(path, 'utf8'), lstatSync(`${path}.new`, { throwIfNoEntry: false })]).toEqual(['former', undefined]);
  });
});

const isRoot = process.getuid?.() === 0;
const SOMEBODY = 54_321;

describe.runIf(isRoot)('what root writes', () => {
  test('belongs to whom the directory belongs to', async () => {
    const home = directory();
    chownSync(home, SOMEBODY, SOMEBODY);
    await replaceFile(join(home, 'users.json'), async () => 'next');
    expect(statSync(join(home, 'users.json'))).toMatchObject({ uid: SOMEBODY, gid: SOMEBODY });
  });

  test('is what is given away: whose directory it is may have put a link to another file in its place', async () => {
    const home = directory();
    const victim = join(directory(), 'shadow');
    writeFileSync(victim, 'of root');
    chownSync(home, SOMEBODY, SOMEBODY);
    const path = join(home, 'users.json');
    await replaceFile(path, async () => {
      rmSync(`${path}.new`);
      symlinkSync(victim, `${path}.new`);
      return 'next';
    });
    expect([statSync(victim).uid, readFileSync(victim, 'utf8')]).toEqual([0, 'of root']);
  });
});
