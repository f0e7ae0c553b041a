// A slow disk beside other traffic: with every flush 10 ms longer, how long a message that need not be stored takes; and a flush of three
// seconds, during which publishers of stored messages are held back: what memory that costs, and whether anything is lost.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench, Line, Scenario, Table } from './bench.ts';
import { type Floor, floorText, type Verdict, verdict } from './floors.ts';
import { count, short } from './format.ts';
import { type Figures, figure } from './generator.ts';
import { residentMB } from './proc.ts';
import { type Server, start } from './server.ts';
import { median } from './statistics.ts';

const TABLE: Table = {
  title: 'A slow disk: stored messages of 8 publishers under way, and the round trip of another client at QoS 0',
  columns: ['figure', 'ours', 'floor', ''],
};
const ROUND_TRIP_FLOOR: Floor = { bound: 'at most', value: 5, unit: ' ms' };
const MEMORY_FLOOR: Floor = { bound: 'at most', value: 8, unit: ' MB' };
const LOAD = { publishers: 8, window: 8, payload: 64 } as const;
const CARD_FLUSH_MS = 10;
const STALL_MS = 3_000;
/** Memory is read before, while and after the disk stalls, this often. */
const LOOK_MS = 50;
const PROBE_WARMUP_SECONDS = 0.5;

export const stallScenarios: readonly Scenario[] = [{ name: 'slow-disk', run: slowDisk }];

export interface SlowDiskRound {
  readonly probe: Figures;
  readonly drained: Figures;
  readonly ackedPerSecond: number;
  /** Most of resident memory while the disk stalled, less what there was just before. */
  readonly stallMB: number;
}

async function slowDisk(bench: Bench): Promise<Line[]> {
  const rounds: SlowDiskRound[] = [];
  for (let index = 0; index < bench.schedule.rounds; index += 1) {
    const last = await round(bench);
    rounds.push(last);
    bench.say(`slow-disk ${index + 1}/${bench.schedule.rounds}: p99 ${p99Ms(last).toFixed(2)} ms, ${last.stallMB.toFixed(1)} MB more while the disk stalled`);
  }
  return slowDiskLines(rounds);
}

async function round(bench: Bench): Promise<SlowDiskRound> {
  const place = await bench.freshPlace();
  const flush = join(place.directory, 'flush-ms');
  const flushMs = (value: number): void => writeFileSync(flush, `${value}\n`);
  flushMs(CARD_FLUSH_MS);
  const options = { core: bench.serverCore, environment: { LD_PRELOAD: bench.slowFsync, SLOWSYNC_FILE: flush } };
  const { seconds } = bench.schedule;
  const ackFile = { 'ack-file': join(place.directory, 'acknowledged') };
  const server = await start(bench.subject, place, options);
  await bench.generator.run(server, { mode: 'dursub' });
  const spanSeconds = PROBE_WARMUP_SECONDS + seconds + 2 * (STALL_MS / 1000);
  const publishing = bench.generator.run(server, { mode: 'durpub', ...LOAD, ...ackFile, warmup: PROBE_WARMUP_SECONDS, seconds: spanSeconds, kill: true });
  const probe = await bench.generator.run(server, { mode: 'probe', warmup: PROBE_WARMUP_SECONDS, seconds });
  const stallMB = await whileStalled(server, flushMs);
  const filled = await publishing;
  await server.ended();
  const draining = await start(bench.subject, place, { core: bench.serverCore });
  const drained = await bench.generator.run(draining, { mode: 'durdrain', ...ackFile });
  await draining.stop();
  return { probe, drained, ackedPerSecond: figure(filled, 'acked_per_s'), stallMB };
}

/** One flush takes `STALL_MS`, the next ones what they took before. @returns what memory rose by meanwhile. */
async function whileStalled(server: Server, flushMs: (value: number) => void): Promise<number> {
  let before = 0;
  for (let looks = 0; looks < 10; looks += 1) {
    before = Math.max(before, residentMB(server.pid));
    await delay(LOOK_MS);
  }
  flushMs(STALL_MS);
  await delay(LOOK_MS);
  flushMs(CARD_FLUSH_MS); // the flush that began meanwhile goes on sleeping
  let most = before;
  for (let elapsed = 0; elapsed < STALL_MS; elapsed += LOOK_MS) {
    most = Math.max(most, residentMB(server.pid));
    await delay(LOOK_MS);
  }
  return most - before;
}

export function slowDiskLines(rounds: readonly SlowDiskRound[]): Line[] {
  const sum = (name: string): number => rounds.reduce((total, { drained }) => total + figure(drained, name), 0);
  const lost = sum('acked_lost');
  const isWhole = lost === 0 && sum('acked') > 0 && sum('checked') >= sum('acked');
  const told = (name: string, value: string): Line => ({ table: TABLE, cells: [name, value, ''], verdict: undefined });
  const judged = (name: string, value: number, floor: Floor): Line => {
    const outcome: Verdict = isWhole ? verdict(value, floor) : 'MISS';
    return { table: TABLE, cells: [name, short(value), floorText(floor)], verdict: outcome };
  };
  return [
    told('flushes 10 ms longer: stored messages acknowledged per second', count(median(rounds.map(({ ackedPerSecond }) => ackedPerSecond)))),
    judged('slow-disk: round trip of the other client, p99 ms', median(rounds.map(p99Ms)), ROUND_TRIP_FLOOR),
    judged('slow-disk: memory more while one flush takes 3 s, MB', median(rounds.map(({ stallMB }) => stallMB)), MEMORY_FLOOR),
    told('acknowledged, and of these lost', `${count(sum('acked'))}, ${count(lost)}`),
  ];
}

function p99Ms({ probe }: SlowDiskRound): number {
  return figure(probe, 'probe_round_trip_us_p99') / 1000;
}
