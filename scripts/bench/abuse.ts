// Fairness: how long a well-behaved client's message to itself takes while another process abuses the gateway, beside an idle one.
import { join } from 'node:path';
import { ATTACKS, type AttackName, isAttackName } from './attacks.ts';
import type { Bench, Line, Scenario, Table } from './bench.ts';
import { runOn } from './children.ts';
import { floorText, timesTheCost, verdict } from './floors.ts';
import { ratio, short } from './format.ts';
import { type Figures, figure } from './generator.ts';
import { type Server, start } from './server.ts';
import { median } from './statistics.ts';
import { nowUs, readTurns, restOfTurnUs, type Span, type Turn, turnTimesTo, within } from './turn-times.ts';

const TABLE: Table = {
  title: "Abuse: round trip of another client's message, 99th percentile",
  columns: ['scenario', 'idle ms', 'abused ms', 'abused ÷ idle', 'longest ms', 'rest of turn ms', 'longest turn ms', 'memory MB', 'floor', ''],
};
const FLOOR = timesTheCost(5);
const PROBE_WARMUP_SECONDS = 0.5;
/** The attacker gives way to the probe on the core they share, at once and not when its slice is over: what the probe waits for is the server. */
const GIVING_WAY = ['chrt', '--idle', '0'] as const;

export const abuseScenarios: readonly Scenario[] = Object.keys(ATTACKS)
  .filter(isAttackName)
  .map((name) => ({ name: `abuse-${name}`, run: (bench: Bench) => abuse(bench, name) }));

export interface AbuseRound {
  readonly idle: Figures;
  readonly abused: Figures;
}

async function abuse(bench: Bench, name: AttackName): Promise<Line[]> {
  const place = await bench.freshPlace();
  const turnFile = join(place.directory, 'turns');
  const server = await start(bench.subject, place, { core: bench.serverCore, environment: turnTimesTo(turnFile, bench.turnTimes) });
  const rounds: AbuseRound[] = [];
  const spans: Span[] = [];
  for (let index = 0; index < bench.schedule.rounds; index += 1) {
    const idle = await probe(bench, server);
    const fromUs = nowUs();
    const [abused] = await Promise.all([probe(bench, server), attack(bench, name, server.port)]);
    spans.push({ fromUs, toUs: nowUs() });
    rounds.push({ idle, abused });
    bench.say(`abuse-${name} ${index + 1}/${bench.schedule.rounds}: ${p99Ms(idle).toFixed(2)} ms idle, ${p99Ms(abused).toFixed(2)} ms abused`);
  }
  await server.stop();
  return [abuseLine(name, rounds, within(readTurns(turnFile), spans))];
}

function probe(bench: Bench, server: Server): Promise<Figures> {
  return bench.generator.run(server, { mode: 'probe', warmup: PROBE_WARMUP_SECONDS, seconds: bench.schedule.seconds });
}

async function attack(bench: Bench, name: AttackName, port: number): Promise<void> {
  const [program, ...options] = GIVING_WAY;
  const seconds = PROBE_WARMUP_SECONDS + bench.schedule.seconds;
  const script = new URL('attacks.ts', import.meta.url).pathname;
  const { ending, stderr } = await runOn(bench.loadCore, { program, args: [...options, process.execPath, script, name, `${port}`, `${seconds}`] });
  if (!('status' in ending) || ending.status !== 0) throw new Error(`the attack ${name} failed:\n${stderr}`);
}

export function abuseLine(name: string, rounds: readonly AbuseRound[], turns: readonly Turn[]): Line {
  const growth = median(rounds.map(({ idle, abused }) => p99Ms(abused) / p99Ms(idle)));
  const cells = [
    `abuse-${name}`,
    short(median(rounds.map(({ idle }) => p99Ms(idle)))),
    short(median(rounds.map(({ abused }) => p99Ms(abused)))),
    ratio(growth),
    short(Math.max(...rounds.map(({ abused }) => figure(abused, 'probe_round_trip_us_max') / 1000))),
    turns.length === 0 ? '–' : short(restOfTurnUs(turns, 0.99) / 1000),
    turns.length === 0 ? '–' : short(Math.max(...turns.map(({ tookUs }) => tookUs)) / 1000),
    short((Math.max(...rounds.map(({ abused }) => figure(abused, 'server_rss_kib'))) * 1024) / 1e6),
    floorText(FLOOR),
  ];
  return { table: TABLE, cells, verdict: verdict(growth, FLOOR) };
}

function p99Ms(figures: Figures): number {
  return figure(figures, 'probe_round_trip_us_p99') / 1000;
}
