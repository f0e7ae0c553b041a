// A shared subscription of MQTT.js clients, and a gateway that is killed while they work.
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { PosternProcess, temporaryDirectory } from '../support/postern-process.ts';

const JOBS = 240;
const AT_ONCE = 10;
const WORKERS = ['one', 'two', 'three'];

function gatewayOn(port: number, data: string): PosternProcess {
  const settings = ['--set', `mqtt.tcp.bind=127.0.0.1:${port}`, '--set', 'mqttSn.udp.enabled=false'];
  return new PosternProcess(['start', '--config', 'config/examples/interop.yaml', '--data', data, ...settings]);
}

async function portOf(gateway: PosternProcess): Promise<number> {
  const [, port] = await gateway.prints(/mqtt\.tcp +127\.0\.0\.1:(\d+)\n/);
  return Number(port);
}

/** Keeps its session, and connects again by itself. */
async function client(port: number, clientId: string): Promise<MqttClient> {
  const options: IClientOptions = { host: '127.0.0.1', port, clientId, protocolVersion: 5, clean: false, reconnectPeriod: 20 };
  const made = connect({ ...options, properties: { sessionExpiryInterval: 1_000 } });
  made.on('error', () => undefined); // the gateway is away
  onTestFinished(() => void made.end(true));
  await new Promise<void>((resolve) => made.once('connect', () => resolve()));
  return made;
}

test('MQTT 5 §4.8.2: over a kill, each job at QoS 1 is done at least once, each at QoS 2 once', async () => {
  const data = temporaryDirectory();
  const first = gatewayOn(0, data);
  const port = await portOf(first);
  const done = new Map<string, number>();
  const byWorker = new Map<string, number>();
  for (const name of WORKERS) {
    const worker = await client(port, name);
    worker.on('message', (_, payload) => {
      done.set(payload.toString(), (done.get(payload.toString()) ?? 0) + 1);
      byWorker.set(name, (byWorker.get(name) ?? 0) + 1);
    });
    await worker.subscribeAsync('$share/workers/jobs/#', { qos: 2 });
  }
  const publisher = await client(port, 'publisher');
  const jobs = Array.from({ length: JOBS }, (_, number) => `${number} at ${1 + (number % 2)}`);
  for (let next = 0; next < JOBS; next += AT_ONCE) {
    const batch = jobs.slice(next, next + AT_ONCE).map((job, index) => publisher.publishAsync('jobs/x', job, { qos: index % 2 === 0 ? 1 : 2 }));
    if (next === JOBS / 2) {
      first.kill('SIGKILL');
      await first.ended;
      await portOf(gatewayOn(port, data));
    }
    await Promise.all(batch);
  }
  await expect.poll(() => jobs.filter((job) => !done.has(job)), { timeout: 20_000 }).toEqual([]);
  expect(jobs.filter((job) => job.endsWith('at 2') && done.get(job) !== 1)).toEqual([]);
  expect([...byWorker.keys()].sort()).toEqual([...WORKERS].sort());
}, 60_000);
