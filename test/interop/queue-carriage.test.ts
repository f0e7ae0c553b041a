// `postern queue export` and `import` as a person uses them, on gateways that run; and with whatever takes part killed at any step.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect, connectAsync, type MqttClient } from 'mqtt';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Ended, PosternProcess, type ProcessOptions, postern, temporaryDirectory } from '../support/postern-process.ts';

const KILLED_AMONG = fileURLToPath(new URL('../support/killed-among.ts', import.meta.url));
const KILLS_MS_MAX = 400_000;
const KILLS_MIN = 12;
const MESSAGES = 1_500;
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
  await published(site, payloads);
  return site;
}

async function published({ url }: Site, payloads: readonly string[]): Promise<void> {
  const sensor = await connected(url, { protocolVersion: 5 });
  const properties = { userProperties: { site: 'north' } };
  await Promise.all(payloads.map((payload) => sensor.publishAsync('plant/temp', payload, { qos: 1, properties })));
  await sensor.endAsync();
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
      const exports = await swept((at, options) => exporting(there, join(stick, `${at}.queue`), options), there);
      await published(there, numbers(2 * MESSAGES).slice(MESSAGES));
      const further = await swept(
        (at, options) => exporting(there, join(stick, `further-${at}.queue`), options),
        there,
        (at) => 3 * at,
      );
      expect([exports >= KILLS_MIN, further >= 3]).toEqual([true, true]);
      const files = readdirSync(stick).map((name) => join(stick, name)); // with what was cut short
      for (const [index, file] of files.entries())
        await swept(
          (_, options) => importing(here, file, options),
          here,
          (at) => at * at + index,
        );
      expect(await received(there)).toEqual([]);
      expect((await received(here)).sort()).toEqual(
        numbers(2 * MESSAGES)
          .map((each) => `${each} north`)
          .sort(),
      );
    },
    KILLS_MS_MAX,
  );
});

type Run = (at: number, options: ProcessOptions) => Promise<Ended>;

/**
 * Runs it with a kill at a later step each time, by turns of the command and of the gateway, until it comes to its end before.
 *
 * @param stepOf - at which step the `at`-th run is killed.
 * @returns how many kills there were.
 */
async function swept(run: Run, site: Site, stepOf = (at: number): number => at): Promise<number> {
  for (let at = 1; ; at += 1) {
    const isGateway = at % 3 === 0;
    const whom: Record<string, string> = isGateway ? { KILL_PID: String(site.gateway.pid), KILL_AFTER_MS: String((at * 5) % 12) } : {};
    const ended = await run(at, { before: KILLED_AMONG, environment: { KILL_AT: String(stepOf(at)), ...whom } });
    if (isGateway) await restarted(site);
    else if (ended.signal === null) {
      expect([0, 65], ended.stderr).toContain(ended.code); // 65: of a file that was cut short
      return at - 1;
    }
  }
}

async function restarted(site: Site): Promise<void> {
  site.gateway.kill('SIGKILL');
  await site.gateway.ended;
  Object.assign(site, await started(site.data));
}
