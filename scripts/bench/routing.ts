// Routing at full load: how much CPU a delivered message costs beside Mosquitto, closed loop, 64 bytes.
import type { Bench, Line, Scenario, Table } from './bench.ts';
import { type Floor, floorText, verdict } from './floors.ts';
import { count, ratio, ratioSpread, short } from './format.ts';
import type { Figures, LoadOptions } from './generator.ts';
import { cpu, lost, rate, runPairs, type Sides, withBothServers } from './pairs.ts';
import { median, spread } from './statistics.ts';

const PAYLOAD_BYTES = 64;

const TABLE: Table = {
  title: 'Routing: CPU per delivered message and delivered rate, closed loop, 64 B',
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

function timesBetter(value: number): Floor {
  return { bound: 'at least', value, unit: 'x' };
}

const SHAPES: readonly { readonly name: string; readonly load: LoadOptions; readonly floors: readonly [qos0: Floor, qos1: Floor] }[] = [
  { name: 'pairs', load: { mode: 'p2p', publishers: 50 }, floors: [timesBetter(2.5), timesBetter(3)] },
  { name: 'fanin', load: { mode: 'fanin', publishers: 100 }, floors: [timesBetter(2.5), timesBetter(3)] },
  { name: 'fanout', load: { mode: 'fanout', subscribers: 100 }, floors: [timesBetter(8), timesBetter(8)] },
];

export const routingScenarios: readonly Scenario[] = SHAPES.flatMap(({ name, load, floors }) =>
  floors.map((floor, qos) => ({
    name: `${name}-q${qos}`,
    run: (bench: Bench) => routing(bench, { name: `${name}-q${qos}`, load: { ...load, qos, payload: PAYLOAD_BYTES }, floor }),
  })),
);

async function routing(bench: Bench, { name, load, floor }: { name: string; load: LoadOptions; floor: Floor }): Promise<Line[]> {
  const { pairs: pairCount, seconds, warmupSeconds } = bench.schedule;
  const timed = { ...load, warmup: warmupSeconds, seconds };
  const pairs = await withBothServers(bench, (servers) => runPairs(bench, servers, { name, load: timed, count: pairCount }));
  return [routingLine(name, pairs, floor)];
}

/** A server that loses QoS 1 messages has not met a floor, whatever it saved. */
export function routingLine(name: string, pairs: readonly Sides<Figures>[], floor: Floor): Line {
  const subject = pairs.map((pair) => pair.subject);
  const peer = pairs.map((pair) => pair.peer);
  const better = spread(pairs.map((pair) => cpu(pair.peer) / cpu(pair.subject)));
  const faster = median(pairs.map((pair) => rate(pair.subject) / rate(pair.peer)));
  const isReliable = name.endsWith('-q1');
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
