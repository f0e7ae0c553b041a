// Bridges added, changed and removed while the gateway runs, against Debian's Mosquitto.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { connectAsync, type MqttClient } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { startMosquitto } from '../support/mosquitto-process.ts';
import { describeWithPeers, peer } from '../support/peers.ts';
import { PosternProcess, temporaryDirectory } from '../support/postern-process.ts';

interface Running {
  readonly process: PosternProcess;
  readonly port: number;
  /** Writes the file anew and has it read. */
  reload(bridges: readonly string[]): void;
}

async function running(bridges: readonly string[]): Promise<Running> {
  const file = join(temporaryDirectory(), 'postern.yaml');
  const write = (list: readonly string[]): void => writeFileSync(file, `bridges: [${list.join(', ')}]\n`);
  write(bridges);
  const settings = ['mqtt.tcp.bind=127.0.0.1:0', 'mqttSn.udp.enabled=false'].flatMap((setting) => ['--set', setting]);
  const process = new PosternProcess(['start', '--config', file, '--data', temporaryDirectory(), ...settings]);
  const [, port = ''] = await process.prints(/mqtt\.tcp +127\.0\.0\.1:(\d+)\n/);
  const reload = (list: readonly string[]): void => {
    write(list);
    process.kill('SIGHUP');
  };
  return { process, port: Number(port), reload };
}

async function client(port: number, options: object = {}): Promise<MqttClient> {
  const made = await connectAsync({ port, host: '127.0.0.1', protocolVersion: 5, ...options });
  onTestFinished(() => void made.end(true));
  return made;
}

function bridge(name: string, port: number, more = ''): string {
  return `{name: ${name}, address: "127.0.0.1:${port}", retry: {capSeconds: 1}, topics: [{filter: "readings/#", remotePrefix: ${name}/}]${more}}`;
}

/** Resolves with the first `count` payloads below `filter`. */
async function payloads(from: MqttClient, filter: string, count: number): Promise<string[]> {
  const seen: string[] = [];
  const all = new Promise<void>((resolve) => {
    from.on('message', (_topic, payload) => {
      seen.push(payload.toString());
      if (seen.length === count) resolve();
    });
  });
  await from.subscribeAsync(filter, { qos: 1 });
  await all;
  return seen;
}

/** A broker that lets everybody in, 5.0, and knows of no session. `cleanStarts`: what each CONNECT said. */
async function letsIn(): Promise<{ readonly port: number; readonly cleanStarts: boolean[] }> {
  const cleanStarts: boolean[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (connect) => {
      const flags = connect[connect.indexOf('MQTT') + 5] ?? 0;
      cleanStarts.push((flags & 2) !== 0);
      socket.write(Buffer.from([0x20, 3, 0, 0, 0]));
    });
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, cleanStarts };
}

test('a broker that comes back into the configuration is told to forget what it knew before another one took its place', async () => {
  const [first, second] = [await letsIn(), await letsIn()];
  const { process, reload } = await running([bridge('moves', first.port)]);
  await process.prints(/bridge connected/);
  reload([bridge('moves', second.port)]);
  await process.prints(/(bridge connected[\s\S]*){2}/);
  reload([bridge('moves', first.port)]);
  await process.prints(/(bridge connected[\s\S]*){3}/);
  expect([first.cleanStarts, second.cleanStarts]).toEqual([[false, true], [false]]);
});

describeWithPeers(['mosquitto', 'mosquitto_passwd'], 'the list of bridges changes', () => {
  test('one is added, one is changed, one is removed; the one that stays keeps its connection', async () => {
    const centre = await startMosquitto();
    const { process, port, reload } = await running([bridge('stays', centre.port), bridge('goes', centre.port), bridge('moves', 9)]);
    await process.prints(/"bridge":"goes".*bridge connected|bridge connected.*"bridge":"goes"/);
    reload([bridge('stays', centre.port), bridge('moves', centre.port), bridge('comes', centre.port)]);
    for (const told of [/bridge removed.*"bridge":"goes"|"bridge":"goes".*bridge removed/, /"bridge":"moves"/, /"bridge":"comes"/]) await process.prints(told);
    await process.prints(/bridge added/);
    const there = await client(centre.port);
    const arrived = payloads(there, '+/readings/#', 3);
    const here = await client(port);
    await here.publishAsync('readings/t', '1', { qos: 1 });
    await arrived;
    expect(process.output.match(/bridge connected[^\n]*stays|stays[^\n]*bridge connected/g)).toHaveLength(1);
    expect(process.output).not.toMatch(/bridge disconnected[^\n]*"stays"/);
  });

  test('what waited for a bridge that is changed goes to where it leads now', async () => {
    const centre = await startMosquitto();
    const { process, port, reload } = await running([bridge('moves', 9)]);
    const here = await client(port);
    for (const payload of ['1', '2', '3']) await here.publishAsync('readings/t', payload, { qos: 1 });
    const there = await client(centre.port);
    const arrived = payloads(there, 'moves/#', 3);
    reload([bridge('moves', centre.port)]);
    expect(await arrived).toEqual(['1', '2', '3']);
    await process.prints(/bridge changed/);
  });

  test('a wrong list changes nothing', async () => {
    const centre = await startMosquitto();
    const { process, reload } = await running([bridge('stays', centre.port)]);
    await process.prints(/bridge connected/);
    reload([bridge('stays', centre.port), '{name: bad}']);
    await process.prints(/reload refused/);
    expect(process.output).not.toContain('bridge disconnected');
  });

  test('a new password is taken over whichever end knows it first', async () => {
    const directory = temporaryDirectory();
    const [users, secret] = [join(directory, 'users'), join(directory, 'password')];
    const setUser = (password: string): void => void execFileSync(peer('mosquitto_passwd'), ['-c', '-b', users, 'edge', password], { stdio: 'pipe' });
    setUser('old');
    writeFileSync(secret, 'old\n');
    const centre = await startMosquitto([`password_file ${users}`, 'allow_anonymous false']);
    const { process, reload } = await running([bridge('centre', centre.port, `, username: edge, passwordFile: ${secret}`)]);
    await process.prints(/bridge connected/);
    writeFileSync(secret, 'new\n');
    reload([bridge('centre', centre.port, `, username: edge, passwordFile: ${secret}`)]);
    await process.prints(/former credentials only/);
    setUser('new');
    await centre.stop();
    await centre.start();
    await process.prints(/bridge connected[\s\S]*bridge connected[\s\S]*bridge connected/);
    expect(process.output).not.toMatch(/"(old|new)"/);
  });
});
