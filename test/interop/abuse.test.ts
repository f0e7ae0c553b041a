// Abuse over real sockets, by a process of its own: the gateway stays up, its memory bounded, and a client that behaves is served.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ATTACKS } from '../../scripts/bench/attacks.ts';
import { residentMB } from '../../scripts/bench/proc.ts';
import { quantile } from '../../scripts/bench/statistics.ts';
import { PosternProcess, temporaryDirectory } from '../support/postern-process.ts';

const ATTACK_SECONDS = 1.5;
const IDLE_MS = 500;
/** Most is taken by as many retained messages as are allowed, and by what they left behind for the garbage collector. */
const GROWTH_MB_MAX = 320;
/** `npm run bench -- --only abuse` holds the gateway to 5 times, alone on its core; here attacker, tests and gateway share what there is. */
const TIMES_IDLE_MAX = 5;
const NOISE_MS = 100;

async function roundTrip(client: MqttClient): Promise<number> {
  const began = performance.now();
  const came = new Promise((resolve) => void client.once('message', resolve));
  client.publish('witness', 'x');
  await came;
  return performance.now() - began;
}

async function roundTripsUntil(client: MqttClient, isOver: () => boolean): Promise<number[]> {
  const taken: number[] = [];
  while (!isOver()) taken.push(await roundTrip(client));
  return taken;
}

describe('abuse', () => {
  let gateway: PosternProcess;
  let port = 0;
  let witness: MqttClient;

  beforeEach(async () => {
    const set = (setting: string) => ['--set', setting];
    gateway = new PosternProcess([...['start', '--data', temporaryDirectory()], ...set('mqtt.tcp.bind=127.0.0.1:0'), ...set('mqttSn.udp.enabled=false')]);
    const [, found = ''] = await gateway.prints(/mqtt\.tcp +127\.0\.0\.1:(\d+)\n/);
    port = Number(found);
    witness = connect({ host: '127.0.0.1', port, reconnectPeriod: 0 });
    await witness.subscribeAsync('witness');
  });
  afterEach(() => witness.endAsync(true));

  test.each(Object.keys(ATTACKS))('%s', async (name) => {
    const idleEnd = performance.now() + IDLE_MS;
    const idle = await roundTripsUntil(witness, () => performance.now() > idleEnd);
    const before = residentMB(gateway.pid);
    const attacker = spawn(process.execPath, ['scripts/bench/attacks.ts', name, `${port}`, `${ATTACK_SECONDS}`], { stdio: ['ignore', 'ignore', 'inherit'] });
    const status = once(attacker, 'close');
    const abused = await roundTripsUntil(witness, () => attacker.exitCode !== null);
    expect(await status).toEqual([0, null]);
    expect(witness.connected).toBe(true);
    expect(quantile(abused, 0.99)).toBeLessThan(TIMES_IDLE_MAX * quantile(idle, 0.99) + NOISE_MS);
    expect(residentMB(gateway.pid) - before).toBeLessThan(GROWTH_MB_MAX);
  });
});
