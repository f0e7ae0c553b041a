// The process against a gateway that does what a test wants: exit codes, signals, messages.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Behaviour } from '../support/fake-runtime.ts';
import { type Ended, PosternProcess, type ProcessOptions, postern, temporaryDirectory } from '../support/postern-process.ts';

const BEFORE = resolve('test/support/fake-runtime.ts');

interface Started extends ProcessOptions {
  readonly behaviour?: Behaviour;
  readonly args?: readonly string[];
  readonly data?: string;
}

/** A gateway with a data directory of its own. */
function startGateway({ behaviour = 'works', args = [], data = join(temporaryDirectory(), 'data'), environment = {} }: Started = {}) {
  const gateway = new PosternProcess(['start', '--data', data, ...args], { before: BEFORE, environment: { FAKE_GATEWAY: behaviour, ...environment } });
  return { gateway, data, status: (...more: string[]) => postern(['status', '--data', data, ...more]) };
}

describe('start', () => {
  test('prints where it listens, where its data is and three commands to try', async () => {
    const { gateway, data } = startGateway();
    await gateway.prints(/postern status.*\n/);
    expect(gateway.output).toContain(`mqtt.tcp  0.0.0.0:1883\n  data      ${data}\n`);
    expect(gateway.output).toContain("mosquitto_sub -h 127.0.0.1 -p 1883 -t 'sensors/#' -v\n");
    expect(gateway.output).toContain('mosquitto_pub -h 127.0.0.1 -p 1883 -t sensors/greenhouse -m 21.5 -q 1\n');
    expect(gateway.output).toContain(`postern status --data ${data}\n`);
  });

  test('gives back what only starting needed, once and when everything runs', async () => {
    const { gateway } = startGateway({ behaviour: 'tells-collections' });
    await gateway.prints(/last-resort.*"event":"collected"/);
    gateway.kill('SIGTERM');
    const { stderr } = await gateway.ended;
    expect(stderr.match(/"event":"collected"/g)).toHaveLength(1);
    expect(stderr.indexOf('gateway started')).toBeLessThan(stderr.indexOf('collected'));
  });

  test('is the default command', async () => {
    const data = join(temporaryDirectory(), 'data');
    const gateway = new PosternProcess(['--data', data], { before: BEFORE });
    await gateway.prints(/is running/);
  });

  test('makes its directory and its socket for itself only', async () => {
    const { gateway, data } = startGateway({ data: join(temporaryDirectory(), 'a/b') });
    await gateway.prints(/is running/);
    expect(statSync(data).mode & 0o777).toBe(0o700);
    expect(statSync(join(data, 'control.sock')).mode & 0o777).toBe(0o600);
  });

  test('says so when its directory is open to others', async () => {
    const data = temporaryDirectory();
    execFileSync('chmod', ['755', data]);
    const { gateway } = startGateway({ data });
    await gateway.prints(/is open to other users \(mode 755\): chmod 700 it/);
  });

  test.each([
    [
      'a configuration that is wrong',
      { args: ['--set', 'mqtt.receiveMax=0', '--set', 'log.level=x'] },
      78,
      /^--set log\.level: .*\n--set mqtt\.receiveMax: mqtt\.receiveMax must be .*\npostern: 2 problems in the configuration; nothing was started\n$/,
    ],
    ['a port in use', { behaviour: 'port-in-use' }, 69, /^postern: port 1883 on 127\.0\.0\.1 is in use by another program: stop it or set mqtt\.tcp\.bind\n$/],
    [
      'a data directory that cannot be',
      { data: '/proc/postern' },
      73,
      /^postern: the data directory \/proc\/postern cannot be used \(ENOENT.*\): choose another with --data, or let this user write there\n$/,
    ],
    ['a data directory that is a file', { data: resolve('package.json') }, 73, /^postern: the data directory .*package\.json cannot be used \(EEXIST/],
    [
      'a socket path that is too long',
      { args: ['--set', `control.socket=/tmp/${'x'.repeat(120)}`] },
      69,
      /^postern: the control socket .* set control\.socket to a shorter one\n$/,
    ],
    ['a bug', { behaviour: 'bug-at-start' }, 70, /^postern: TypeError: a bug\n\s+at /],
  ] as const)('%s', async (_, started, code, stderr) => {
    const { gateway, data } = startGateway(started);
    const ended = await gateway.ended;
    expect(ended).toMatchObject({ code, stdout: '' });
    expect(ended.stderr).toMatch(stderr);
    expect(existsSync(join(data, 'control.sock'))).toBe(false);
  });

  test('a data directory that another gateway uses', async () => {
    const { gateway, data } = startGateway();
    await gateway.prints(/is running/);
    const second = await startGateway({ data }).gateway.ended;
    expect(second).toMatchObject({ code: 69, stdout: '' });
    expect(second.stderr).toContain('another gateway is running with this data directory');
    expect(await postern(['status', '--data', data])).toMatchObject({ code: 0 });
  });

  test('after SIGKILL the next one takes over', async () => {
    const { gateway, data } = startGateway();
    await gateway.prints(/is running/);
    gateway.kill('SIGKILL');
    await gateway.ended;
    expect(existsSync(join(data, 'control.sock'))).toBe(true);
    const { gateway: next } = startGateway({ data });
    await next.prints(/is running/);
  });

  test.each(['throws-later', 'rejects-later'] as const)('an error nobody caught ends it: %s', async (behaviour) => {
    const ended = await startGateway({ behaviour }).gateway.ended;
    expect(ended).toMatchObject({ code: 70, signal: null });
    expect(ended.stderr).toMatch(/"level":"error".*"event":"crashed"/);
  });

  test('warns at each start of anonymous clients from anywhere', async () => {
    const { gateway } = startGateway({
      args: ['--set', 'access.anonymous=always', '--set', 'access.allowAnonymousBeyondLoopback=true', '--set', 'mqtt.tcp.bind=0.0.0.0:1883'],
    });
    await gateway.prints(/"level":"warn".*anyone there may connect/);
  });
});

test('nobody reads what it prints: it works on', async () => {
  const { gateway, status } = startGateway({ behaviour: 'starts-slowly' });
  gateway.closeOutput();
  while (!/^state +running/.test((await status()).stdout));
  gateway.kill('SIGTERM');
  expect(await gateway.ended).toMatchObject({ code: 0 });
});

describe('signals', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s: says goodbye and ends with 0', async (signal) => {
    const { gateway, data } = startGateway();
    await gateway.prints(/is running/);
    gateway.kill(signal);
    const ended = await gateway.ended;
    expect(ended).toMatchObject({ code: 0, signal: null });
    expect(ended.stderr).toMatch(/"event":"stopping"[\s\S]*says goodbye[\s\S]*"event":"gateway stopped"/);
    expect(existsSync(join(data, 'control.sock'))).toBe(false);
  });

  test('twice: ends at once with 1; npm passes each Ctrl+C on, so an echo does not count', async () => {
    const { gateway } = startGateway({ behaviour: 'never-stops' });
    await gateway.prints(/is running/);
    gateway.kill('SIGINT');
    gateway.kill('SIGTERM');
    await gateway.prints(/says goodbye/);
    const repeat = setInterval(() => gateway.kill('SIGTERM'), 250);
    onTestFinished(() => clearInterval(repeat));
    const ended = await gateway.ended;
    expect(ended).toMatchObject({ code: 1, signal: null });
    expect(ended.stderr).toContain('stopped at once by a second signal');
  });

  test('during the start: the gateway is stopped once it is up, and never announced', async () => {
    const { gateway } = startGateway({ behaviour: 'starts-slowly' });
    await gateway.prints(/starting slowly/);
    gateway.kill('SIGTERM');
    const ended = await gateway.ended;
    expect(ended).toMatchObject({ code: 0, stdout: '' });
    expect(ended.stderr).toContain('says goodbye');
  });

  test('SIGHUP: reloads what can be reloaded and says what cannot', async () => {
    const file = join(temporaryDirectory(), 'postern.yaml');
    writeFileSync(file, 'mqtt: {receiveMax: 5}');
    const { gateway } = startGateway({ args: ['--config', file] });
    await gateway.prints(/is running/);
    writeFileSync(file, 'mqtt: {receiveMax: 6}\nlog: {level: warn, format: text}');
    gateway.kill('SIGHUP');
    const [line] = await gateway.prints(/.*a restart is needed for part of the configuration.*\n/);
    expect(JSON.parse(line)).toMatchObject({ level: 'warn', keys: 'log.format mqtt.receiveMax' });
    expect(gateway.output).not.toContain('configuration reloaded'); // of level info, and the new level is warn
  });

  test('SIGHUP with a wrong file: everything stays as it was', async () => {
    const file = join(temporaryDirectory(), 'postern.yaml');
    writeFileSync(file, '');
    const { gateway, status } = startGateway({ args: ['--config', file] });
    await gateway.prints(/is running/);
    writeFileSync(file, 'mqtt: {receiveMax: 0}');
    gateway.kill('SIGHUP');
    await gateway.prints(/reload refused.*|postern\.yaml:1:20: mqtt\.receiveMax must be/);
    expect(gateway.output).not.toContain('nothing was reloaded'); // a heading is no cause
    expect(JSON.parse((await status('--json')).stdout)).toMatchObject({ state: 'running', receiveMax: 1024 });
  });
});

describe('status', () => {
  test('for people and for programs', async () => {
    const { gateway, status, data } = startGateway();
    await gateway.prints(/is running/);
    const [forPeople, forPrograms] = await Promise.all([status(), status('--json')]);
    expect(forPeople.stdout).toMatch(/^state {10}running\n/);
    expect(forPeople.stdout).toContain('  name mqtt.tcp, address 0.0.0.0:1883\n');
    expect(JSON.parse(forPrograms.stdout)).toMatchObject({
      state: 'running',
      version: JSON.parse(readFileSync('package.json', 'utf8')).version,
      pid: gateway.pid,
      dataDirectory: data,
      listeners: [{ name: 'mqtt.tcp', address: '0.0.0.0:1883' }],
      receiveMax: 1024,
    });
  });

  test('without a gateway: one sentence', async () => {
    const data = temporaryDirectory();
    expect(await postern(['status', '--data', data])).toEqual({
      code: 69,
      signal: null,
      stdout: '',
      stderr: `postern: no gateway is running: nothing answers at ${data}/control.sock; start one with \`postern start\`, or say with --data or --config where it is\n`,
    });
  });

  test('opens no database', async () => {
    const data = temporaryDirectory();
    await postern(['status', '--data', data]);
    expect(existsSync(join(data, 'postern.db'))).toBe(false);
  });
});

describe('check and version', () => {
  test.each([
    [['check'], 0, 'ok\n', ''],
    [['check', '--config', 'config/examples/interop.yaml'], 0, 'ok\n', ''],
    [['check', '--set', 'log.level=x'], 78, '', '--set log.level: log.level must be one of debug, info, warn, error, not "x"\n'],
    [
      ['check', '--set', 'mqtt.tcp.bind=0.0.0.0:1883'],
      0,
      'ok\n',
      '--set mqtt.tcp.bind: warning: mqtt.tcp.bind listens on 0.0.0.0:1883, which other hosts can reach, but access.anonymous is loopback: a client there needs credentials\n',
    ],
    [['check', '--nonsense'], 64, '', "error: unknown option '--nonsense'\n"],
    [
      ['stop'],
      64,
      '',
      'postern: "stop" is not a command: start, check, status, queues, queue, bridge, user, ban, backup, restore, selftest, import, verify-stream, version\n',
    ],
    [['check', 'file'], 64, '', "error: too many arguments for 'check'. Expected 0 arguments but got 1: file.\n"],
  ])('%j', async (args, code, stdout, stderr) => {
    expect(await postern(args)).toEqual<Ended>({ code, signal: null, stdout, stderr });
  });

  test('check reads the files it names, and says each thing that is wrong in them', async () => {
    const directory = temporaryDirectory();
    const [acl, certificate] = [join(directory, 'acl'), join(directory, 'server.pem')];
    writeFileSync(acl, 'alow all x\nallow all "y\n');
    writeFileSync(certificate, 'no certificate');
    const tls = `{enabled: true, certFile: ${certificate}, keyFile: ${certificate}}`;
    const file = join(directory, 'postern.yaml');
    writeFileSync(file, `access: {aclFile: ${acl}}\nmqtt: {tls: ${tls}}`);
    expect(await postern(['check', '--config', file])).toEqual<Ended>({
      code: 78,
      signal: null,
      stdout: '',
      stderr: `${acl}:1: a rule begins with allow or deny, not "alow"\n${acl}:2: a quotation mark is missing or misplaced\nmqtt.tls.certFile (${certificate}) holds no certificate in PEM form\n`,
    });
    writeFileSync(file, 'mqtt: {tls: {enabled: true, pskFile: credential:keys}}');
    expect((await postern(['check', '--config', file])).stdout).toBe('ok\n');
  });

  test('check --print is a configuration file', async () => {
    const { stdout } = await postern(['check', '--print', '--set', 'mqtt.receiveMax=7']);
    expect(stdout).toContain('\n  receiveMax: 7\n');
    expect(stdout).toContain('\n  #topicAliasMax: 10\n');
  });

  test.each([['version'], ['--version'], ['-V']])('%s', async (argument) => {
    const { code, stdout } = await postern([argument]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^postern \d+\.\d+\.\d+ \(Node\.js v\d+/)]);
  });

  test('--help names every command', async () => {
    const { code, stdout } = await postern(['--help']);
    expect(code).toBe(0);
    for (const command of ['start', 'check', 'status', 'version']) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
  });
});
