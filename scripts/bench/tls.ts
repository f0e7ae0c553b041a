// TLS 1.3 with the same key on both sides and no resumption: what a message costs over it, and what a handshake.
import type { Bench, Line, Scenario, Table } from './bench.ts';
import { floorText, timesBetter, verdict } from './floors.ts';
import { count, ratioSpread, short } from './format.ts';
import { type Figures, figure } from './generator.ts';
import { cpu, lost, runRound, runRounds, type Sides, withServers } from './pairs.ts';
import { median, spread } from './statistics.ts';
import { tlsGenerator } from './tls-load.ts';

const TABLE: Table = { title: 'TLS 1.3, ECDSA P-256, no resumption', columns: ['scenario', 'ours', 'Mosquitto', 'times better', 'lost', 'floor', ''] };
const ROUTING_FLOOR = timesBetter(1);
const HANDSHAKE_FLOOR = timesBetter(0.7);

export const tlsScenarios: readonly Scenario[] = [
  { name: 'tls-pairs-q1', run: routing },
  { name: 'tls-handshakes', run: handshakes },
];

async function routing(bench: Bench): Promise<Line[]> {
  const { pairs, seconds, warmupSeconds: warmup } = bench.schedule;
  const load = { mode: 'p2p', pairs: 50, window: 16, payload: 64, warmup, seconds };
  const generator = tlsGenerator(bench.loadCore);
  const rounds = await withServers(bench, bench.tls, (servers) => runRounds(bench, servers, { name: 'tls-pairs-q1', load, count: pairs, generator }));
  return [tlsRoutingLine(rounds)];
}

export function tlsRoutingLine(rounds: readonly Sides<Figures>[]): Line {
  const lostHere = lost(rounds.map(({ subject }) => subject));
  const better = spread(rounds.map(({ subject, peer }) => cpu(peer) / cpu(subject)));
  const ours = short(median(rounds.map(({ subject }) => cpu(subject))));
  const theirs = short(median(rounds.map(({ peer }) => cpu(peer))));
  const cells = ['tls-pairs-q1, us per message', ours, theirs, ratioSpread(better), count(lostHere), floorText(ROUTING_FLOOR)];
  return { table: TABLE, cells, verdict: lostHere > 0 ? 'MISS' : verdict(better.median, ROUTING_FLOOR) };
}

async function handshakes(bench: Bench): Promise<Line[]> {
  const { pairs, seconds, warmupSeconds: warmup } = bench.schedule;
  const generator = tlsGenerator(bench.loadCore);
  const rounds: Sides<Figures>[] = [];
  await withServers(bench, bench.tls, async (servers) => {
    for (let index = 0; index < pairs; index += 1) {
      rounds.push(await runRound(generator, servers, { mode: 'handshakes', warmup, seconds }, index % 2 === 0));
      bench.say(`tls-handshakes ${index + 1}/${pairs}`);
    }
  });
  return [handshakeLine(rounds)];
}

export function handshakeLine(rounds: readonly Sides<Figures>[]): Line {
  const perCpuSecond = (figures: Figures): number => figure(figures, 'handshakes_per_cpu_s');
  const better = spread(rounds.map(({ subject, peer }) => perCpuSecond(subject) / perCpuSecond(peer)));
  const ours = count(median(rounds.map(({ subject }) => perCpuSecond(subject))));
  const theirs = count(median(rounds.map(({ peer }) => perCpuSecond(peer))));
  return {
    table: TABLE,
    cells: ['tls-handshakes per s of CPU', ours, theirs, ratioSpread(better), '', floorText(HANDSHAKE_FLOOR)],
    verdict: verdict(better.median, HANDSHAKE_FLOOR),
  };
}
