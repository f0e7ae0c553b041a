import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { clientId, realm } from '../../../src/model/client.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { contentsOf, durable, FACTS } from '../../support/store-samples.ts';

let bench: SqliteBench;

beforeEach(() => {
  bench = new SqliteBench();
});

afterEach(() => bench.end());

/** A closed store with one session. */
async function storeOf(name: string): Promise<{ readonly path: string; readonly contents: unknown }> {
  const made = new SqliteBench();
  const store = made.open();
  store.createSession(realm('mqtt'), clientId(name), FACTS);
  await durable(store);
  const contents = contentsOf(store);
  await made.close(store);
  const path = join(bench.root, `${name}.db`);
  cpSync(join(made.directory, 'postern.db'), path);
  await made.end();
  return { path, contents };
}

test('a restore holds, whatever a start that was interrupted amid damage had left to be finished', async () => {
  const damaged = await storeOf('damaged');
  const restored = await storeOf('restored');
  const { directory } = bench;
  for (const name of ['postern.db', 'postern.db.whole', 'postern.db.wal-kept']) cpSync(damaged.path, join(directory, name));
  mkdirSync(join(directory, 'restore.ready-1'));
  cpSync(restored.path, join(directory, 'restore.ready-1', 'postern.db'));
  const store = bench.open();
  expect(contentsOf(store)).toEqual(restored.contents);
  expect(readdirSync(join(directory, 'before-restore-1')).sort()).toEqual(['postern.db', 'postern.db.wal-kept', 'postern.db.whole']);
  expect(existsSync(join(directory, 'restore.ready-1'))).toBe(false);
});
