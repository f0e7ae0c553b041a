import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { removeDatabase, requireRoom } from '../../../src/store/sqlite/archive/durable-files.ts';

test('a backup, a restore or a selftest that would fill the disk is refused: a full one stops every commit', () => {
  expect(() => requireRoom(tmpdir(), 1_000, 1_000)).not.toThrow();
  expect(() => requireRoom(tmpdir(), 0, Number.MAX_SAFE_INTEGER)).toThrow(
    /^the disk of \S+ has \d+ MiB free, and 8589934592 MiB are needed: free space there$/,
  );
  expect(() => requireRoom(tmpdir(), Number.MAX_SAFE_INTEGER, 0)).toThrow('free space there');
});

test('a database that is not whole goes with everything beside it, and nothing else', () => {
  const directory = mkdtempSync(join(tmpdir(), 'postern-remove-'));
  for (const name of ['a', 'a-wal', 'a-shm', 'a-journal', 'ab', 'a-other']) writeFileSync(join(directory, name), '');
  removeDatabase(join(directory, 'a'));
  removeDatabase(join(directory, 'a'));
  expect(readdirSync(directory)).toEqual(['a-other', 'ab']);
  rmSync(directory, { recursive: true });
});
