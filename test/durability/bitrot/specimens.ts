// Stores to be damaged: each has lived a life, and was closed or killed.
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { silentLog } from '../../../src/model/log.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import { openSqliteStore } from '../../../src/store/sqlite/open.ts';
import type { SqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { contentsOf, durable } from '../../support/store-samples.ts';
import { Draws, GATEWAYS, operate } from '../../support/store-workload.ts';
import { type KnownGroup, knownGroups, knownRows, type Place } from './oracle.ts';

export const FILES = { database: 'postern.db', log: 'postern.db-wal', index: 'postern.db-shm' } as const;

export interface Specimen {
  readonly end: 'closed' | 'killed';
  readonly directory: string;
  readonly database: Buffer;
  readonly log: Buffer;
  /** What it holds. */
  readonly contents: Contents;
  readonly lastSequence: number;
  readonly groups: readonly KnownGroup[];
  /** Where the rows of sessions and retained messages lie. */
  readonly rows: ReadonlyMap<string, readonly (readonly Place[])[]>;
  /** Groups that are not in the tables yet begin here. */
  readonly replayFrom: number;
}

type Entry = readonly [sequence: number, ...rest: unknown[]];

export interface SessionContents {
  readonly queue: readonly Entry[];
  readonly bytes: number;
  /** The rest of it. */
  readonly [part: string]: unknown;
}

export interface Contents {
  readonly sessions: readonly (readonly [key: string, session: SessionContents])[];
  readonly retained: readonly (readonly [topic: string, message: string])[];
  readonly state: readonly unknown[];
}

const OPERATIONS = { least: 150, more: 900 };
const OPERATIONS_PER_TURN = 4;
/** Small, so that there are checkpoints, dropped segments and groups that were split. */
const LIMITS = { checkpointLogBytes: 30_000, groupBytesMax: 6_000 };

export function openAt(directory: string, log = silentLog): SqliteStore {
  return openSqliteStore({ directory, clock: new FakeClock(), log, metrics: new MetricsTable(), synchronous: 'off', limits: LIMITS });
}

export function contentsIn(store: SqliteStore): Contents {
  return JSON.parse(JSON.stringify(contentsOf(store, GATEWAYS))) as Contents;
}

/** @param root - gets a directory for the store as it was left. */
export async function grow(root: string, seed: number, end: Specimen['end']): Promise<Specimen> {
  const alive = join(root, `alive-${seed}-${end}`);
  const directory = join(root, `intact-${seed}-${end}`);
  const store = openAt(alive);
  const operations = OPERATIONS.least + new Draws(seed, 0).below(OPERATIONS.more);
  for (let number = 0; number < operations; number += 1) {
    operate(store, seed, number);
    if (number % OPERATIONS_PER_TURN === 0) await durable(store);
  }
  await durable(store);
  if (end === 'closed') await store.close();
  mkdirSync(directory);
  for (const name of Object.values(FILES)) if (existsSync(join(alive, name))) cpSync(join(alive, name), join(directory, name));
  if (end === 'killed') await store.close();
  return specimenIn(root, directory, end);
}

async function specimenIn(root: string, directory: string, end: Specimen['end']): Promise<Specimen> {
  const database = readFileSync(join(directory, FILES.database));
  const log = existsSync(join(directory, FILES.log)) ? readFileSync(join(directory, FILES.log)) : Buffer.alloc(0);
  const copy = join(root, 'copy');
  cpSync(directory, copy, { recursive: true });
  const { replayFrom, ...known } = rowsIn(join(copy, FILES.database));
  const store = openAt(copy);
  const { lastSequence } = store.boot;
  const contents = contentsIn(store);
  await store.close();
  return {
    end,
    directory,
    database,
    log,
    contents,
    lastSequence,
    groups: knownGroups({ database, log, ...known }),
    rows: knownRows({ database, log, ...known }),
    replayFrom,
  };
}

interface Rows {
  readonly groups: readonly Buffer[];
  readonly rows: ReadonlyMap<string, readonly Buffer[]>;
  readonly livePages: ReadonlySet<number>;
  readonly rowPages: ReadonlySet<number>;
  readonly replayFrom: number;
}

function rowsIn(path: string): Rows {
  const database = new Sqlite(path);
  try {
    const groups = database.prepare('SELECT bytes FROM segment').pluck().all() as Buffer[];
    const pagesOf = (...tables: readonly string[]): ReadonlySet<number> =>
      new Set(tables.flatMap((table) => database.prepare('SELECT pageno FROM dbstat WHERE name = ?').pluck().all(table) as number[]));
    const retained = database.prepare('SELECT topic, message FROM retained').raw().all() as [string, Buffer][];
    const sessions = database.prepare('SELECT realm, client_id, facts FROM session').raw().all() as [string, string, Buffer][];
    const rows = new Map<string, readonly Buffer[]>([
      ...retained.map(([topic, message]) => [`retained ${topic}`, samplesOf(message)] as const),
      ...sessions.map(([name, client, facts]) => [`session ${name}\0${client}`, [Buffer.from(name + client), ...samplesOf(facts).slice(1)]] as const),
    ]);
    return {
      groups,
      rows,
      livePages: pagesOf('segment'),
      rowPages: pagesOf('retained', 'retained_copy', 'session', 'session_copy'),
      replayFrom: Number(database.prepare("SELECT value FROM meta WHERE key = 'replay_from'").pluck().get() ?? 1),
    };
  } finally {
    database.close();
  }
}

const SAMPLE = { bytes: 40, every: 150 };

/** A few bytes of each page the message may lie in. */
function samplesOf(message: Buffer): Buffer[] {
  const samples = [message.subarray(0, Math.min(70, message.length))];
  for (let at = SAMPLE.every; at + SAMPLE.bytes <= message.length; at += SAMPLE.every) samples.push(message.subarray(at, at + SAMPLE.bytes));
  return samples;
}
