// Users, permissions and bans as an operator sets them: commands on a running gateway, and MQTT.js as the client they are about.
import { spawn } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { describe, expect, onTestFinished, test } from 'vitest';
import { PosternProcess, postern, temporaryDirectory } from '../support/postern-process.ts';
import { ScramClient } from '../support/scram-client.ts';

const SETTINGS = ['--set', 'mqtt.tcp.bind=127.0.0.1:0', '--set', 'mqttSn.udp.enabled=false'];

interface Running {
  readonly data: string;
  readonly port: number;
  readonly process: PosternProcess;
}

async function gateway(settings: readonly string[] = [], data = temporaryDirectory()): Promise<Running> {
  const process = new PosternProcess(['start', '--data', data, ...SETTINGS, ...settings.flatMap((setting) => ['--set', setting])]);
  const [, port = ''] = await process.prints(/mqtt\.tcp +127\.0\.0\.1:(\d+)\n/);
  return { data, port: Number(port), process };
}

/** Runs a command to its end, with something on standard input. */
async function typed(args: readonly string[], input: string): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(process.execPath, ['src/main.ts', ...args]);
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, stdout, stderr };
}

async function added(data: string, name: string, password: string, ...options: readonly string[]): Promise<void> {
  const { code, stderr } = await typed(['user', 'add', name, '--data', data, ...options], `${password}\n`);
  expect([code, stderr]).toEqual([0, '']);
}

function connecting({ port }: Running, options: IClientOptions): MqttClient {
  const client = connect({ host: '127.0.0.1', port, reconnectPeriod: 0, protocolVersion: 5, ...options });
  onTestFinished(() => void client.end(true));
  client.on('error', () => undefined);
  return client;
}

/** Reason code of CONNACK. */
async function connack(running: Running, options: IClientOptions): Promise<number | undefined> {
  const client = connecting(running, options);
  return new Promise((resolve) => client.on('packetreceive', (packet) => packet.cmd === 'connack' && resolve(packet.reasonCode)));
}

describe('postern user', () => {
  test('a user added while the gateway runs may log in, with the password that was typed', async () => {
    const running = await gateway(['access.anonymous=never']);
    expect(await connack(running, { username: 'ada', password: 'secret' })).toBe(0x87);
    await added(running.data, 'ada', 'secret');
    await expect.poll(() => connack(running, { username: 'ada', password: 'secret' }), { interval: 500, timeout: 8_000 }).toBe(0);
    expect(await connack(running, { username: 'ada', password: 'secreT' })).toBe(0x86);
    expect(await connack(running, { username: 'eve', password: 'secret' })).toBe(0x86);
    expect(await connack(running, {})).toBe(0x87);
  });

  test('the file is for its owner alone, and holds no password', async () => {
    const data = temporaryDirectory();
    await added(data, 'ada', 'open sesame', '--scram', '--superuser');
    const path = join(data, 'users.json');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).not.toContain('sesame');
    expect(await postern(['user', 'list', '--data', data])).toMatchObject({ code: 0, stdout: 'ada  (superuser, SCRAM-SHA-1, SCRAM-SHA-256, SCRAM-SHA-512)\n' });
  });

  test('a user removed while the gateway runs is sent away, though it only listens', async () => {
    const data = temporaryDirectory();
    for (const name of ['ada', 'eve']) await added(data, name, 'secret');
    const running = await gateway([], data);
    const client = connecting(running, { username: 'ada', password: 'secret' });
    const reason = new Promise((resolve) => client.once('disconnect', (packet) => resolve(packet.reasonCode)));
    await client.subscribeAsync('news');
    expect(await postern(['user', 'remove', 'ada', '--data', data])).toMatchObject({ code: 0 });
    expect(await reason).toBe(0x98);
    expect(await connack(running, { username: 'ada', password: 'secret' })).toBe(0x86);
  });

  test('changed, removed, removed again', async () => {
    const data = temporaryDirectory();
    await added(data, 'ada', 'one');
    const secret = join(data, 'secret');
    writeFileSync(secret, 'two\nthree\n');
    expect(await postern(['user', 'add', 'ada', '--data', data, '--password-file', secret])).toMatchObject({ code: 0, stdout: 'ada changed\n' });
    expect(await postern(['user', 'remove', 'ada', '--data', data])).toMatchObject({ code: 0 });
    expect(await postern(['user', 'remove', 'ada', '--data', data])).toMatchObject({ code: 78, stdout: '' });
    expect(await postern(['user', 'list', '--data', data])).toMatchObject({ code: 0, stdout: '' });
  });

  test.each([
    ['no password', ['user', 'add', 'ada'], '', 78, 'no password came on standard input'],
    ['a name that is none', ['user', 'add', 'a\nb'], 'x\n', 78, 'a user name must be text without control characters'],
    ['a file that is not there', ['user', 'add', 'ada', '--password-file', '/nowhere'], '', 78, 'no such file'],
  ])('%s', async (_, args, input, code, problem) => {
    const data = temporaryDirectory();
    const ended = await typed([...args, '--data', data], input);
    expect(ended).toMatchObject({ code, stdout: '' });
    expect(ended.stderr).toContain(problem);
  });
});

describe('SCRAM with MQTT 5', () => {
  /** Reason code of CONNACK, with what the server says last. */
  async function scram(running: Running, method: string, password: string): Promise<readonly [code: number | undefined, isServerProven: boolean]> {
    const exchange = new ScramClient(method, { username: 'ada', password });
    const properties = { authenticationMethod: method, authenticationData: exchange.first() };
    const client = connecting(running, { properties, manualConnect: true });
    client.handleAuth = ({ properties: asked }, callback) => {
      const authenticationData = exchange.final(asked?.authenticationData);
      callback(undefined, { cmd: 'auth', reasonCode: 0x18, properties: { authenticationMethod: method, authenticationData } });
    };
    const told = new Promise<readonly [number | undefined, boolean]>((resolve) => {
      client.on('packetreceive', (packet) => {
        if (packet.cmd === 'connack') resolve([packet.reasonCode, String(packet.properties?.authenticationData) === exchange.expectedServerFinal]);
      });
    });
    client.connect();
    return told;
  }

  test('each method, the right password and a wrong one', async () => {
    const running = await gateway(['access.anonymous=never']);
    await added(running.data, 'ada', 'secret', '--scram');
    await expect.poll(() => connack(running, { username: 'ada', password: 'secret' }), { interval: 500, timeout: 8_000 }).toBe(0);
    for (const method of ['SCRAM-SHA-1', 'SCRAM-SHA-256', 'SCRAM-SHA-512']) {
      expect([method, await scram(running, method, 'secret')]).toEqual([method, [0, true]]);
      expect([method, await scram(running, method, 'wrong')]).toEqual([method, [0x86, false]]);
    }
    expect(await scram(running, 'KERBEROS', 'secret')).toEqual([0x8c, false]);
  });
});

test('access.limits: a client that publishes too fast is read more slowly, and loses nothing', async () => {
  const running = await gateway(['access.limits.messagesPerClient=40', 'access.limits.burstSeconds=1']);
  const client = connecting(running, {});
  await new Promise<void>((resolve) => client.once('connect', () => resolve()));
  const begun = performance.now();
  await Promise.all(Array.from({ length: 80 }, (_, index) => client.publishAsync('a', `${index}`, { qos: 1 })));
  expect(performance.now() - begun).toBeGreaterThan(900); // 40 at once, 40 more in a second
});

describe('access.aclFile', () => {
  test('what no rule allows is denied; reload takes over what the file says now, and refuses a wrong one', async () => {
    const data = temporaryDirectory();
    const acl = join(data, 'access.acl');
    writeFileSync(acl, 'allow all home/#\n');
    const running = await gateway([`access.aclFile=${acl}`], data);
    const client = connecting(running, { clientId: 'a' });
    const granted = async (filter: string) => (await client.subscribeAsync(filter, { qos: 1 }).catch(() => [])).map(({ qos }) => qos);
    await new Promise<void>((resolve) => client.once('connect', () => resolve()));
    expect(await granted('home/x')).toEqual([1]);
    expect(await granted('office/x')).not.toEqual([1]);
    writeFileSync(acl, 'allow all home/#\nallow subscribe office/#\n');
    running.process.kill('SIGHUP');
    await running.process.prints(/configuration reloaded/);
    expect(await granted('office/x')).toEqual([1]);
    writeFileSync(acl, 'allow everything\n');
    running.process.kill('SIGHUP');
    await running.process.prints(/access\.acl:1: after allow comes publish, subscribe or all/);
    expect(await granted('office/y')).toEqual([1]);
  });
});

describe('postern ban', () => {
  test('ends the link, refuses the next, is listed, survives a restart, is lifted', async () => {
    const running = await gateway();
    const client = connecting(running, { clientId: 'valve-1' });
    const reason = new Promise((resolve) => client.once('disconnect', (packet) => resolve(packet.reasonCode)));
    await new Promise<void>((resolve) => client.once('connect', () => resolve()));
    const banned = await postern(['ban', 'add', 'client', 'valve-1', '--for', '1h', '--reason', 'too loud', '--data', running.data]);
    expect(banned).toMatchObject({ code: 0, stdout: 'client valve-1 banned; links ended: 1\n' });
    expect(await reason).toBe(0x98);
    expect(await connack(running, { clientId: 'valve-1' })).toBe(0x8a);
    running.process.kill('SIGTERM');
    expect((await running.process.ended).code).toBe(0);
    const next = await gateway([], running.data);
    expect((await postern(['ban', 'list', '--data', running.data])).stdout).toMatch(/^client valve-1 {2}3[56]\d\d s left {2}too loud\n$/);
    expect(await connack(next, { clientId: 'valve-1' })).toBe(0x8a);
    expect(await postern(['ban', 'remove', 'client', 'valve-1', '--data', running.data])).toMatchObject({ stdout: 'client valve-1 may come in again\n' });
    expect(await connack(next, { clientId: 'valve-1' })).toBe(0);
  });

  test('a name that a terminal would obey is listed as text', async () => {
    const { data } = await gateway();
    await postern(['ban', 'add', 'client', 'valve\x1b[2J', '--data', data]);
    expect((await postern(['ban', 'list', '--data', data])).stdout).toBe('client valve\\u{1b}[2J  for good\n');
  });

  test.each([
    [['ban', 'add', 'host', 'x'], 64, 'is none of client, user, address'],
    [['ban', 'add', 'client', 'x', '--for', 'ever'], 64, '--for must be a time like 90s, 10m, 2h or 7d'],
    [['ban', 'list'], 69, 'no gateway is running'],
  ])('%j', async (args, code, problem) => {
    const ended = await postern([...args, '--data', temporaryDirectory()]);
    expect(ended).toMatchObject({ code, stdout: '' });
    expect(ended.stderr).toContain(problem);
  });
});
