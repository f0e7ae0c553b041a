// What an access list of 1,000 rules adds to a message, beside none: Postern against itself.
import type { Bench, Line, Scenario, Table } from './bench.ts';
import { floorText, timesTheCost, verdict } from './floors.ts';
import { range, ratioSpread, short } from './format.ts';
import type { Figures, LoadOptions } from './generator.ts';
import { cpu, lost, runRounds, type Sides, withServers } from './pairs.ts';
import { median, spread } from './statistics.ts';
import { withAccessRules } from './subjects.ts';

const TABLE: Table = {
  title: 'Access control: an access list of 1,000 rules beside none, 64 B',
  columns: ['scenario', 'us with rules', 'without', 'with ÷ without', 'range', 'floor', ''],
};
const FLOOR = timesTheCost(1.15);
const RULES = 1_000;

const LOADS: Readonly<Record<string, LoadOptions>> = {
  'access-pairs-q1': { mode: 'p2p', publishers: 50, qos: 1, payload: 64 },
  'access-window1-q0': { mode: 'p2p', publishers: 50, qos: 0, payload: 64, window: 1 },
};

export const accessScenarios: readonly Scenario[] = Object.entries(LOADS).map(([name, load]) => ({ name, run: (bench) => access(bench, name, load) }));

async function access(bench: Bench, name: string, load: LoadOptions): Promise<Line[]> {
  const { pairs: count, seconds, warmupSeconds: warmup } = bench.schedule;
  const subjects = { subject: withAccessRules(bench.subject, RULES), peer: bench.subject };
  const rounds = await withServers(bench, subjects, (servers) => runRounds(bench, servers, { name, load: { ...load, warmup, seconds }, count }));
  return [accessLine(name, rounds)];
}

export function accessLine(name: string, rounds: readonly Sides<Figures>[]): Line {
  const cost = spread(rounds.map(({ subject, peer }) => cpu(subject) / cpu(peer)));
  const isLossy = lost(rounds.map(({ subject }) => subject)) > 0;
  const cells = [
    name,
    short(median(rounds.map(({ subject }) => cpu(subject)))),
    short(median(rounds.map(({ peer }) => cpu(peer)))),
    ratioSpread(cost),
    range(cost),
    floorText(FLOOR),
  ];
  return { table: TABLE, cells, verdict: isLossy ? 'MISS' : verdict(cost.median, FLOOR) };
}
