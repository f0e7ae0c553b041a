import type { Database } from 'better-sqlite3';
import type { Sequence } from '../../session/session-store.ts';
import { type Cell, numberOf } from './cell.ts';
import type { LastMoment, MachineLead } from './gateway-time.ts';
import type { SqlValue, TableWrite } from './schema.ts';

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
} as const;

export function readMeta(database: Database): Meta {
  const rows = database.prepare('SELECT key, value FROM meta').raw().all() as [string, Cell][];
  const values = new Map(rows.map(([key, value]) => [key, numberOf(value)]));
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
  };
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

export function momentWrites({ gatewayMs, wallMs, isSynchronized }: LastMoment): TableWrite[] {
  return [put(KEY.gatewayMs, gatewayMs), put(KEY.wallMs, wallMs), put(KEY.synchronized, isSynchronized ? 1 : 0)];
}

export function checkpointWrites(at: Pick<Meta, 'replayFrom' | 'nextSequence' | 'nextSessionId' | 'nextGroup'>): TableWrite[] {
  return [put(KEY.nextSequence, at.nextSequence), put(KEY.nextSession, at.nextSessionId), put(KEY.nextGroup, at.nextGroup), put(KEY.replayFrom, at.replayFrom)];
}

function put(key: string, value: SqlValue): TableWrite {
  return { statement: 'putMeta', values: [key, value] };
}
