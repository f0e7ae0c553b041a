// `postern backup` and `postern restore` as a person uses them: processes, a running gateway, clients.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectAsync, type MqttClient } from 'mqtt';
import { describe, expect, onTestFinished, test } from 'vitest';
import { silentLog } from '../../src/model/log.ts';
import { MetricsTable } from '../../src/model/metrics.ts';
import { openSqliteStore } from '../../src/store/sqlite/open.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { PosternProcess, postern, temporaryDirectory } from '../support/postern-process.ts';

const KILLED_AT = fileURLToPath(new URL('../support/killed-at.ts', import.meta.url));
/** Two dozen processes, one after the other. */
const KILLS_MS_MAX = 240_000;
const SETTINGS = ['--set', 'mqtt.tcp.bind=127.0.0.1:0', '--set', 'mqttSn.udp.enabled=false'];
const STORED = { clientId: 'panel', clean: false, protocolVersion: 5, properties: { sessionExpiryInterval: 3_600 } } as const;

async function started(data: string, ...args: string[]): Promise<{ readonly gateway: PosternProcess; readonly url: string }> {
  const gateway = new PosternProcess(['start', '--data', data, ...SETTINGS, ...args]);
  const [, port = ''] = await gateway.prints(/mqtt\.tcp +127\.0\.0\.1:(\d+)\n/);
  return { gateway, url: `mqtt://127.0.0.1:${port}` };
}

async function connected(url: string, options: Parameters<typeof connectAsync>[1] = {}): Promise<MqttClient> {
  const client = await connectAsync(url, { reconnectPeriod: 0, ...options });
  onTestFinished(async () => void client.end(true));
  return client;
}

/** A client with a stored session that is away, and readings that wait for it. */
async function withReadings(url: string, readings: readonly string[]): Promise<void> {
  const panel = await connected(url, STORED);
  await panel.subscribeAsync('plant/#', { qos: 2 });
  await panel.endAsync();
  await published(url, readings);
}

async function published(url: string, readings: readonly string[]): Promise<void> {
  const sensor = await connected(url);
  for (const reading of readings) await sensor.publishAsync('plant/temp', reading, { qos: 2 });
  await sensor.endAsync();
}

/** What the stored session gets, up to a mark that is published behind it. */
async function received(url: string): Promise<string[]> {
  const texts: string[] = [];
  const client = await connectAsync(url, { reconnectPeriod: 0, ...STORED, manualConnect: false });
  onTestFinished(async () => void client.end(true));
  const done = new Promise<void>((resolve) => {
    client.on('message', (_, payload) => {
      if (String(payload) === 'mark') resolve();
      else texts.push(String(payload));
    });
  });
  await published(url, ['mark']);
  await done;
  await client.endAsync();
  return texts;
}

async function withUser(data: string): Promise<void> {
  const password = join(temporaryDirectory(), 'password');
  writeFileSync(password, 'a secret\n');
  expect(await postern(['user', 'add', 'ada', '--data', data, '--password-file', password])).toMatchObject({ code: 0 });
}

async function stopped(gateway: PosternProcess): Promise<void> {
  gateway.kill('SIGTERM');
  expect(await gateway.ended).toMatchObject({ code: 0 });
}

describe('postern backup and restore', () => {
  test('a gateway that is replaced after a fire comes up from the backup of the one that burned', async () => {
    const [data, other, file] = [temporaryDirectory(), join(temporaryDirectory(), 'data'), join(temporaryDirectory(), 'saved.backup')];
    const config = join(temporaryDirectory(), 'postern.yaml');
    const acl = join(temporaryDirectory(), 'access.acl');
    writeFileSync(acl, 'allow all #\n');
    writeFileSync(config, `# of the greenhouse\naccess: {aclFile: ${acl}}\n`);
    await withUser(data);
    const { gateway, url } = await started(data, '--config', config);
    await withReadings(url, ['1', '2', '3']);
    const made = await postern(['backup', file, '--data', data, '--with-secrets']);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(made.stdout).toMatch(
      /saved\.backup {2}\d.*\n1 sessions, 3 messages in queues, 0 retained\nchecked: every page and \d+ groups; .* written to disks for it\n/,
    );
    expect(made.stdout).toContain(`with --config ${config}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(data).filter((name) => name.includes('backup'))).toEqual([]);
    await published(url, ['lost in the fire']);
    await stopped(gateway);

    const out = join(temporaryDirectory(), 'files');
    const restored = await postern(['restore', file, '--data', other, '--files', out]);
    expect(restored).toMatchObject({ code: 0, stderr: '' });
    expect(restored.stdout).toContain('1 sessions, 3 messages in queues, 0 retained\nwith users.json\n');
    expect(readdirSync(out).sort()).toEqual(['access.acl', 'in-effect.yaml', 'postern.yaml', 'users.json']);
    expect(readFileSync(join(out, 'postern.yaml'), 'utf8')).toBe(readFileSync(config, 'utf8'));
    const replaced = await started(other, '--config', join(out, 'postern.yaml'));
    expect(await received(replaced.url)).toEqual(['1', '2', '3']);
    expect((await postern(['user', 'list', '--data', other])).stdout).toBe('ada\n');
    await stopped(replaced.gateway);
  });

  test('of a gateway that is stopped, without secrets, and back over what came since', async () => {
    const [data, file] = [temporaryDirectory(), join(temporaryDirectory(), 'saved.backup')];
    const first = await started(data);
    await withReadings(first.url, ['before']);
    await stopped(first.gateway);
    await withUser(data);
    const made = await postern(['backup', file, '--data', data]);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(made.stdout).toContain(`without access.usersFile ${data}/users.json: secret (--with-secrets)\n`);
    const second = await started(data);
    await published(second.url, ['since']);
    expect(await postern(['restore', file, '--data', data, '--force'])).toMatchObject({
      code: 73,
      stdout: '',
      stderr: expect.stringContaining('is in use by process'),
    });
    expect(await postern(['restore', file, '--data', data, '--list'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^made by Postern .*\nin-effect\.yaml {2}/),
    });
    expect(await postern(['restore', file, '--data', data, '--dry-run'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/was not touched; a restore would bring back\n1 sessions, 1 messages/),
    });
    await stopped(second.gateway);
    expect(await postern(['restore', file, '--data', data])).toMatchObject({ code: 73, stderr: expect.stringContaining('has a database already: --force') });
    expect((await postern(['restore', file, '--data', data, '--dry-run'])).stdout).toMatch(
      /was not touched; a restore would bring back\n1 sessions, 1 messages/,
    );
    const back = await postern(['restore', file, '--data', data, '--force']);
    expect(back).toMatchObject({ code: 0, stdout: expect.stringContaining(`what was there before lies in ${data}/before-restore-1\n`) });
    expect(existsSync(join(data, 'users.json'))).toBe(true);
    const third = await started(data);
    expect(await received(third.url)).toEqual(['before']);
    await stopped(third.gateway);
  });

  test.each([
    [['backup', '/nowhere/x.backup'], 73, /there is no directory \/nowhere/],
    [['backup', resolve('package.json')], 73, /package\.json exists: choose another name, or --force/],
    [['backup', '/tmp/x.backup', '--data', '/nowhere'], 73, /there is no database in \/nowhere/],
    [['restore', '/nowhere/x.backup', '--list'], 73, /cannot read \/nowhere\/x\.backup/],
    [['restore', resolve('package.json'), '--list'], 65, /no database or a damaged one/],
    [['backup'], 64, /missing required argument 'file'/],
    [['restore'], 64, /missing required argument 'file'/],
  ])('%j', async (args, code, stderr) => {
    expect(await postern(args)).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(stderr) });
  });
});

describe('a restore that is killed', () => {
  const open = (directory: string) => openSqliteStore({ directory, clock: new FakeClock(), log: silentLog, metrics: new MetricsTable() });

  /** A data directory whose store holds `sessions` sessions. */
  async function dataWith(sessions: number): Promise<string> {
    const data = temporaryDirectory();
    const { gateway, url } = await started(data);
    for (let number = 0; number < sessions; number += 1) await (await connected(url, { ...STORED, clientId: `client-${number}` })).endAsync();
    gateway.kill('SIGKILL'); // with a log of SQLite beside it
    await gateway.ended;
    return data;
  }

  test(
    'at any change of a directory leaves the store of before or the one of the backup, whole',
    async () => {
      const [file, before] = [join(temporaryDirectory(), 'saved.backup'), await dataWith(3)];
      expect(await postern(['backup', file, '--data', await dataWith(1)])).toMatchObject({ code: 0 });
      const found: number[] = [];
      for (let at = 1; ; at += 1) {
        const data = join(temporaryDirectory(), 'data');
        mkdirSync(data, { mode: 0o700 });
        for (const name of ['postern.db', 'postern.db-wal']) cpSync(join(before, name), join(data, name));
        const killed = await postern(['restore', file, '--data', data, '--force'], { before: KILLED_AT, environment: { KILL_AT: String(at) } });
        const store = open(data);
        found.push(store.sessions.size);
        expect(store.status()).toMatchObject({ damagedGroups: [], quarantined: [] });
        await store.close();
        if (killed.code === 0) break;
        expect(killed.signal).toBe('SIGKILL');
      }
      const decided = found.indexOf(1);
      expect([found.slice(0, decided).every((sessions) => sessions === 3), found.slice(decided).every((sessions) => sessions === 1)]).toEqual([true, true]);
      expect([decided, found.length - decided].every((kills) => kills >= 4)).toBe(true);
    },
    KILLS_MS_MAX,
  );
});
