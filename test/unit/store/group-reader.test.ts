import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../../src/model/log.ts';
import { openDatabase } from '../../../src/store/sqlite/database.ts';
import { GroupReader } from '../../../src/store/sqlite/group-reader.ts';
import { LostGroups } from '../../../src/store/sqlite/lost-groups.ts';
import { OpenGroup } from '../../../src/store/sqlite/open-group.ts';
import { STATEMENTS } from '../../../src/store/sqlite/schema.ts';
import { SqliteBench } from '../../support/store-bench.ts';

let bench: SqliteBench;
let databases: Database[];

beforeEach(() => {
  bench = new SqliteBench();
  databases = [];
});

afterEach(async () => {
  for (const database of databases) database.close();
  await bench.end();
});

function database(name: string): Database {
  mkdirSync(join(bench.root, name));
  const made = openDatabase(join(bench.root, name, 'postern.db'), 'off');
  databases.push(made);
  return made;
}

/** Puts group `number` into the row of group `row`. */
function put(into: Database, number: number, row = number): void {
  const { header, bytes } = new OpenGroup(number, 1).close(1, { boot: 1, gatewayMs: 0, wallMs: 0, isSynchronized: false });
  into.prepare(STATEMENTS.putSegment).run(row, header.firstSequence, header.nextSequence, bytes);
}

test('a group that could not be read is read from the fresh file that has it', () => {
  const reader = new GroupReader(database('damaged'), silentLog, new LostGroups());
  expect([reader.group(7), reader.isDamaged(7)]).toEqual([undefined, true]);
  const fresh = database('fresh');
  put(fresh, 7);
  reader.use(fresh, []);
  expect([reader.group(7)?.header.number, reader.isDamaged(7), reader.group(8)]).toEqual([7, false, undefined]);
});

test('a group in the row of another is none, for whoever only looks as well', () => {
  const file = database('mixed-up');
  put(file, 7, 8);
  const reader = new GroupReader(file, silentLog, new LostGroups());
  expect([reader.peek(8), reader.group(8)]).toEqual([undefined, undefined]);
});

test('a group that a fresh file does not have is no news, and damages that file no more', () => {
  const reader = new GroupReader(database('damaged'), silentLog, new LostGroups());
  let told = 0;
  reader.onDamage(() => {
    told += 1;
  });
  reader.use(database('fresh'), [7]);
  reader.check(7);
  expect([told, reader.isDamaged(7)]).toEqual([0, true]);
  reader.check(8);
  expect(told).toBe(1);
});
