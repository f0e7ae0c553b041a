// Sparse traffic: 2,000 messages a second over 50 pairs, so that every packet comes in a read of its own, as from sensors.
import type { Bench, Line, Scenario, Table } from './bench.ts';
import { type Floor, floorText, verdict } from './floors.ts';
import { count, range, ratio, ratioSpread, short } from './format.ts';
import type { Figures, LoadOptions } from './generator.ts';
import { cpu, lost, rate, runPair, runPairs, type Sides, withBothServers } from './pairs.ts';
import { median, spread } from './statistics.ts';

const TABLE: Table = {
  title: 'Sparse: 2,000 messages a second over 50 pairs, open loop, one packet per read, 64 B',
  columns: ['scenario', 'us per message', 'Mosquitto', 'ours ÷ Mosquitto', 'range', 'cold', 'delivered/s', 'Mosquitto', 'lost', 'floor', ''],
};

const FLOOR: Floor = { bound: 'at most', value: 1.4, unit: 'x' };
const PAIRS_50: LoadOptions = { mode: 'p2p', publishers: 50, payload: 64 };
const RATE_PER_SECOND = 2000;
/** Lets connections settle; the servers were warmed before. */
const RUN_WARMUP_SECONDS = 0.5;

export const sparseScenarios: readonly Scenario[] = [0, 1].map((qos) => ({
  name: `sparse-q${qos}`,
  run: (bench: Bench) => sparse(bench, `sparse-q${qos}`, { ...PAIRS_50, qos }),
}));

async function sparse(bench: Bench, name: string, load: LoadOptions): Promise<Line[]> {
  const { seconds, sparsePairs, sparseWarmupSeconds } = bench.schedule;
  const measured = { ...load, rate: RATE_PER_SECOND, seconds };
  const warming = { ...load, window: 1, warmup: 0, seconds: sparseWarmupSeconds };
  return withBothServers(bench, async (servers) => {
    const cold = await runPair(bench, servers, { ...measured, warmup: 0 }, true);
    await runPair(bench, servers, warming, true);
    const pairs = await runPairs(bench, servers, { name, load: { ...measured, warmup: RUN_WARMUP_SECONDS }, count: sparsePairs });
    return [sparseLine(name, pairs, cold)];
  });
}

export function sparseLine(name: string, pairs: readonly Sides<Figures>[], cold: Sides<Figures>): Line {
  const subject = pairs.map((pair) => pair.subject);
  const peer = pairs.map((pair) => pair.peer);
  const cost = spread(pairs.map((pair) => cpu(pair.subject) / cpu(pair.peer)));
  const cells = [
    name,
    short(median(subject.map(cpu))),
    short(median(peer.map(cpu))),
    ratioSpread(cost),
    range(cost),
    ratio(cpu(cold.subject) / cpu(cold.peer)),
    count(median(subject.map(rate))),
    count(median(peer.map(rate))),
    count(lost(subject)),
    floorText(FLOOR),
  ];
  return { table: TABLE, cells, verdict: lost(subject) > 0 ? 'MISS' : verdict(cost.median, FLOOR) };
}
