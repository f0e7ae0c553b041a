// Very many messages in the queue of a persistent session: what they take in memory and on the disk, what a restart with them costs, and what it costs to
// deliver them.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench, Line, Scenario, Table } from './bench.ts';
import { type Floor, floorText, timesBetter, type Verdict, verdict } from './floors.ts';
import { connectPersistent } from './footprint.ts';
import { count, ratio, short } from './format.ts';
import { type Figures, figure, type LoadOptions } from './generator.ts';
import { withBothServers } from './pairs.ts';
import { cpuNanoseconds, cpuSeconds, peakResidentMB } from './proc.ts';
import { launch, type Place, type Server, start } from './server.ts';
import { median } from './statistics.ts';

const RESTART_TABLE: Table = { title: 'Restart with very many stored messages of 100 B', columns: ['scenario', 'figure', 'ours', 'floor', ''] };
const DRAIN_TABLE: Table = {
  title: 'Drain: a backlog of messages of 100 B at QoS 1',
  columns: ['messages', 'ours, us of CPU per message', 'Mosquitto', 'ratio', 'lost', 'floor', ''],
};
const CPU_FLOOR: Floor = { bound: 'at most', value: 1.5, unit: ' s' };
const MEMORY_FLOOR: Floor = { bound: 'at most', value: 120, unit: ' MB' };
const DRAIN_FLOOR = timesBetter(2);

const PAYLOAD_BYTES = 100;
/** Of one message in the log: payload, topic (`bench/0/data`), stamp, record and reference. */
const MESSAGE_BYTES = PAYLOAD_BYTES + 12 + 36;
/** Of the file: so many times what lives in it, and this. */
const SPACE_SHARE = 1.5;
const SPACE_SLACK_BYTES = 8 * 1024 * 1024;
const REST_SECONDS_MAX = 60;
const CLIENT_ID = 'bench-durable';
const FULL_GROUPS = { publishers: 8, window: 16 };
const GROUPS_OF_ONE = { publishers: 1, window: 1 };

export const backlogScenarios: readonly Scenario[] = [
  { name: 'restart', run: (bench) => restart(bench, 'restart', FULL_GROUPS) },
  { name: 'restart-ones', run: (bench) => restart(bench, 'restart-ones', GROUPS_OF_ONE) },
  { name: 'drain', run: drain },
];

/** What the disk held after a rest, and how long that took to come within its bound. */
interface Space {
  readonly bytes: number;
  readonly bytesMax: number;
  readonly seconds: number;
}

export interface RestartFigures {
  readonly messages: number;
  readonly storingMB: number;
  readonly stored: Space;
  readonly isSessionPresent: boolean;
  readonly cpuSeconds: number;
  readonly drainingMB: number;
  readonly drained: Figures;
  readonly empty: Space;
}

async function restart(bench: Bench, name: string, load: LoadOptions): Promise<Line[]> {
  const place = await bench.freshPlace();
  const messages = bench.schedule.stored;
  const ackFile = { 'ack-file': join(place.directory, 'acknowledged') };
  const storing = await start(bench.subject, place, { core: bench.serverCore });
  await bench.generator.run(storing, { mode: 'dursub' });
  await bench.generator.run(storing, { mode: 'durpub', payload: PAYLOAD_BYTES, ...load, ...ackFile, messages });
  const storingMB = peakResidentMB(storing.pid);
  bench.say(`${name}: ${count(messages)} stored, ${storingMB.toFixed(1)} MB resident at most`);
  const stored = await rested(place, messages * MESSAGE_BYTES);
  await storing.stop();
  const draining = launch(bench.subject, place, { core: bench.serverCore });
  const isSessionPresent = await connectPersistent(place, CLIENT_ID);
  const seconds = cpuSeconds(draining.pid);
  bench.say(`${name}: ${seconds.toFixed(2)} s of CPU until CONNACK`);
  const drained = await bench.generator.run(draining, { mode: 'durdrain', ...ackFile });
  const drainingMB = peakResidentMB(draining.pid);
  const empty = await rested(place, 0);
  await draining.stop();
  return restartLines(name, { messages, storingMB, stored, isSessionPresent, cpuSeconds: seconds, drainingMB, drained, empty });
}

/** Waits until the data directory is as small as it must be after a minute. */
async function rested(place: Place, liveBytes: number): Promise<Space> {
  const bytesMax = SPACE_SHARE * liveBytes + SPACE_SLACK_BYTES;
  const startedMs = performance.now();
  const elapsedSeconds = (): number => (performance.now() - startedMs) / 1000;
  while (dataBytes(place) > bytesMax && elapsedSeconds() < REST_SECONDS_MAX) await delay(500);
  return { bytes: dataBytes(place), bytesMax, seconds: elapsedSeconds() };
}

function dataBytes({ directory }: Place): number {
  const data = join(directory, 'data');
  return readdirSync(data).reduce((sum, file) => sum + (statSync(join(data, file), { throwIfNoEntry: false })?.size ?? 0), 0);
}

export function restartLines(name: string, figures: RestartFigures): Line[] {
  const { messages, storingMB, stored, isSessionPresent, drainingMB, drained, empty } = figures;
  const lost = figure(drained, 'acked_lost');
  const line = (what: string, text: string, floor: string, judged: Verdict | undefined): Line => ({
    table: RESTART_TABLE,
    cells: [name, what, text, floor],
    verdict: judged,
  });
  const judgedBy = (what: string, value: number, floor: Floor): Line => line(what, short(value), floorText(floor), verdict(value, floor));
  const space = (what: string, { bytes, bytesMax, seconds }: Space): Line =>
    line(`${what}, MB (${Math.ceil(seconds)} s later)`, megabytes(bytes), `≤ ${megabytes(bytesMax)} MB`, bytes <= bytesMax ? 'PASS' : 'MISS');
  return [
    judgedBy(`RSS at most while ${count(messages)} are stored, MB`, storingMB, MEMORY_FLOOR),
    space('file and log at rest with all of them', stored),
    judgedBy(`CPU from the start to CONNACK${isSessionPresent ? '' : ' LOST'}, s`, isSessionPresent ? figures.cpuSeconds : Number.POSITIVE_INFINITY, CPU_FLOOR),
    judgedBy('RSS at most while they are drained, MB', drainingMB, MEMORY_FLOOR),
    line('lost', count(lost), '0', lost === 0 ? 'PASS' : 'MISS'),
    space('file and log at rest without them', empty),
  ];
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

export interface DrainFigures {
  readonly cpuUs: number;
  readonly lost: number;
}

async function drain(bench: Bench): Promise<Line[]> {
  const messages = bench.schedule.stored / 2;
  const subject: DrainFigures[] = [];
  const peer: DrainFigures[] = [];
  for (let round = 0; round < bench.schedule.rounds; round += 1) {
    await withBothServers(bench, async (servers) => {
      const place = await bench.freshPlace();
      subject.push(await drained(bench, servers.subject, join(place.directory, 'ours'), messages));
      peer.push(await drained(bench, servers.peer, join(place.directory, 'theirs'), messages));
    });
    bench.say(`drain ${round + 1}/${bench.schedule.rounds}: us per message ${subject.at(-1)?.cpuUs.toFixed(2)}, Mosquitto ${peer.at(-1)?.cpuUs.toFixed(2)}`);
  }
  return [drainLine(messages, subject, peer)];
}

async function drained(bench: Bench, server: Server, ackFile: string, messages: number): Promise<DrainFigures> {
  await bench.generator.run(server, { mode: 'dursub' });
  await bench.generator.run(server, { mode: 'durpub', payload: PAYLOAD_BYTES, ...FULL_GROUPS, 'ack-file': ackFile, messages });
  const before = cpuNanoseconds(server.pid);
  const figures = await bench.generator.run(server, { mode: 'durdrain', 'ack-file': ackFile });
  return { cpuUs: (cpuNanoseconds(server.pid) - before) / 1000 / figure(figures, 'received'), lost: figure(figures, 'acked_lost') };
}

export function drainLine(messages: number, subject: readonly DrainFigures[], peer: readonly DrainFigures[]): Line {
  const ratios = subject.map(({ cpuUs }, round) => (peer[round]?.cpuUs ?? Number.NaN) / cpuUs);
  const lost = subject.reduce((sum, each) => sum + each.lost, 0);
  const middle = (sides: readonly DrainFigures[]): string => median(sides.map(({ cpuUs }) => cpuUs)).toFixed(2);
  const cells = [count(messages), middle(subject), middle(peer), ratio(median(ratios)), count(lost), `${floorText(DRAIN_FLOOR)}, 0 lost`];
  return { table: DRAIN_TABLE, cells, verdict: lost === 0 ? verdict(median(ratios), DRAIN_FLOOR) : 'MISS' };
}
