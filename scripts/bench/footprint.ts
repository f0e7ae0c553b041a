// What the server costs when nothing happens: memory, the start, idle connections.
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { generate, parser } from 'mqtt-packet';
import type { Bench, Line, Scenario, Table } from './bench.ts';
import { type Floor, floorText, verdict } from './floors.ts';
import { count, short } from './format.ts';
import { figure } from './generator.ts';
import { withBothServers } from './pairs.ts';
import { cpuSeconds, residentMB } from './proc.ts';
import { launch, type Place, start } from './server.ts';
import { median } from './statistics.ts';

const TABLE: Table = { title: 'Footprint', columns: ['figure', 'ours', 'Mosquitto', 'floor', ''] };
const MEMORY_FLOOR: Floor = { bound: 'at most', value: 70, unit: ' MB' };
const START_FLOOR: Floor = { bound: 'at most', value: 0.4, unit: ' s' };
/** Nothing is waited for: "idle" means that this much time passed without a client. */
const IDLE_MS = 3000;
const CONNECTIONS_FROM = 1_000;
const CONNECTIONS = 10_000;
const CONNECTION_FLOOR: Floor = { bound: 'at most', value: 8, unit: ' KiB' };
const NO_PEER = '–';

export const footprintScenarios: readonly Scenario[] = [
  { name: 'memory', run: memory },
  { name: 'start', run: startUp },
  { name: 'connections', run: connections },
];

async function memory(bench: Bench): Promise<Line[]> {
  const { subject, peer } = await withBothServers(bench, async (servers) => {
    await delay(IDLE_MS);
    return { subject: residentMB(servers.subject.pid), peer: residentMB(servers.peer.pid) };
  });
  bench.say(`memory: ${subject.toFixed(1)} MB resident when idle`);
  const cells = ['idle RSS, MB', subject.toFixed(1), peer.toFixed(1), floorText(MEMORY_FLOOR)];
  return [{ table: TABLE, cells, verdict: verdict(subject, MEMORY_FLOOR) }];
}

/** CPU time from the start of the process to the CONNACK of a session that was there before the restart. */
async function startUp(bench: Bench): Promise<Line[]> {
  const place = await bench.freshPlace();
  const first = await start(bench.subject, place, { core: bench.serverCore });
  await connectPersistent(place);
  await first.stop();
  const starts: Restart[] = [];
  for (let index = 0; index < bench.schedule.starts; index += 1) {
    const last = await restart(bench, place);
    starts.push(last);
    bench.say(`start ${index + 1}/${bench.schedule.starts}: ${last.seconds.toFixed(2)} s of CPU until CONNACK`);
  }
  const seconds = median(starts.map((each) => each.seconds));
  const isPresent = starts.every((each) => each.isSessionPresent);
  const name = `start to CONNACK of a stored session, s of CPU${isPresent ? '' : ' LOST'}`;
  const cells = [name, seconds.toFixed(2), NO_PEER, floorText(START_FLOOR)];
  return [{ table: TABLE, cells, verdict: isPresent ? verdict(seconds, START_FLOOR) : 'MISS' }];
}

interface Restart {
  readonly seconds: number;
  readonly isSessionPresent: boolean;
}

async function restart(bench: Bench, place: Place): Promise<Restart> {
  const server = launch(bench.subject, place, { core: bench.serverCore });
  const isSessionPresent = await connectPersistent(place);
  const seconds = cpuSeconds(server.pid);
  await server.stop();
  return { seconds, isSessionPresent };
}

const CONNECT_SECONDS_MAX = 30;
const POLL_MS = 5;

/** Connects as soon as the port answers. @returns whether the server still had the session. */
export async function connectPersistent({ port }: Place, clientId = 'bench-start'): Promise<boolean> {
  const deadline = performance.now() + CONNECT_SECONDS_MAX * 1000;
  while (performance.now() < deadline) {
    const isSessionPresent = await handshake(port, clientId);
    if (isSessionPresent !== 'refused') return isSessionPresent;
    await delay(POLL_MS);
  }
  throw new Error(`no CONNACK on port ${port} in ${CONNECT_SECONDS_MAX} s`);
}

function handshake(port: number, clientId: string): Promise<boolean | 'refused'> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const packets = parser({ protocolVersion: 4 });
    packets.on('packet', (packet) => {
      if (packet.cmd !== 'connack' || packet.returnCode !== 0) return reject(new Error(`the server answered CONNECT with ${JSON.stringify(packet)}`));
      socket.end(generate({ cmd: 'disconnect' }));
      resolve(packet.sessionPresent);
    });
    packets.on('error', reject);
    socket.on('error', () => resolve('refused'));
    socket.on('data', (bytes) => packets.parse(bytes));
    socket.write(generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: false, clientId, keepalive: 60 }));
  });
}

/** The slope from 1,000 to 10,000: what the first ones make the server load and reserve is not theirs. */
async function connections(bench: Bench): Promise<Line[]> {
  const load = { mode: 'conn', from: CONNECTIONS_FROM, connections: CONNECTIONS, rest: bench.schedule.restSeconds };
  const { subject, peer } = await withBothServers(bench, async (servers) => ({
    subject: await bench.generator.run(servers.subject, load),
    peer: await bench.generator.run(servers.peer, load),
  }));
  const each = `(idle, ${count(CONNECTIONS_FROM)} to ${count(CONNECTIONS)} of them)`;
  const line = (name: string, key: string, print: (value: number) => string): Line => ({
    table: TABLE,
    cells: [`${name} ${each}`, print(figure(subject, key)), print(figure(peer, key)), ''],
    verdict: undefined,
  });
  const kib = figure(subject, 'kib_per_connection');
  bench.say(`connections: ${kib} KiB each`);
  const memoryCells = [`KiB per connection ${each}`, short(kib), short(figure(peer, 'kib_per_connection')), floorText(CONNECTION_FLOOR)];
  return [
    line('connections/s', 'connections_per_s', count),
    line('us of CPU per connection', 'server_cpu_us_per_connection', short),
    { table: TABLE, cells: memoryCells, verdict: verdict(kib, CONNECTION_FLOOR) },
  ];
}
