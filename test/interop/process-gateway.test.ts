// The process with the gateway it ships: faults of the machine around it, systemd, and a first exchange.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { describeWithPeers, peer } from '../support/peers.ts';
import { PosternProcess, type ProcessOptions, postern, temporaryDirectory } from '../support/postern-process.ts';

const ANY_PORTS = ['--set', 'mqtt.tcp.bind=127.0.0.1:0', '--set', 'mqttSn.udp.bind=127.0.0.1:0'];

function start(data: string, args: readonly string[] = [], options: ProcessOptions = {}): PosternProcess {
  return new PosternProcess(['start', '--data', data, ...ANY_PORTS, ...args], options);
}

async function portOf(gateway: PosternProcess, listener: string): Promise<string> {
  const [, port = ''] = await gateway.prints(new RegExp(`${listener} +127\\.0\\.0\\.1:(\\d+)\\n`));
  return port;
}

describe('a machine that gives no room', () => {
  test.each([
    ['mqtt.tcp', 'mqtt.tcp.bind'],
    ['mqttSn.udp', 'mqttSn.udp.bind'],
  ])('the port of %s is in use', async (listener, key) => {
    const port = await portOf(start(temporaryDirectory()), listener);
    const ended = await start(temporaryDirectory(), ['--set', `${key}=127.0.0.1:${port}`]).ended;
    expect(ended).toMatchObject({ code: 69, stdout: '' });
    expect(ended.stderr).toContain(`postern: port ${port} on 127.0.0.1 is in use by another program: stop it or set ${key}\n`);
  });

  test('the data directory belongs to a gateway with another control socket', async () => {
    const data = temporaryDirectory();
    const gateway = start(data);
    await gateway.prints(/is running/);
    const ended = await start(data, ['--set', `control.socket=${join(temporaryDirectory(), 'other.sock')}`]).ended;
    expect(ended).toMatchObject({ code: 73, stdout: '' });
    expect(ended.stderr).toContain(`postern: the data directory ${data} is in use by process ${gateway.pid}: stop it, or give this gateway its own`);
  });

  test('the database is corrupt: set aside, loudly, and a fresh one is begun', async () => {
    const data = temporaryDirectory();
    writeFileSync(join(data, 'postern.db'), 'x'.repeat(8_192));
    const gateway = start(data);
    await gateway.prints(/"level":"error".*store is damaged/);
    await gateway.prints(/is running/);
    expect(readdirSync(data).filter((name) => name.includes('damaged'))).toHaveLength(1);
  });

  test('a start that an access rule of a file stopped was no crash', async () => {
    const [data, acl] = [temporaryDirectory(), join(temporaryDirectory(), 'acl')];
    writeFileSync(acl, 'alow all x\n');
    expect(await start(data, ['--set', `access.aclFile=${acl}`]).ended).toMatchObject({ code: 78, stdout: '' });
    expect(await start(data).prints(/"wasClean":(\w+).*store opened/)).toMatchObject({ 1: 'true' });
  });

  test.each(['20.20.2', '24.6.0'])('Node.js %s is too old: one sentence', async (version) => {
    const old = `data:text/javascript,Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } })`;
    expect(await postern(['start'], { before: old })).toMatchObject({
      code: 69,
      stdout: '',
      stderr: `postern needs Node.js 24.7 or newer, and this is ${version}: install a newer one, or start with \`npm start\`, which brings its own\n`,
    });
  });
});

describe('systemd', () => {
  /** A `systemd-notify` that writes down what it is told. */
  function notifyTool(): { readonly environment: Record<string, string>; readonly told: () => string[] } {
    const directory = temporaryDirectory();
    const record = join(directory, 'told');
    writeFileSync(record, '');
    writeFileSync(join(directory, 'systemd-notify'), `#!/bin/sh\necho "$@" >> ${record}\n`, { mode: 0o755 });
    return {
      environment: { PATH: `${directory}:${process.env['PATH']}`, NOTIFY_SOCKET: join(directory, 'notify') },
      told: () => readFileSync(record, 'utf8').trimEnd().split('\n'),
    };
  }

  test('is told when the gateway is ready, reloads and stops, and finds nothing else on standard output', async () => {
    const { environment, told } = notifyTool();
    const data = temporaryDirectory();
    const gateway = start(data, [], { environment: { ...environment, WATCHDOG_USEC: '60000000' } });
    await gateway.prints(/gateway started/);
    while (!told().includes('WATCHDOG=1')) await new Promise((resolve) => setImmediate(resolve));
    gateway.kill('SIGHUP');
    await gateway.prints(/configuration reloaded/);
    gateway.kill('SIGTERM');
    expect(await gateway.ended).toMatchObject({ code: 0, stdout: '' });
    expect(told()).toEqual(['READY=1 STATUS=Running', 'WATCHDOG=1', 'RELOADING=1', 'READY=1 STATUS=Running', 'STOPPING=1 STATUS=Saying goodbye']);
  });

  test('$STATE_DIRECTORY holds the data', async () => {
    const data = temporaryDirectory();
    const gateway = new PosternProcess(['start', ...ANY_PORTS], { environment: { STATE_DIRECTORY: data } });
    await gateway.prints(/is running/);
    expect(readdirSync(data)).toContain('postern.db');
  });
});

describeWithPeers(['mosquitto_pub', 'mosquitto_sub'], 'the commands the greeting shows', () => {
  test('bring a retained message from one terminal to the other, and over a restart', async () => {
    const data = temporaryDirectory();
    const first = start(data, ['--config', 'config/examples/interop.yaml']);
    const publish = spawnSync(peer('mosquitto_pub'), [
      '-h',
      '127.0.0.1',
      '-p',
      await portOf(first, 'mqtt.tcp'),
      '-t',
      'sensors/greenhouse',
      '-m',
      '21.5',
      '-q',
      '1',
      '-r',
    ]);
    expect(publish.status).toBe(0);
    first.kill('SIGTERM');
    expect(await first.ended).toMatchObject({ code: 0 });

    const second = start(data, ['--config', 'config/examples/interop.yaml']);
    const options = ['-h', '127.0.0.1', '-p', await portOf(second, 'mqtt.tcp'), '-t', 'sensors/#', '-v', '-C', '1', '-W', '10'];
    expect(spawnSync(peer('mosquitto_sub'), options, { encoding: 'utf8' }).stdout).toBe('sensors/greenhouse 21.5\n');
    const { stdout } = await postern(['status', '--data', data, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'running', listeners: [{ name: 'mqtt.tcp' }, { name: 'mqttSn.udp' }] });
  });

  test('SIGHUP takes over access rules while clients are connected', async () => {
    const file = join(temporaryDirectory(), 'postern.yaml');
    writeFileSync(file, '');
    const gateway = start(temporaryDirectory(), ['--config', file]);
    const port = await portOf(gateway, 'mqtt.tcp');
    const publish = () =>
      spawnSync(peer('mosquitto_pub'), ['-V', '5', '-h', '127.0.0.1', '-p', port, '-t', 'a', '-m', 'x', '-q', '1'], { encoding: 'utf8' }).stderr;
    expect(publish()).not.toContain('Not authorized');
    writeFileSync(file, 'access: {rules: [{permission: deny, topic: a}]}\nmqtt: {receiveMax: 9}');
    gateway.kill('SIGHUP');
    await gateway.prints(/"applied":"access\.rules"/);
    await gateway.prints(/"keys":"mqtt\.receiveMax"/);
    expect(publish()).toContain('Not authorized');
  });
});

describeWithPeers(['mosquitto_pub', 'mosquitto_sub'], 'the queue of a client that is away', () => {
  /** What the stored session of `panel-1` gets within a second of its connection; without `messages` it subscribes and leaves. */
  const panel = (port: string, messages?: number): string => {
    const whole = messages === undefined ? ['-E'] : ['-C', String(messages), '-W', '10', '-v'];
    return spawnSync(peer('mosquitto_sub'), ['-h', '127.0.0.1', '-p', port, '-i', 'panel-1', '-c', '-q', '1', '-t', '#', ...whole], { encoding: 'utf8' })
      .stdout;
  };
  const publish = (port: string, topic: string, payload: string): void => {
    expect(spawnSync(peer('mosquitto_pub'), ['-h', '127.0.0.1', '-p', port, '-q', '1', '-t', topic, '-m', payload]).status).toBe(0);
  };

  test('keeps its classes and its bound over a kill, gives alarms first, and tells what it dropped', async () => {
    const [data, file] = [temporaryDirectory(), join(temporaryDirectory(), 'postern.yaml')];
    writeFileSync(file, '');
    const first = start(data, ['--config', file]);
    const port = await portOf(first, 'mqtt.tcp');
    panel(port);
    writeFileSync(file, 'queue: {priorities: [{filter: alarm/#, priority: 7}], rules: [{clientIdPattern: panel-.+, messagesMax: 3, keepLatest: [state/#]}]}');
    first.kill('SIGHUP');
    await first.prints(/"applied":"queue\./);
    for (const [topic, payload] of [
      ['data', '1'],
      ['state/a', '1'],
      ['state/a', '2'],
      ['alarm/a', 'fire'],
      ['data', '2'],
    ] as const)
      publish(port, topic, payload);
    const { stdout } = await postern(['queues', 'panel-1', '--data', data]);
    expect(stdout).toBe('mqtt panel-1  away  3 stored (24 B)  dropped: queue-full 1, superseded 1\n');
    first.kill('SIGKILL');
    await first.ended;

    const second = start(data, ['--config', file]);
    expect(panel(await portOf(second, 'mqtt.tcp'), 3)).toBe('alarm/a fire\nstate/a 2\ndata 2\n');
  });

  test('can be looked into, and what is in it let go of', async () => {
    const data = temporaryDirectory();
    const port = await portOf(start(data), 'mqtt.tcp');
    panel(port);
    for (const payload of ['one', 'two', 'three']) publish(port, 'data', payload);
    const peeked = await postern(['queue', 'peek', 'panel-1', '--contains', 'two', '--data', data]);
    expect(peeked.stdout).toMatch(/^\d+ {2}\S+Z {2}data {2}QoS 1 {2}from mqtt \S+ {2}3 B\n {2}two\n$/);
    const purged = await postern(['queue', 'purge', 'panel-1', '--contains', 'two', '--data', data]);
    expect(purged.stdout).toBe('1 messages purged\n');
    const unsaid = await postern(['queue', 'purge', 'panel-1', '--data', data]);
    expect([unsaid.code, unsaid.stderr]).toEqual([64, 'postern: say what to let go of: --topics, --contains, --older-than and the like, or --all\n']);
    const wrong = [
      ['--contains', ''],
      ['--sequence', ''],
      ['--sequence', '0'],
    ];
    for (const selection of wrong) expect((await postern(['queue', 'purge', 'panel-1', ...selection, '--data', data])).code).toBe(64);
    const nobody = await postern(['queue', 'peek', 'nobody', '--data', data]);
    expect([nobody.code, nobody.stderr]).toEqual([69, 'postern: the gateway refused: no stored queue of nobody\n']);
    expect(panel(port, 2)).toBe('data one\ndata three\n');
  });
});
