import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rewriteLog } from '../../../src/store/sqlite/rewrite-log.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { durable } from '../../support/store-samples.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'postern-rewrite-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

test.each([0, 1, 64 * 1024, 200_000])('a log of %d bytes is what it was', (length) => {
  const path = join(directory, 'log');
  const bytes = Buffer.from(Array.from({ length }, (_, index) => (index * 7) % 251));
  writeFileSync(path, bytes);
  rewriteLog(path);
  expect(readFileSync(path).equals(bytes)).toBe(true);
});

test('none is not made', () => {
  rewriteLog(join(directory, 'log'));
  expect(existsSync(join(directory, 'log'))).toBe(false);
});

test('what cannot be read keeps no store from starting', async () => {
  const bench = new SqliteBench();
  const store = bench.open();
  await durable(store);
  await bench.close(store);
  mkdirSync(join(bench.directory, 'postern.db-wal'));
  expect(bench.open().status()).toMatchObject({ boot: 2, quarantined: ['postern.db.damaged-1'] });
  await bench.end();
});
