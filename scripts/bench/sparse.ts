// One packet per read, as from sensors: 2,000 messages a second over 50 pairs, sent when due; and 50 pairs with one message in flight each.
import { aedesLine, SPARSE_AEDES_FLOOR } from './aedes.ts';
import type { Bench, Line, Scenario, Table } from './bench.ts';
import { type Floor, floorText, timesTheCost, verdict } from './floors.ts';
import { count, range, ratio, ratioSpread, short } from './format.ts';
import type { Figures, LoadOptions } from './generator.ts';
import { cpu, lost, pairsWith, rate, runRound, runRounds, type Sides, withServers } from './pairs.ts';
import { PAYLOADS, type Payload } from './payloads.ts';
import { median, spread } from './statistics.ts';

const TABLE: Table = {
  title: 'One packet per read: 50 pairs, 2,000 messages a second in all (sparse), or one in flight each (window1)',
  columns: ['scenario', 'us per message', 'Mosquitto', 'ours ÷ Mosquitto', 'range', 'cold', 'delivered/s', 'Mosquitto', 'lost', 'floor', ''],
};

const PAIRS_50: LoadOptions = { mode: 'p2p', publishers: 50 };
/** Lets connections settle; the servers were warmed before. */
const RUN_WARMUP_SECONDS = 0.5;

interface Shape {
  readonly name: string;
  readonly load: LoadOptions;
  /** By QoS. */
  readonly floors: readonly Floor[];
}

const SHAPES: readonly Shape[] = [
  { name: 'sparse', load: { ...PAIRS_50, rate: 2000 }, floors: [timesTheCost(1.4), timesTheCost(1.3)] },
  { name: 'window1', load: { ...PAIRS_50, window: 1 }, floors: [timesTheCost(1.1), timesTheCost(1.2)] },
];

export const sparseScenarios: readonly Scenario[] = SHAPES.flatMap((shape) =>
  shape.floors.flatMap((floor, qos) => PAYLOADS.map((payload) => scenario(shape, { qos, payload, floor }))),
);

function scenario(shape: Shape, { qos, payload, floor }: { qos: number; payload: Payload; floor: Floor }): Scenario {
  const name = `${shape.name}-q${qos}${payload.suffix}`;
  return { name, run: (bench) => sparse(bench, { name, load: { ...shape.load, qos, payload: payload.bytes }, floor }) };
}

async function sparse(bench: Bench, { name, load, floor }: { name: string; load: LoadOptions; floor: Floor }): Promise<Line[]> {
  const { seconds, sparsePairs, sparseWarmupSeconds } = bench.schedule;
  const warming = { ...load, rate: 0, window: 1, warmup: 0, seconds: sparseWarmupSeconds };
  const { subject, peer, aedes } = bench;
  return withServers(bench, { subject, peer, aedes }, async (servers) => {
    const cold = await runRound(bench.generator, servers, { ...load, warmup: 0, seconds }, true);
    await runRound(bench.generator, servers, warming, true);
    const rounds = await runRounds(bench, servers, { name, load: { ...load, warmup: RUN_WARMUP_SECONDS, seconds }, count: sparsePairs });
    return [sparseLine(name, { pairs: pairsWith(rounds, 'peer'), cold, floor }), aedesLine(name, pairsWith(rounds, 'aedes'), SPARSE_AEDES_FLOOR)];
  });
}

export interface SparseFigures {
  readonly pairs: readonly Sides<Figures>[];
  /** Both just started. */
  readonly cold: Sides<Figures>;
  readonly floor: Floor;
}

export function sparseLine(name: string, { pairs, cold, floor }: SparseFigures): Line {
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
    floorText(floor),
  ];
  return { table: TABLE, cells, verdict: lost(subject) > 0 ? 'MISS' : verdict(cost.median, floor) };
}
