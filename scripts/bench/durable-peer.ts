// Messages that are on the disk when they are acknowledged, beside Mosquitto with persistence, which acknowledges first and saves later: QoS 1 to an
// offline persistent session at several depths of pipelining. Both are killed in full flow, and what each has lost is told.
import { join } from 'node:path';
import type { Bench, Line, Scenario, Table } from './bench.ts';
import { type Floor, floorText, timesBetter, verdict } from './floors.ts';
import { count, range, ratio, ratioSpread } from './format.ts';
import { type Figures, figure } from './generator.ts';
import type { Sides } from './pairs.ts';
import { type Subject, start } from './server.ts';
import { median, spread } from './statistics.ts';
import { withCommitter } from './subjects.ts';

const TABLE: Table = {
  title: 'Durable beside Mosquitto with persistence: QoS 1 to an offline persistent session, both killed in full flow',
  columns: ['scenario', 'in flight', 'acked/s', 'Mosquitto', 'ours ÷ Mosquitto', 'acked', 'lost', 'Mosquitto acked', 'Mosquitto lost', 'floor', ''],
};

interface Depth {
  readonly publishers: number;
  readonly window: number;
  readonly floor: Floor;
}

const DEPTHS: readonly Depth[] = [
  { publishers: 4, window: 4, floor: timesBetter(0.5) },
  { publishers: 8, window: 16, floor: timesBetter(1) },
  { publishers: 8, window: 80, floor: timesBetter(2) },
];
const PAYLOAD_BYTES = 64;

export const durablePeerScenarios: readonly Scenario[] = DEPTHS.flatMap((depth) =>
  (['inline', 'worker'] as const).map((committer) => {
    const name = `durable-peer-${inFlightOf(depth)}-${committer}`;
    return { name, run: (bench: Bench) => besidePeer(bench, { name, depth, subject: withCommitter(bench.subject, committer) }) };
  }),
);

/** One server filled, killed, started again and drained. */
export interface KilledRun {
  readonly filled: Figures;
  readonly drained: Figures;
}

async function besidePeer(bench: Bench, { name, depth, subject }: { name: string; depth: Depth; subject: Subject }): Promise<Line[]> {
  const rounds: Sides<KilledRun>[] = [];
  for (let index = 0; index < bench.schedule.rounds; index += 1) {
    const ours = await killedRun(bench, subject, depth);
    const theirs = await killedRun(bench, bench.persistentPeer, depth);
    rounds.push({ subject: ours, peer: theirs });
    bench.say(`${name} ${index + 1}/${bench.schedule.rounds}: acked/s ${count(ackedPerSecond(ours))}, Mosquitto ${count(ackedPerSecond(theirs))}`);
  }
  return [durablePeerLine(name, rounds, depth)];
}

async function killedRun(bench: Bench, subject: Subject, { publishers, window }: Depth): Promise<KilledRun> {
  const place = await bench.freshPlace();
  const options = { core: bench.serverCore };
  const { seconds, warmupSeconds: warmup } = bench.schedule;
  const ackFile = { 'ack-file': join(place.directory, 'acknowledged') };
  const filling = await start(subject, place, options);
  await bench.generator.run(filling, { mode: 'dursub' });
  const filled = await bench.generator.run(filling, { mode: 'durpub', publishers, window, payload: PAYLOAD_BYTES, ...ackFile, warmup, seconds, kill: true });
  await filling.ended();
  const draining = await start(subject, place, options);
  const drained = await bench.generator.run(draining, { mode: 'durdrain', ...ackFile });
  await draining.stop();
  return { filled, drained };
}

/** A line that does not pass because something was lost says so in its first cell. */
export function durablePeerLine(name: string, rounds: readonly Sides<KilledRun>[], depth: Depth): Line {
  const faster = spread(rounds.map(({ subject, peer }) => ackedPerSecond(subject) / ackedPerSecond(peer)));
  const ours = rounds.map(({ subject }) => subject);
  const theirs = rounds.map(({ peer }) => peer);
  const isWhole = sum(ours, 'acked_lost') === 0 && sum(ours, 'checked') >= sum(ours, 'acked') && sum(ours, 'acked') > 0;
  const cells = [
    isWhole ? name : `${name} LOST`,
    `${inFlightOf(depth)}`,
    count(median(ours.map(ackedPerSecond))),
    count(median(theirs.map(ackedPerSecond))),
    rounds.length > 3 ? ratioSpread(faster) : `${ratio(faster.median)} (${range(faster)})`,
    count(sum(ours, 'acked')),
    count(sum(ours, 'acked_lost')),
    count(sum(theirs, 'acked')),
    count(sum(theirs, 'acked_lost')),
    `${floorText(depth.floor)}, 0 lost`,
  ];
  return { table: TABLE, cells, verdict: isWhole ? verdict(faster.median, depth.floor) : 'MISS' };
}

function inFlightOf({ publishers, window }: Pick<Depth, 'publishers' | 'window'>): number {
  return publishers * window;
}

function ackedPerSecond({ filled }: KilledRun): number {
  return figure(filled, 'acked_per_s');
}

function sum(runs: readonly KilledRun[], name: 'acked' | 'acked_lost' | 'checked'): number {
  return runs.reduce((total, { drained }) => total + figure(drained, name), 0);
}
