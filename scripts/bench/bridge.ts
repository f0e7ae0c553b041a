// Bridges: what it costs to carry messages to a Mosquitto, live and from a backlog, what one whose remote is dead costs the others, and what one costs
// that carries nothing. Both gateways keep what they acknowledged; the remote is a Mosquitto on the generator's processor.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench, Line, Scenario, Table } from './bench.ts';
import { type Floor, floorText, timesBetter, verdict } from './floors.ts';
import { count, ratio, short } from './format.ts';
import { figure, type LoadOptions } from './generator.ts';
import type { Sides } from './pairs.ts';
import { cpuNanoseconds, residentMB } from './proc.ts';
import { freePort, type Place, type Server, type Subject, start } from './server.ts';
import { median } from './statistics.ts';
import { withBridges } from './subjects.ts';

const FORWARD_TABLE: Table = {
  title: 'Bridge: QoS 1 to a Mosquitto, 100 B, kept until it is acknowledged there',
  columns: ['scenario', 'messages', 'ours, us of CPU per message', "Mosquitto's bridge", 'ratio', 'ours/s', 'its/s', 'lost', 'floor', ''],
};
const OTHERS_TABLE: Table = { title: 'Bridges that share a gateway', columns: ['figure', 'ours', 'floor', ''] };
const FORWARD_FLOOR = timesBetter(1);
const DRAIN_FLOOR = timesBetter(2);
const DEAD_FLOOR: Floor = { bound: 'at least', value: 0.95, unit: 'x' };
const IDLE_FLOOR: Floor = { bound: 'at most', value: 1, unit: ' MB' };

const LOAD = { payload: 100, publishers: 8, window: 16 } as const;
/** Of the messages a restart is measured with. */
const BACKLOG_SHARE = 0.5;
const FORWARD_SHARE = 0.2;
const BRIDGES = 10;
const IDLE_BRIDGES = 50;
const SETTLE_SECONDS = 15;
const IDLE_MS = 3_000;
const ALL = 'bench/#';

export const bridgeScenarios: readonly Scenario[] = [
  { name: 'bridge-forward', run: (bench) => compared(bench, { name: 'bridge-forward', share: FORWARD_SHARE, floor: FORWARD_FLOOR, carried: forwarded }) },
  { name: 'bridge-drain', run: (bench) => compared(bench, { name: 'bridge-drain', share: BACKLOG_SHARE, floor: DRAIN_FLOOR, carried: drained }) },
  { name: 'bridge-dead', run: dead },
  { name: 'bridge-idle', run: idle },
];

/** What one gateway had of carrying so many messages. */
export interface Carried {
  readonly cpuUs: number;
  readonly perSecond: number;
  readonly lost: number;
}

interface Carriage {
  readonly subject: Subject;
  /** Of the remote, which keeps its sessions when it is stopped. */
  readonly remote: Place;
  readonly messages: number;
  /** Published before, which warms up, and leaves in the queue what its remote does not take. */
  readonly backlog?: LoadOptions;
}

interface Comparison {
  readonly name: string;
  /** Of the schedule's stored messages. */
  readonly share: number;
  readonly floor: Floor;
  carried(bench: Bench, carriage: Carriage): Promise<Carried>;
}

async function compared(bench: Bench, { name, share, floor, carried }: Comparison): Promise<Line[]> {
  const messages = bench.schedule.stored * share;
  const rounds: Sides<Carried>[] = [];
  for (let index = 0; index < bench.schedule.rounds; index += 1) {
    const one = async (side: keyof Sides<Subject>): Promise<Carried> => {
      const remote = await bench.freshPlace();
      const subject = bench.bridging([{ name: 'centre', port: remote.port, filter: ALL }])[side];
      return carried(bench, { subject, remote, messages });
    };
    const round = { subject: await one('subject'), peer: await one('peer') };
    rounds.push(round);
    bench.say(`${name} ${index + 1}/${bench.schedule.rounds}: us per message ${round.subject.cpuUs.toFixed(2)}, Mosquitto ${round.peer.cpuUs.toFixed(2)}`);
  }
  return [carriedLine(name, { messages, rounds, floor })];
}

export function carriedLine(
  name: string,
  { messages, rounds, floor }: { readonly messages: number; readonly rounds: readonly Sides<Carried>[]; readonly floor: Floor },
): Line {
  const times = median(rounds.map(({ subject, peer }) => peer.cpuUs / subject.cpuUs));
  const middle = (side: keyof Sides<Carried>, of: 'cpuUs' | 'perSecond'): number => median(rounds.map((round) => round[side][of]));
  const lost = rounds.reduce((sum, { subject }) => sum + subject.lost, 0);
  const costs = [middle('subject', 'cpuUs').toFixed(2), middle('peer', 'cpuUs').toFixed(2), ratio(times)];
  const rates = [count(middle('subject', 'perSecond')), count(middle('peer', 'perSecond'))];
  const cells = [name, count(messages), ...costs, ...rates, count(lost), `${floorText(floor)}, 0 lost`];
  return { table: FORWARD_TABLE, cells, verdict: lost === 0 ? verdict(times, floor) : 'MISS' };
}

/** The remote is there; from the first message published to the last one arrived there. */
async function forwarded(bench: Bench, { subject, remote, messages, backlog }: Carriage): Promise<Carried> {
  const centre = await start(bench.peer, remote, { core: bench.loadCore });
  await bench.generator.run(centre, { mode: 'dursub' });
  const place = await bench.freshPlace();
  const gateway = await start(subject, place, { core: bench.serverCore });
  await delay(IDLE_MS); // connected by then
  if (backlog !== undefined) {
    const file = { 'ack-file': join(place.directory, 'backlog') };
    await bench.generator.run(gateway, { mode: 'durpub', ...backlog, ...file });
    await bench.generator.run(centre, { mode: 'durdrain', ...file });
  }
  const carried = await measured(gateway, async () => {
    await bench.generator.run(gateway, { mode: 'durpub', ...LOAD, ...ackFile(place), messages });
    return bench.generator.run(centre, { mode: 'durdrain', ...ackFile(place), settle: SETTLE_SECONDS });
  });
  await gateway.stop();
  await centre.stop();
  return carried;
}

/** The remote was away while they were published; from its return to the last one arrived there. */
async function drained(bench: Bench, { subject, remote, messages }: Carriage): Promise<Carried> {
  const before = await start(bench.persistentPeer, remote, { core: bench.loadCore });
  await bench.generator.run(before, { mode: 'dursub' });
  await before.stop();
  const place = await bench.freshPlace();
  const gateway = await start(subject, place, { core: bench.serverCore });
  await bench.generator.run(gateway, { mode: 'durpub', ...LOAD, ...ackFile(place), messages });
  const centre = await start(bench.persistentPeer, remote, { core: bench.loadCore });
  const carried = await measured(gateway, () => bench.generator.run(centre, { mode: 'durdrain', ...ackFile(place), settle: SETTLE_SECONDS }));
  await gateway.stop();
  await centre.stop();
  return carried;
}

async function measured(gateway: Server, carry: () => ReturnType<Bench['generator']['run']>): Promise<Carried> {
  const fromNs = cpuNanoseconds(gateway.pid);
  const fromMs = performance.now();
  const figures = await carry();
  const received = figure(figures, 'received');
  return {
    cpuUs: (cpuNanoseconds(gateway.pid) - fromNs) / 1000 / received,
    perSecond: received / ((performance.now() - fromMs) / 1000),
    lost: figure(figures, 'acked_lost'),
  };
}

function ackFile({ directory }: Place): { readonly 'ack-file': string } {
  return { 'ack-file': join(directory, 'acknowledged') };
}

/** Eight bridges carry and one is idle; the tenth is idle too in one half of the rounds, and in the other it has a backlog and no remote. */
async function dead(bench: Bench): Promise<Line[]> {
  const messages = bench.schedule.stored * FORWARD_SHARE;
  const ratios: number[] = [];
  for (let index = 0; index < bench.schedule.rounds; index += 1) {
    const alive = await amongTen(bench, messages, 'alive');
    const without = await amongTen(bench, messages, 'dead');
    ratios.push(alive.lost + without.lost > 0 ? 0 : alive.cpuUs / without.cpuUs);
    bench.say(`bridge-dead ${index + 1}/${bench.schedule.rounds}: us per message ${alive.cpuUs.toFixed(2)}, with one of ten dead ${without.cpuUs.toFixed(2)}`);
  }
  const kept = median(ratios);
  const cells = ['messages per second of CPU, one of ten dead against all alive', ratio(kept), `${floorText(DEAD_FLOOR)}, 0 lost`];
  return [{ table: OTHERS_TABLE, cells, verdict: verdict(kept, DEAD_FLOOR) }];
}

async function amongTen(bench: Bench, messages: number, tenth: 'alive' | 'dead'): Promise<Carried> {
  const remote = await bench.freshPlace();
  const nowhere = await freePort();
  const bridges = Array.from({ length: BRIDGES }, (_, index) => ({
    name: `b${index}`,
    port: index === BRIDGES - 1 && tenth === 'dead' ? nowhere : remote.port,
    filter: index === BRIDGES - 1 ? `bench/${LOAD.publishers}/#` : `bench/${index}/#`,
  }));
  const backlog = { ...LOAD, publishers: LOAD.publishers + 1, messages: messages / 2 };
  return forwarded(bench, { subject: withBridges(bench.subject, bridges), remote, messages, backlog });
}

/** The slope from none to fifty that are connected. */
async function idle(bench: Bench): Promise<Line[]> {
  const remote = await bench.freshPlace();
  const centre = await start(bench.peer, remote, { core: bench.loadCore });
  const residentWith = async (bridges: number): Promise<number> => {
    const listed = Array.from({ length: bridges }, (_, index) => ({ name: `b${index}`, port: remote.port, filter: `site/${index}/#` }));
    const place = await bench.freshPlace();
    mkdirSync(join(place.directory, 'data'), { recursive: true });
    const gateway = await start(withBridges(bench.subject, listed), place, { core: bench.serverCore });
    await delay(IDLE_MS);
    const resident = residentMB(gateway.pid);
    await gateway.stop();
    return resident;
  };
  const none = await residentWith(1); // the first one loads the code of bridges
  const all = await residentWith(IDLE_BRIDGES);
  await centre.stop();
  const each = (all - none) / (IDLE_BRIDGES - 1);
  bench.say(`bridge-idle: ${none.toFixed(1)} MB with one, ${all.toFixed(1)} MB with ${IDLE_BRIDGES}`);
  return [
    {
      table: OTHERS_TABLE,
      cells: [`MB per idle bridge (1 to ${IDLE_BRIDGES} of them)`, short(each), floorText(IDLE_FLOOR)],
      verdict: verdict(each, IDLE_FLOOR),
    },
  ];
}
