// `postern queue export` and `import` as a person uses them, on gateways that run; and with whatever takes part killed at any step.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect, connectAsync, type MqttClient } from 'mqtt';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Ended, PosternProcess, type ProcessOptions, postern, temporaryDirectory } from '../support/postern-process.ts';

const KILLED_AMONG = fileURLToPath(new URL('../support/killed-among.ts', import.meta.url));
const KILLS_MS_MAX = 400_000;
const KILLS = 6;
const MESSAGES = 2_000;
const SETTINGS = ['--set', 'mqtt.tcp.bind=127.0.0.1:0', '--set', 'mqttSn.udp.enabled=false'];
const STORED = { clientId: 'panel', clean: false, protocolVersion: 5, properties: { sessionExpiryInterval: 3_600 } } as const;

interface Site {
  readonly data: string;
  gateway: PosternProcess;
  url: string;
}

async function started(data: string): Promise<Site> {
  const gateway = new PosternProcess(['start', '--data', data, ...SETTINGS]);
  const [, port = ''] = await gateway.prints(/mqtt\.tcp +127\.0\.0\.1:(\d+)\n/);
  return { data, gateway, url: `mqtt://127.0.0.1:${port}` };
}

/** After it was killed. */
async function startedAgain(site: Site): Promise<void> {
  await site.gateway.ended;
  Object.assign(site, await started(site.data));
}

async function connected(url: string, options: Parameters<typeof connectAsync>[1] = {}): Promise<MqttClient> {
  const client = await connectAsync(url, { reconnectPeriod: 0, ...options });
  onTestFinished(async () => void client.end(true));
  return client;
}

/** A gateway with a client that is away, and what waits for it. */
async function siteWith(payloads: readonly string[]): Promise<Site> {
  const site = await started(join(temporaryDirectory(), 'data'));
  const panel = await connected(site.url, STORED);
  await panel.subscribeAsync('plant/#', { qos: 1 });
  await panel.endAsync();
  const sensor = await connected(site.url, { protocolVersion: 5 });
  const properties = { userProperties: { site: 'north' } };
  await Promise.all(payloads.map((payload) => sensor.publishAsync('plant/temp', payload, { qos: 1, properties })));
  await sensor.endAsync();
  return site;
}

/** What the client gets, up to a mark that is published behind it. */
async function received({ url }: Site): Promise<string[]> {
  const texts: string[] = [];
  const client = connect(url, { reconnectPeriod: 0, ...STORED });
  onTestFinished(async () => void client.end(true));
  const done = new Promise<void>((resolve) => {
    client.on('message', (_, payload, { properties }) => {
      if (String(payload) === 'mark') resolve();
      else texts.push(`${payload} ${properties?.userProperties?.['site']}`);
    });
  });
  const marker = await connected(url);
  await marker.publishAsync('plant/mark', 'mark', { qos: 1 });
  await done;
  return texts;
}

function exporting({ data }: Site, file: string, options?: ProcessOptions): Promise<Ended> {
  return postern(['queue', 'export', 'panel', file, '--remove', '--data', data], options);
}

function importing({ data }: Site, file: string, options?: ProcessOptions): Promise<Ended> {
  return postern(['queue', 'import', file, '--data', data, '--json'], options);
}

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index));
}

describe('postern queue export and import', () => {
  test('carry what waits to another gateway, once, with its properties', async () => {
    const there = await siteWith(numbers(30));
    const here = await siteWith([]);
    const file = join(temporaryDirectory(), 'stick.queue');
    expect(await exporting(there, file)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/stick\.queue {2}30 messages, .*\n30 removed from the queue\n$/),
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await exporting(there, file)).stderr).toContain('exists: choose another name');
    expect(await importing(here, file)).toMatchObject({ code: 0, stdout: expect.stringContaining('"imported":30,"known":0') });
    expect(await importing(here, file)).toMatchObject({ code: 0, stdout: expect.stringContaining('"imported":0,"known":30') });
    expect(await received(here)).toEqual(numbers(30).map((each) => `${each} north`));
    expect(await received(there)).toEqual([]);
  });

  test('what is whole of a damaged file is imported, and the rest once there is a better copy', async () => {
    const there = await siteWith(numbers(30));
    const here = await siteWith([]);
    const [file, damaged] = [join(temporaryDirectory(), 'a.queue'), join(temporaryDirectory(), 'b.queue')];
    await exporting(there, file);
    const bytes = readFileSync(file);
    const middle = bytes.length >>> 1;
    bytes.fill(0, middle, middle + 200);
    writeFileSync(damaged, bytes);
    const first = await importing(here, damaged);
    expect(first.code).toBe(65);
    const { imported, damagedBytes } = JSON.parse(first.stdout);
    expect([imported >= 25, imported < 30, damagedBytes >= 200]).toEqual([true, true, true]);
    expect(await importing(here, file)).toMatchObject({ code: 0, stdout: expect.stringContaining(`"imported":${30 - imported},"known":${imported}`) });
    expect((await received(here)).sort()).toEqual(
      numbers(30)
        .map((each) => `${each} north`)
        .sort(),
    );
  });

  test(
    'lose nothing and bring nothing twice, whatever is killed at whichever step',
    async () => {
      const [there, here] = [await siteWith(numbers(MESSAGES)), await siteWith([])];
      const stick = temporaryDirectory();
      let killed = 0;
      for (let at = 0; at <= KILLS; at += 1) {
        const ended = await exporting(there, join(stick, `${at}.queue`), killing(there, at));
        killed += await mended(there, ended);
      }
      const files = readdirSync(stick).map((name) => join(stick, name)); // with what was cut short
      for (const [index, file] of files.entries()) {
        for (let at = 0; at < 3; at += 1) killed += await mended(here, await importing(here, file, killing(here, 2 * index + at)));
        const { code, stderr } = await importing(here, file);
        expect([0, 65], stderr).toContain(code);
      }
      expect(killed).toBeGreaterThan(KILLS);
      expect(await received(there)).toEqual([]);
      expect((await received(here)).sort()).toEqual(
        numbers(MESSAGES)
          .map((each) => `${each} north`)
          .sort(),
      );
    },
    KILLS_MS_MAX,
  );
});

/** The last of the exports is left alone. */
function killing({ gateway }: Site, at: number): ProcessOptions {
  if (at === KILLS) return {};
  const step = String(1 + ((at * 7) % 23));
  const whom = at % 2 === 0 ? { KILL_AT: step } : { KILL_AT: step, KILL_PID: String(gateway.pid), KILL_AFTER_MS: String((at * 5) % 12) };
  return { before: KILLED_AMONG, environment: whom };
}

/** Starts the gateway again if it was killed. @returns how many processes were. */
async function mended(site: Site, { signal, stderr }: Ended): Promise<number> {
  if (signal === 'SIGKILL') return 1;
  if (!/no gateway is running|closed the connection/.test(stderr) && existsSync(`/proc/${site.gateway.pid}`)) return 0;
  await startedAgain(site);
  return 1;
}
