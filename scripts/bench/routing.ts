// Routing at full load: how much CPU a delivered message costs beside Mosquitto and aedes, closed loop.
import { aedesLine, BATCHED_AEDES_FLOOR } from './aedes.ts';
import type { Bench, Line, Scenario, Table } from './bench.ts';
import { type Floor, floorText, timesBetter, verdict } from './floors.ts';
import { count, ratio, ratioSpread, short } from './format.ts';
import type { Figures, LoadOptions } from './generator.ts';
import { cpu, lost, pairsWith, rate, runRounds, type Sides, withServers } from './pairs.ts';
import { PAYLOADS, type Payload } from './payloads.ts';
import { median, spread } from './statistics.ts';

const TABLE: Table = {
  title: 'Routing: CPU per delivered message and delivered rate, closed loop',
  columns: [
    'scenario',
    'us per message',
    'Mosquitto',
    'Mosquitto ÷ ours',
    'delivered/s',
    'Mosquitto',
    'ours ÷ Mosquitto',
    'lost',
    'Mosquitto lost',
    'floor',
    '',
  ],
};

interface Shape {
  readonly name: string;
  readonly load: LoadOptions;
  /** By QoS. */
  readonly floors: readonly Floor[];
}

const SHAPES: readonly Shape[] = [
  { name: 'pairs', load: { mode: 'p2p', publishers: 50 }, floors: [timesBetter(3), timesBetter(4), timesBetter(4)] },
  { name: 'fanin', load: { mode: 'fanin', publishers: 100 }, floors: [timesBetter(3), timesBetter(4), timesBetter(4)] },
  { name: 'fanout', load: { mode: 'fanout', subscribers: 100 }, floors: [timesBetter(10), timesBetter(8)] },
];

export const routingScenarios: readonly Scenario[] = SHAPES.flatMap((shape) =>
  shape.floors.flatMap((floor, qos) => PAYLOADS.map((payload) => scenario(shape, { qos, payload, floor }))),
);

function scenario(shape: Shape, { qos, payload, floor }: { qos: number; payload: Payload; floor: Floor }): Scenario {
  const name = `${shape.name}-q${qos}${payload.suffix}`;
  return { name, run: (bench) => routing(bench, { name, load: { ...shape.load, qos, payload: payload.bytes }, floor }) };
}

async function routing(bench: Bench, { name, load, floor }: { name: string; load: LoadOptions; floor: Floor }): Promise<Line[]> {
  const { pairs: roundCount, seconds, warmupSeconds } = bench.schedule;
  const timed = { ...load, warmup: warmupSeconds, seconds };
  const { subject, peer, aedes } = bench;
  const rounds = await withServers(bench, { subject, peer, aedes }, (servers) => runRounds(bench, servers, { name, load: timed, count: roundCount }));
  return [routingLine(name, pairsWith(rounds, 'peer'), floor), aedesLine(name, pairsWith(rounds, 'aedes'), BATCHED_AEDES_FLOOR)];
}

/** A server that loses QoS 1 or 2 messages has not met a floor, whatever it saved. */
export function routingLine(name: string, pairs: readonly Sides<Figures>[], floor: Floor): Line {
  const subject = pairs.map((pair) => pair.subject);
  const peer = pairs.map((pair) => pair.peer);
  const better = spread(pairs.map((pair) => cpu(pair.peer) / cpu(pair.subject)));
  const faster = median(pairs.map((pair) => rate(pair.subject) / rate(pair.peer)));
  const isReliable = !name.includes('-q0');
  const cells = [
    name,
    short(median(subject.map(cpu))),
    short(median(peer.map(cpu))),
    ratioSpread(better),
    count(median(subject.map(rate))),
    count(median(peer.map(rate))),
    ratio(faster),
    count(lost(subject)),
    count(lost(peer)),
    floorText(floor),
  ];
  return { table: TABLE, cells, verdict: isReliable && lost(subject) > 0 ? 'MISS' : verdict(better.median, floor) };
}
