// What a bridge tells of its messages, recorded by Debian's mosquitto_sub at Debian's Mosquitto, is proof enough, over kills of the gateway.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { bridgingGateway } from '../support/bridging-gateway.ts';
import { startMosquitto } from '../support/mosquitto-process.ts';
import { describeWithPeers, peer } from '../support/peers.ts';
import { postern, temporaryDirectory } from '../support/postern-process.ts';

const PER_BOOT = 300;
const BOOTS = 3;

/** Lines of `mosquitto_sub -F %j`, from before the first message on. */
class Recorder {
  readonly #child;
  #text = '';
  #wake: () => void = () => undefined;

  constructor(port: number) {
    const args = ['-V', '5', '-p', String(port), '-i', 'recorder', '-c', '-q', '2', '-t', 'readings/#', '-t', 'postern/#', '-t', 'ready', '-F', '%j'];
    this.#child = spawn(peer('mosquitto_sub'), args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child.stdout.setEncoding('utf8').on('data', (more: string) => {
      this.#text += more;
      this.#wake();
    });
    onTestFinished(() => void this.#child.kill());
  }

  /** Until so many different things that match were recorded. */
  async until(pattern: RegExp, count = 1): Promise<void> {
    while (new Set(this.#text.match(pattern)).size < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async end(): Promise<string> {
    this.#child.kill('SIGTERM');
    await once(this.#child, 'close');
    return this.#text;
  }
}

/** A recording made while the gateway is killed after each of its boots. */
async function recorded(provenance: string, protocol: string): Promise<string> {
  const centre = await startMosquitto();
  const recorder = new Recorder(centre.port);
  const probe = await connectAsync({ port: centre.port, host: '127.0.0.1' });
  onTestFinished(() => void probe.end(true));
  const asking = setInterval(() => probe.publish('ready', '{}'), 20);
  await recorder.until(/"ready"/g);
  clearInterval(asking);
  const bridge = `{name: centre, clientId: edge, address: "127.0.0.1:${centre.port}", protocol: "${protocol}", provenance: ${provenance}, topics: [{filter: "readings/#"}], retry: {capSeconds: 1}}`;
  const data = temporaryDirectory();
  for (let boot = 1; boot <= BOOTS; boot += 1) {
    const { process: gateway, port } = await bridgingGateway(data, bridge);
    const clients = await Promise.all(['a', 'b', 'c'].map((clientId) => connectAsync({ port, host: '127.0.0.1', clientId, reconnectPeriod: 0 })));
    await Promise.all(
      Array.from({ length: PER_BOOT }, (_, at) => clients[at % 3]?.publishAsync(`readings/${at % 7}`, `${boot}/${at}`, { qos: at % 2 === 0 ? 1 : 2 })),
    );
    if (boot === BOOTS) await recorder.until(new RegExp(`\\b${boot}/\\d+\\b`, 'g'), PER_BOOT);
    gateway.kill(boot === 2 ? 'SIGTERM' : 'SIGKILL');
    await gateway.ended;
    for (const client of clients) client.end(true);
  }
  const file = join(temporaryDirectory(), 'stream.jsonl');
  writeFileSync(file, await recorder.end());
  return file;
}

describeWithPeers(['mosquitto', 'mosquitto_sub'], 'a recording of a bridge with provenance', () => {
  test.each([
    ['properties', '5.0'],
    ['envelope', '3.1.1'],
  ])('%s: is complete over two kills, and is not without any one of its lines', async (provenance, protocol) => {
    const file = await recorded(provenance, protocol);
    const whole = await postern(['verify-stream', file, '--whole', '--json']);
    const [verdict, ...further] = JSON.parse(whole.stdout);
    expect([verdict.problems, further, whole.code]).toEqual([[], [], 0]);
    expect(verdict.messages).toBe(PER_BOOT * BOOTS);
    const lines = readFileSync(file, 'utf8').split('\n');
    const payloadOf = (line: string): string | undefined => /\b[12]\/\d+\b/.exec(line)?.[0];
    const payloads = lines.map(payloadOf);
    const victims = lines.filter((_, at) => payloads[at] !== undefined && payloads.indexOf(payloads[at]) === payloads.lastIndexOf(payloads[at])); // not twice
    const victim = victims[Math.floor(victims.length / 2)];
    writeFileSync(file, lines.filter((line) => line !== victim).join('\n'));
    const lacking = await postern(['verify-stream', file, '--whole']);
    expect([lacking.code, lacking.stdout]).toEqual([
      1,
      expect.stringMatching(/^edge: NOT complete.*\n {2}boot [12]: \d+ is missing, and no report speaks of it\n$/),
    ]);
  });
});
