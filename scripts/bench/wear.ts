// What a message costs the flash: bytes that reach the device for one of 100 bytes that is stored and deleted again, by the counters of a loop device with ext4.
import type { Bench, Line, Scenario, Table } from './bench.ts';
import { runOn } from './children.ts';
import { type Floor, floorText, timesTheCost, verdict } from './floors.ts';
import { count, ratio } from './format.ts';
import { LoopDisk } from './loop-disk.ts';
import { WEAR_LOAD } from './wear-load.ts';

const TABLE: Table = {
  title: 'Flash wear: bytes written to the device per message of 100 bytes, stored and deleted',
  columns: ['scenario', 'messages per commit', 'device bytes', 'of them in the log', 'to one session', 'floor', ''],
};

interface Load {
  readonly name: string;
  /** As `wear-load.ts` knows it. */
  readonly deed: string;
  readonly perCommit: number;
  /** Measured, after half as many: several checkpoints of the store and rounds of SQLite's log. */
  readonly messages: number;
  readonly floor: Floor;
}

/** What the ratios are held against. */
const BASE = 'wear-10';
const FULL_SECONDS = 4;

function atMost(value: number): Floor {
  return { bound: 'at most', value, unit: ' B' };
}

const LOADS: readonly Load[] = [
  { name: 'wear-1', deed: 'one', perCommit: 1, messages: 20_000, floor: atMost(7_500) },
  { name: BASE, deed: 'one', perCommit: 10, messages: 60_000, floor: atMost(1_000) },
  { name: 'wear-50', deed: 'one', perCommit: 50, messages: 100_000, floor: atMost(400) },
  { name: 'wear-20-sessions', deed: 'all-of-20', perCommit: 10, messages: 60_000, floor: timesTheCost(1.2) },
  { name: 'wear-2000-sessions', deed: 'turns-of-2000', perCommit: 10, messages: 60_000, floor: timesTheCost(1.2) },
  { name: 'wear-retained', deed: 'retained', perCommit: 10, messages: 60_000, floor: timesTheCost(1.5) },
  { name: 'wear-qos2', deed: 'qos-2', perCommit: 10, messages: 60_000, floor: timesTheCost(3) },
];

export const wearScenarios: readonly Scenario[] = [{ name: 'wear', run: wear }];

async function wear(bench: Bench): Promise<Line[]> {
  const obstacle = LoopDisk.obstacle();
  if (obstacle !== undefined) {
    bench.say(`wear cannot be measured here: ${obstacle}`);
    return [{ table: TABLE, cells: [`wear NOT MEASURED: ${obstacle}`, '', '', '', '', ''], verdict: undefined }];
  }
  const results = new Map<Load, Worn>();
  for (const load of LOADS) {
    const worn = await measured(bench, load);
    bench.say(`${load.name}: ${count(worn.deviceBytes)} B per message`);
    results.set(load, worn);
  }
  return wearLines(results);
}

/** Per message. */
export interface Worn {
  readonly deviceBytes: number;
  readonly logBytes: number;
}

export function wearLines(results: ReadonlyMap<Load, Worn>): Line[] {
  const base = [...results].find(([{ name }]) => name === BASE)?.[1].deviceBytes ?? Number.NaN;
  return [...results].map(([{ name, perCommit, floor }, { deviceBytes, logBytes }]) => {
    const share = deviceBytes / base;
    const isRatio = floor.unit === 'x';
    const cells = [name, `${perCommit}`, count(deviceBytes), count(logBytes), isRatio ? ratio(share) : '', floorText(floor)];
    return { table: TABLE, cells, verdict: verdict(isRatio ? share : deviceBytes, floor) };
  });
}

async function measured({ schedule, serverCore, freshPlace }: Bench, { name, deed, perCommit, messages }: Load): Promise<Worn> {
  const share = Math.min(1, schedule.seconds / FULL_SECONDS);
  const disk = LoopDisk.make((await freshPlace()).directory);
  try {
    const args = [WEAR_LOAD, disk.directory, disk.statFile, deed, `${perCommit}`, `${Math.round(messages * share)}`];
    const { stdout, stderr } = await runOn(serverCore, { program: process.execPath, args });
    if (stdout === '') throw new Error(`${name} failed:\n${stderr}`);
    return JSON.parse(stdout) as Worn;
  } finally {
    disk.remove();
  }
}
