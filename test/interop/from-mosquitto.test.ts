// One mosquitto.conf, Debian's Mosquitto started with it and Postern with what it was imported to: both do the same.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { freeTcpPort } from '../durability/e2e/network.ts';
import { startMosquitto } from '../support/mosquitto-process.ts';
import { describeWithPeers, peer } from '../support/peers.ts';
import { PosternProcess, postern, temporaryDirectory } from '../support/postern-process.ts';
import { type IssuedFiles, TestAuthority } from '../support/test-authority.ts';

interface Broker {
  stop(): Promise<void>;
}

/** Until it prints that it runs. */
async function mosquitto(conf: string): Promise<Broker> {
  const child = spawn(peer('mosquitto'), ['-c', conf], { stdio: ['ignore', 'ignore', 'pipe'] });
  onTestFinished(() => void child.kill('SIGTERM'));
  const ended = new Promise<void>((done) => void child.once('close', () => done()));
  await new Promise<void>((done, fail) => {
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (/mosquitto version \S+ running/.test(log)) done();
    });
    void ended.then(() => fail(new Error(`mosquitto ended:\n${log}`)));
  });
  return {
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function imported(conf: string): Promise<Broker & { readonly list: string }> {
  const file = join(temporaryDirectory(), 'postern.yaml');
  const { code, stdout, stderr } = await postern(['import', 'mosquitto', conf, '--output', file]);
  if (code !== 0) throw new Error(stderr);
  expect(await postern(['check', '--config', file])).toMatchObject({ code: 0, stdout: 'ok\n' });
  const started = new PosternProcess(['start', '--config', file, '--data', temporaryDirectory()]);
  await started.prints(/mqtt\.\d+ +\S+:\d+\n/);
  return {
    list: stdout,
    async stop() {
      started.kill('SIGTERM');
      await started.ended;
    },
  };
}

interface Login {
  readonly username?: string;
  readonly password?: string;
}

const NOBODY: Login = {};
const ROOT: Login = { username: 'root', password: 'r' };
const ADA: Login = { username: 'ada', password: 'a' };
const LOGINS: readonly Login[] = [NOBODY, ADA, ROOT, { username: 'ada', password: 'wrong' }, { username: 'ada' }, { username: 'nobody', password: 'n' }];

async function client(url: string, options: IClientOptions = {}): Promise<MqttClient> {
  const made = await connectAsync(url, { reconnectPeriod: 0, ...options });
  made.on('error', () => undefined);
  onTestFinished(() => void made.end(true));
  return made;
}

/** Who gets in. */
async function entries(url: string): Promise<string[]> {
  const found: string[] = [];
  for (const login of LOGINS) {
    try {
      await (await client(url, login)).endAsync();
      found.push(`${login.username ?? 'nobody in particular'} ${login.password ?? ''} is let in`);
    } catch {
      found.push(`${login.username ?? 'nobody in particular'} ${login.password ?? ''} is refused`);
    }
  }
  return found;
}

const TOPICS = [
  'public/x',
  'home/light',
  'home/safe',
  'devices/c-1/state',
  'devices/c-2/state',
  'users/ada/in',
  'users/bob/in',
  '$SYS/broker/version',
  'other',
];
const END = 'end';

/** Resolves with the topics of what comes until `end`. */
function topicsUntilEnd(from: MqttClient): Promise<string[]> {
  const topics: string[] = [];
  return new Promise((done) => {
    from.on('message', (topic) => {
      if (topic === END) done(topics.sort());
      else if (!topic.startsWith('$SYS')) topics.push(topic);
    });
  });
}

/** What arrives of what somebody publishes. A publish that is not allowed ends no connection and tells 3.1.1 clients nothing. */
async function writes(url: string, login: Login, clientId: string): Promise<string[]> {
  const [all, own] = [await client(url, ROOT), await client(url, { ...login, clientId })];
  const seen = topicsUntilEnd(all);
  await all.subscribeAsync('#', { qos: 1 });
  for (const topic of TOPICS.filter((each) => !each.startsWith('$'))) await own.publishAsync(topic, 'x', { qos: 1 });
  await all.publishAsync(END, 'x', { qos: 1 });
  const topics = await seen;
  await Promise.all([all.endAsync(), own.endAsync()]);
  return topics;
}

/** What somebody gets who asks for every topic by its name. */
async function reads(url: string, login: Login, clientId: string): Promise<string[]> {
  const [all, own] = [await client(url, ROOT), await client(url, { ...login, clientId })];
  const seen = topicsUntilEnd(own);
  for (const topic of [...TOPICS, END]) await own.subscribeAsync(topic, { qos: 1 }).catch(() => undefined);
  for (const topic of [...TOPICS.filter((each) => !each.startsWith('$')), END]) await all.publishAsync(topic, 'x', { qos: 1 });
  const topics = await seen;
  await Promise.all([all.endAsync(), own.endAsync()]);
  return topics;
}

function passwordFile(directory: string, logins: readonly (readonly [user: string, password: string])[]): string {
  const file = join(directory, 'passwords');
  writeFileSync(file, '');
  for (const [user, password] of logins) execFileSync(peer('mosquitto_passwd'), ['-b', file, user, password], { stdio: 'ignore' });
  return file;
}

/** Mosquitto first, then Postern in its place. */
async function bothWays<T>(conf: string, behaviour: () => Promise<T>): Promise<{ readonly mosquittos: T; readonly posterns: T; readonly list: string }> {
  const theirs = await mosquitto(conf);
  const mosquittos = await behaviour();
  await theirs.stop();
  const ours = await imported(conf);
  const posterns = await behaviour();
  await ours.stop();
  return { mosquittos, posterns, list: ours.list };
}

const ACL = `
topic read public/#
topic read end
user root
topic readwrite #
user ada
topic readwrite home/#
topic deny home/safe
topic read end
pattern write devices/%c/state
pattern read users/%u/#
`;

describeWithPeers(['mosquitto', 'mosquitto_passwd', 'mosquitto_pub', 'openssl'], 'what mosquitto.conf says holds here too', () => {
  test('users, access list and two listeners', async () => {
    const [directory, tcp, ws] = [temporaryDirectory(), await freeTcpPort(), await freeTcpPort()];
    const conf = join(directory, 'mosquitto.conf');
    writeFileSync(join(directory, 'acl'), ACL);
    const lines = [
      'user root',
      `password_file ${passwordFile(directory, [
        ['ada', 'a'],
        ['root', 'r'],
      ])}`,
      `acl_file ${join(directory, 'acl')}`,
      'allow_anonymous true',
      `listener ${tcp} 127.0.0.1`,
      'max_qos 1',
      `listener ${ws} 127.0.0.1`,
      'protocol websockets',
    ];
    writeFileSync(conf, lines.join('\n'));
    const { mosquittos, posterns } = await bothWays(conf, async () => {
      const found: Record<string, readonly string[]> = {};
      for (const url of [`mqtt://127.0.0.1:${tcp}`, `ws://127.0.0.1:${ws}/mqtt`]) {
        found[`${url} entries`] = await entries(url);
        for (const login of [NOBODY, ADA]) {
          found[`${url} ${login.username} writes`] = await writes(url, login, 'c-1');
          found[`${url} ${login.username} reads`] = await reads(url, login, 'c-1');
        }
      }
      return found;
    });
    expect(posterns).toStrictEqual(mosquittos);
    expect(mosquittos[`mqtt://127.0.0.1:${tcp} ada writes`]).toStrictEqual(['devices/c-1/state', 'home/light']);
    expect(mosquittos[`mqtt://127.0.0.1:${tcp} ada reads`]).toStrictEqual(['home/light', 'users/ada/in']);
  });

  test('listeners with settings of their own', async () => {
    const [directory, open, guarded] = [temporaryDirectory(), await freeTcpPort(), await freeTcpPort()];
    const conf = join(directory, 'mosquitto.conf');
    writeFileSync(join(directory, 'acl'), ACL);
    const lines = [
      'per_listener_settings true',
      'user root',
      `listener ${open} 127.0.0.1`,
      'allow_anonymous true',
      `listener ${guarded} 127.0.0.1`,
      `password_file ${passwordFile(directory, [
        ['ada', 'a'],
        ['root', 'r'],
      ])}`,
      `acl_file ${join(directory, 'acl')}`,
    ];
    writeFileSync(conf, lines.join('\n'));
    const [there, here] = [`mqtt://127.0.0.1:${open}`, `mqtt://127.0.0.1:${guarded}`];
    const { mosquittos, posterns, list } = await bothWays(conf, async () => ({
      open: await writes(there, NOBODY, 'c-1'),
      guarded: [await writes(here, ADA, 'c-1'), await reads(here, ADA, 'c-1')],
    }));
    expect(posterns).toStrictEqual(mosquittos);
    expect(list).toMatch(/:3: listener: differs: there is one users file: who names a user at this listener has to be in it\n/);
    expect(list).toMatch(/:5: listener: differs: another listener lets in clients without a name, so those of this host come in here too, and may do nothing/);
  });

  test('certificates and pre-shared keys as names', async () => {
    const [directory, plain, certificates, keys] = [temporaryDirectory(), await freeTcpPort(), await freeTcpPort(), await freeTcpPort()];
    const authority = new TestAuthority(directory);
    const [server, client1, stranger] = [
      authority.issue('localhost', { names: ['DNS:localhost'] }),
      authority.issue('valve-1'),
      new TestAuthority(temporaryDirectory(), 'Somebody else').issue('valve-1'),
    ];
    const conf = join(directory, 'mosquitto.conf');
    writeFileSync(join(directory, 'acl'), 'user root\ntopic readwrite #\npattern write devices/%u/#\n');
    writeFileSync(join(directory, 'psk'), 'valve-2:00112233\n');
    const tls = [`certfile ${server.certFile}`, `keyfile ${server.keyFile}`, `cafile ${authority.caFile}`];
    const lines = [
      'user root',
      `password_file ${passwordFile(directory, [['root', 'r']])}`,
      `acl_file ${join(directory, 'acl')}`,
      `psk_file ${join(directory, 'psk')}`,
      `listener ${plain} 127.0.0.1`,
      ...[`listener ${certificates} 127.0.0.1`, ...tls, 'require_certificate true', 'use_identity_as_username true'],
      ...[`listener ${keys} 127.0.0.1`, 'psk_hint garden', 'use_identity_as_username true'],
    ];
    writeFileSync(conf, lines.join('\n'));
    const shown = ({ certFile, keyFile }: IssuedFiles): string[] => ['--cafile', authority.caFile, '--cert', certFile, '--key', keyFile];
    const key = (identity: string, hex: string): string[] => ['--psk-identity', identity, '--psk', hex];
    const attempts: readonly (readonly [port: number, args: readonly string[]])[] = [
      [certificates, shown(client1)],
      [certificates, shown(stranger)],
      [certificates, ['--cafile', authority.caFile]],
      [keys, key('valve-2', '00112233')],
      [keys, key('valve-2', '99999999')],
      [keys, key('valve-1', '00112233')],
    ];
    const { mosquittos, posterns } = await bothWays(conf, async () => {
      const all = await client(`mqtt://127.0.0.1:${plain}`, ROOT);
      const seen = topicsUntilEnd(all);
      await all.subscribeAsync('#', { qos: 1 });
      const isSent = attempts.flatMap(([port, args], index) =>
        ['valve-1', 'valve-2'].map((name) => isPublished(['-h', 'localhost', '-p', String(port), '-t', `devices/${name}/${index}`, ...args])),
      );
      await all.publishAsync(END, 'x', { qos: 1 });
      return { isSent, arrived: await seen };
    });
    expect(mosquittos.arrived).toStrictEqual(['devices/valve-1/0', 'devices/valve-2/3']);
    expect(mosquittos.isSent).toStrictEqual([0, 1, 2, 3, 4, 5].flatMap((index) => [index % 3 === 0, index % 3 === 0]));
    expect(posterns).toStrictEqual(mosquittos);
  });

  test('a bridge', async () => {
    const [directory, port, centre] = [temporaryDirectory(), await freeTcpPort(), await startMosquitto()];
    const conf = join(directory, 'mosquitto.conf');
    const lines = [
      `listener ${port} 127.0.0.1`,
      'allow_anonymous true',
      'connection centre',
      `address 127.0.0.1:${centre.port}`,
      'topic readings/# out 1 "" site/',
      'topic # in 1 commands/ site/commands/',
      'topic "" out 1 one/name another/name',
      'remote_clientid garden',
      'notification_topic garden/state',
      'restart_timeout 1',
    ];
    writeFileSync(conf, lines.join('\n'));
    const remote = await client(`mqtt://127.0.0.1:${centre.port}`);
    const { mosquittos, posterns } = await bothWays(conf, async () => {
      const connected = message(remote, 'garden/state', (text) => text === '1');
      await remote.subscribeAsync('garden/state', { qos: 1 });
      await connected;
      const local = await client(`mqtt://127.0.0.1:${port}`);
      const arrived = [message(remote, 'site/readings/a'), message(remote, 'another/name'), message(local, 'commands/valve/1')];
      await remote.subscribeAsync(['site/#', 'another/#'], { qos: 1 });
      await local.subscribeAsync('commands/#', { qos: 1 });
      await local.publishAsync('readings/a', '1', { qos: 1 });
      await local.publishAsync('one/name', '2', { qos: 1 });
      await remote.publishAsync('site/commands/valve/1', '3', { qos: 1 });
      const payloads = await Promise.all(arrived);
      await local.endAsync();
      await remote.publishAsync('garden/state', '', { qos: 1, retain: true });
      return payloads;
    });
    expect(mosquittos).toStrictEqual(['1', '2', '3']);
    expect(posterns).toStrictEqual(mosquittos);
  });

  test('a suite written for Mosquitto starts Postern by config/as-mosquitto', async () => {
    const [directory, port] = [temporaryDirectory(), await freeTcpPort()];
    const conf = join(directory, 'mosquitto.conf');
    writeFileSync(conf, 'log_dest stdout\nuser root\n');
    const child = spawn(resolve('config/as-mosquitto'), ['-v', '-c', conf, '-p', String(port)], {
      env: { ...process.env, POSTERN: `${process.execPath} ${resolve('src/main.ts')}`, TMPDIR: directory },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<number | null>((done) => void child.once('close', done));
    onTestFinished(() => void child.kill('SIGKILL'));
    let output = '';
    await new Promise<void>((done, fail) => {
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text;
          if (output.includes(`127.0.0.1:${port}\n`)) done();
        });
      void ended.then((code) => fail(new Error(`ended with ${code}:\n${output}`)));
    });
    await (await client(`mqtt://127.0.0.1:${port}`)).endAsync();
    expect(output).toContain('mosquitto.conf:1: log_dest: no equivalent');
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });
});

function isPublished(args: readonly string[]): boolean {
  return spawnSync(peer('mosquitto_pub'), [...args, '-V', '311', '-q', '1', '-m', 'x'], { timeout: 20_000, stdio: 'ignore' }).status === 0;
}

/** The next payload of a topic, of those that are meant. */
function message(from: MqttClient, topic: string, isMeant: (payload: string) => boolean = () => true): Promise<string> {
  return new Promise((done) => {
    const take = (name: string, payload: Buffer): void => {
      if (name !== topic || !isMeant(payload.toString())) return;
      from.off('message', take);
      done(payload.toString());
    };
    from.on('message', take);
  });
}
