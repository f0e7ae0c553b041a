// `node scripts/store-fixture.ts NAME`: what a killed store of the present schema leaves behind, for test/unit/store/migration.test.ts. It stays there when the
// schema moves on. In a checkout of an earlier commit, with this file put into it, it makes the fixture of that time.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import Sqlite from 'better-sqlite3';
import { SqliteBench } from '../test/support/store-bench.ts';
import { contentsOf, durable } from '../test/support/store-samples.ts';
import { GATEWAYS, operate } from '../test/support/store-workload.ts';

const FIXTURES = 'test/unit/store/fixtures';
const OPERATIONS = 420;
const SEED = 11;
const OPERATIONS_PER_GROUP = 3;
/** Small, so that part of the life is in tables and part only in the log. */
const LIMITS = { checkpointLogBytes: 20_000, groupBytesMax: 4_000 };

interface Life {
  readonly contents: unknown;
  /** As a killed process leaves it, with SQLite's log in it. */
  readonly database: Buffer;
}

async function lived(bench: SqliteBench): Promise<Life> {
  const store = bench.open({ limits: LIMITS });
  for (let number = 0; number < OPERATIONS; number += 1) {
    operate(store, SEED, number);
    if (number % OPERATIONS_PER_GROUP === 0) await durable(store);
  }
  await durable(store);
  const path = join(bench.root, 'killed.db');
  for (const companion of ['', '-wal']) cpSync(join(bench.directory, `postern.db${companion}`), `${path}${companion}`);
  new Sqlite(path).exec('PRAGMA wal_checkpoint').close();
  return { contents: contentsOf(store, GATEWAYS), database: readFileSync(path) };
}

const [name] = process.argv.slice(2);
if (name === undefined || !/^schema-\d+[a-z-]*$/.test(name)) {
  process.stderr.write('usage: node scripts/store-fixture.ts schema-N[-what]\n');
  process.exitCode = 64;
} else {
  const bench = new SqliteBench();
  const { contents, database } = await lived(bench);
  mkdirSync(FIXTURES, { recursive: true });
  writeFileSync(join(FIXTURES, `${name}.db.gz`), gzipSync(database, { level: 9 }));
  writeFileSync(join(FIXTURES, `${name}.json.gz`), gzipSync(JSON.stringify(contents), { level: 9 }));
  await bench.end();
}
