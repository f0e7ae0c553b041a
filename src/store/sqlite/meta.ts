import { isDeepStrictEqual } from 'node:util';
import type { Database } from 'better-sqlite3';
import { GatewayError } from '../../model/errors.ts';
import type { Sequence } from '../../session/session-store.ts';
import { type Cell, numberOf } from './cell.ts';
import type { LastMoment, MachineLead } from './gateway-time.ts';
import { SCHEMA_VERSION, type SqlValue, type TableWrite } from './schema.ts';
import { isSealed, unsealedNumber } from './sealed-row.ts';

/** What the store knows of itself beside the state it keeps. */
export interface Meta {
  /** Starts of this store so far; 0 before the first. */
  readonly boot: number;
  readonly wasClean: boolean;
  /** Groups from this number on are not in the tables yet. */
  readonly replayFrom: number;
  /** Of the last checkpoint; the log may know greater ones. */
  readonly nextSequence: Sequence;
  readonly nextSessionId: number;
  readonly nextGroup: number;
  readonly lastMoment: LastMoment | undefined;
  /** Undefined before the first boot that knew its machine. */
  readonly machineLead: MachineLead | undefined;
  /** Rows of queues are missing. */
  readonly isReferringAgain: boolean;
}

const KEY = {
  boot: 'boot',
  clean: 'clean',
  replayFrom: 'replay_from',
  nextSequence: 'next_sequence',
  nextSession: 'next_session',
  nextGroup: 'next_group',
  gatewayMs: 'gateway_ms',
  wallMs: 'wall_ms',
  synchronized: 'synchronized',
  machineBoot: 'machine_boot',
  machineLeadMs: 'machine_lead_ms',
  /** 1: rows of queues were lost; what the log refers to is queued again, until the next checkpoint has rows for it. */
  referAgain: 'refer_again',
  /** In the copy only: a changed `user_version` must not pass for another version. */
  schema: 'schema',
} as const;

export const REPLAY_FROM = KEY.replayFrom;
export const NEXT_GROUP = KEY.nextGroup;
export const REFER_AGAIN = KEY.referAgain;
/** All but the schema, which a file says of itself. */
export const META_KEYS: ReadonlySet<string> = new Set(Object.values(KEY).filter((key) => key !== KEY.schema));

/** @throws GatewayError STORE_CORRUPT - when the table and its copy do not say the same. */
export function readMeta(database: Database): Meta {
  const values = new Map<Cell, number>();
  for (const [key, value] of rowsOf(database, 'meta')) values.set(key as Cell, numberOf(value));
  const copies = new Map<Cell, number>();
  for (const row of rowsOf(database, 'meta_copy')) copies.set(row[0] as Cell, unsealedNumber('meta', row));
  if (copies.get(KEY.schema) !== SCHEMA_VERSION) throw new GatewayError('STORE_CORRUPT', 'meta does not say which schema this is');
  copies.delete(KEY.schema);
  if (!isDeepStrictEqual(values, copies)) throw new GatewayError('STORE_CORRUPT', 'meta and its copy differ');
  const boot = values.get(KEY.boot) ?? 0;
  const gatewayMs = values.get(KEY.gatewayMs);
  const lastMoment =
    gatewayMs === undefined ? undefined : { gatewayMs, wallMs: values.get(KEY.wallMs) ?? 0, isSynchronized: values.get(KEY.synchronized) === 1 };
  const bootId = values.get(KEY.machineBoot);
  const leadMs = values.get(KEY.machineLeadMs);
  return {
    boot,
    wasClean: boot === 0 || values.get(KEY.clean) === 1,
    replayFrom: values.get(KEY.replayFrom) ?? 1,
    nextSequence: values.get(KEY.nextSequence) ?? 1,
    nextSessionId: values.get(KEY.nextSession) ?? 1,
    nextGroup: values.get(KEY.nextGroup) ?? 1,
    lastMoment,
    machineLead: bootId === undefined || leadMs === undefined ? undefined : { bootId, leadMs },
    isReferringAgain: values.get(KEY.referAgain) === 1,
  };
}

/** What an intact row of the copy says of the schema, whatever `user_version` became; undefined: nothing. */
export function schemaInMeta(database: Database): number | undefined {
  const row = database.prepare('SELECT key, value FROM meta_copy WHERE key = ?').raw().get(KEY.schema) as Cell[] | undefined;
  return row !== undefined && isSealed('meta', row) ? unsealedNumber('meta', row) : undefined;
}

function rowsOf(database: Database, table: string): Cell[][] {
  return database.prepare(`SELECT key, value FROM ${table}`).raw().all() as Cell[][];
}

/** How far a store has counted, whatever its schema is: what its copy of this says is not looked at. */
export function countsInMeta(database: Database): Pick<Meta, 'boot' | 'nextSequence'> {
  const values = new Map<Cell, number>();
  for (const [key, value] of rowsOf(database, 'meta')) if (typeof value === 'number') values.set(key as Cell, value);
  return { boot: values.get(KEY.boot) ?? 0, nextSequence: values.get(KEY.nextSequence) ?? 1 };
}

/** A restored store goes on from there. */
export function countWrites({ boot, nextSequence }: Pick<Meta, 'boot' | 'nextSequence'>): TableWrite[] {
  return [put(KEY.boot, boot), put(KEY.nextSequence, nextSequence)];
}

export function bootWrites(boot: number): TableWrite[] {
  return [put(KEY.boot, boot), put(KEY.clean, 0)];
}

export function machineWrites({ bootId, leadMs }: MachineLead): TableWrite[] {
  return [put(KEY.machineBoot, bootId), put(KEY.machineLeadMs, leadMs)];
}

export function cleanWrites(): TableWrite[] {
  return [put(KEY.clean, 1)];
}

/** Whether the write is the one of `cleanWrites`. */
export function isCleanMark({ statement, values: [key, value] }: TableWrite): boolean {
  return statement === 'putMeta' && key === KEY.clean && value === 1;
}

export function momentWrites({ gatewayMs, wallMs, isSynchronized }: LastMoment): TableWrite[] {
  return [put(KEY.gatewayMs, gatewayMs), put(KEY.wallMs, wallMs), put(KEY.synchronized, isSynchronized ? 1 : 0)];
}

export function checkpointWrites(at: Pick<Meta, 'replayFrom' | 'nextSequence' | 'nextSessionId' | 'nextGroup'>): TableWrite[] {
  return [
    put(KEY.nextSequence, at.nextSequence),
    put(KEY.nextSession, at.nextSessionId),
    put(KEY.nextGroup, at.nextGroup),
    put(KEY.referAgain, 0),
    put(KEY.replayFrom, at.replayFrom),
  ];
}

function put(key: string, value: SqlValue): TableWrite {
  return { statement: 'putMeta', values: [key, value] };
}
