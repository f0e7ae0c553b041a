// Mosquitto's command line clients, of each version, against the gateway.
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Peer } from '../../scripts/peers.ts';
import { interopGateway } from '../support/interop-gateway.ts';
import { describeWithPeers, peer } from '../support/peers.ts';
import { temporaryDirectory } from '../support/postern-process.ts';

const VERSIONS = [['mqttv31'], ['mqttv311'], ['mqttv5']] as const;

/** One run of a client; what it prints is kept. */
class Client {
  output = '';
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  #wake: () => void = () => undefined;

  constructor(program: Peer, args: readonly string[]) {
    // Into a pipe they write when a buffer is full; the test waits for lines.
    this.#child = spawn(peer('stdbuf'), ['-oL', peer(program), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        this.#wake();
      });
    }
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code) => {
        resolve(code);
        this.#wake();
      });
    });
    onTestFinished(() => this.kill());
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async prints(text: string): Promise<void> {
    while (!this.output.includes(text)) {
      if (this.#child.exitCode !== null) throw new Error(`ended with ${this.#child.exitCode} without "${text}":\n${this.output}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Lines of messages, in the form `topic qos retain payload`. */
  get messages(): string[] {
    return this.output
      .split('\n')
      .filter((line) => line.startsWith('>'))
      .map((line) => line.slice(1));
  }
}

function options(port: number, version: string): string[] {
  return ['-h', '127.0.0.1', '-p', String(port), '-V', version];
}

async function publishes(port: number, version: string, ...args: readonly string[]): Promise<number | null> {
  return new Client('mosquitto_pub', [...options(port, version), ...args]).ended;
}

/** Subscribes and resolves once the broker has said so. */
async function subscriber(port: number, version: string, ...args: readonly string[]): Promise<Client> {
  const client = new Client('mosquitto_sub', [...options(port, version), '-d', '-F', '>%t %q %r %p', ...args]);
  await client.prints('Subscribed (mid');
  return client;
}

describeWithPeers(['mosquitto_pub', 'mosquitto_sub', 'mosquitto_rr', 'stdbuf'], 'mosquitto_pub, mosquitto_sub and mosquitto_rr', () => {
  test.each(VERSIONS)('%s: QoS 0, 1 and 2 arrive as they were sent, once', async (version) => {
    const { port } = await interopGateway();
    const sub = await subscriber(port, version, '-t', 'a/#', '-q', '2', '-C', '3');
    for (const qos of ['0', '1', '2']) expect(await publishes(port, version, '-t', `a/${qos}`, '-q', qos, '-m', `at ${qos}`)).toBe(0);
    expect(await sub.ended).toBe(0);
    expect(sub.messages).toEqual(['a/0 0 0 at 0', 'a/1 1 0 at 1', 'a/2 2 0 at 2']);
  });

  test.each(VERSIONS)('%s: a retained message is there for who comes later, and gone once cleared', async (version) => {
    const { port } = await interopGateway();
    await publishes(port, version, '-t', 'r', '-r', '-q', '1', '-m', 'kept');
    const late = await subscriber(port, version, '-t', 'r', '-C', '1');
    expect(await late.ended).toBe(0);
    expect(late.messages).toEqual(['r 0 1 kept']);
    await publishes(port, version, '-t', 'r', '-r', '-n');
    const later = await subscriber(port, version, '-t', 'r', '-W', '1');
    await later.ended;
    expect(later.messages).toEqual([]);
  });

  test.each(VERSIONS)('%s: the will of a client that is killed', async (version) => {
    const { port } = await interopGateway();
    const watcher = await subscriber(port, version, '-t', 'will', '-q', '1', '-C', '1');
    const doomed = await subscriber(port, version, '-t', 'x', '--will-topic', 'will', '--will-payload', 'gone', '--will-qos', '1');
    doomed.kill();
    expect(await watcher.ended).toBe(0);
    expect(watcher.messages).toEqual(['will 1 0 gone']);
  });

  test.each(VERSIONS)('%s: a session (-c) keeps QoS 1 and 2, also while the gateway is killed and comes back', async (version) => {
    const data = temporaryDirectory();
    const first = await interopGateway(data);
    const session = ['-t', 's', '-q', '2', '-i', 'keeper', '-c', ...(version === 'mqttv5' ? ['-x', '1000'] : [])];
    await (await subscriber(first.port, version, ...session, '-E')).ended;
    for (const payload of ['1', '2', '3', '4']) {
      expect(await publishes(first.port, version, '-t', 's', '-q', Number(payload) % 2 === 0 ? '2' : '1', '-m', payload)).toBe(0);
    }
    first.process.kill('SIGKILL');
    await first.process.ended;
    const second = await interopGateway(data);
    const again = new Client('mosquitto_sub', [...options(second.port, version), '-F', '>%t %q %r %p', ...session, '-C', '4']);
    expect(await again.ended).toBe(0);
    expect(again.messages.filter((line) => line.startsWith('s 1'))).toEqual(['s 1 0 1', 's 1 0 3']); // ordered within a QoS (MQTT-4.6.0-5)
    expect(again.messages.filter((line) => line.startsWith('s 2'))).toEqual(['s 2 0 2', 's 2 0 4']);
  });

  test.each(VERSIONS)('%s: a payload of 1.9 MB at QoS 2, to a subscriber of each version', async (version) => {
    const { port } = await interopGateway();
    const file = join(temporaryDirectory(), 'payload');
    writeFileSync(file, Buffer.alloc(1_900_000, 'x'));
    const subs = await Promise.all(VERSIONS.map(([each]) => subscriber(port, each, '-t', 'big', '-q', '2', '-F', '>%t %q %l', '-C', '1')));
    expect(await publishes(port, version, '-t', 'big', '-q', '2', '-f', file)).toBe(0);
    for (const sub of subs) {
      expect(await sub.ended).toBe(0);
      expect(sub.messages).toEqual(['big 2 1900000']);
    }
  });

  test.each([['mqttv311'], ['mqttv5']])('%s: mosquitto_rr asks, and gets the answer that is published to its response topic', async (version) => {
    const { port } = await interopGateway();
    const responder = await subscriber(port, version, '-t', 'ask/+', '-q', '1', '-C', '1');
    const requester = new Client('mosquitto_rr', [
      ...options(port, version),
      '-t',
      'ask/a',
      '-e',
      'answer/a',
      '-q',
      '1',
      '-m',
      'question',
      '-d',
      '-F',
      '>%t %p',
    ]);
    await responder.ended;
    expect(responder.messages).toEqual(['ask/a 1 0 question']);
    await publishes(port, version, '-t', 'answer/a', '-q', '1', '-m', 'answer');
    expect(await requester.ended).toBe(0);
    expect(requester.messages).toEqual(['answer/a answer']);
  });

  test('5.0: mosquitto_rr: the request carries response topic and correlation data', async () => {
    const { port } = await interopGateway();
    const responder = await subscriber(port, 'mqttv5', '-t', 'ask', '-F', '>%R %D', '-C', '1');
    const requester = new Client('mosquitto_rr', [
      ...[...options(port, 'mqttv5'), '-t', 'ask', '-e', 'answer', '-m', 'question', '-F', '>%p'],
      ...['-D', 'publish', 'correlation-data', '42'],
    ]);
    await responder.ended;
    expect(responder.messages).toEqual(['answer 42']);
    await publishes(port, 'mqttv5', '-t', 'answer', '-m', 'answer', '-D', 'publish', 'correlation-data', '42');
    expect(await requester.ended).toBe(0);
    expect(requester.messages).toEqual(['answer']);
  });

  test('5.0: properties arrive, in order', async () => {
    const { port } = await interopGateway();
    const sub = await subscriber(port, 'mqttv5', '-t', 'p', '-F', '>%C %R %D %P', '-C', '1');
    const properties = ['content-type text', 'response-topic r/1', 'correlation-data c', 'user-property b 1', 'user-property a 2'];
    const args = properties.flatMap((property) => ['-D', 'PUBLISH', ...property.split(' ')]);
    expect(await publishes(port, 'mqttv5', '-t', 'p', '-m', 'x', ...args)).toBe(0);
    await sub.ended;
    expect(sub.messages).toEqual(['text r/1 c b:1 a:2']);
  });

  test('a subscription that is not permitted is told so', async () => {
    const { port } = await interopGateway();
    const denied = new Client('mosquitto_sub', [...options(port, 'mqttv5'), '-t', 'test/nosubscribe', '-d', '-W', '2']);
    await denied.ended;
    expect(denied.output).toMatch(/All subscription requests were denied|Not authorized|135/);
  });

  test('5,000 lines from one publisher at QoS 1 arrive all, in order', async () => {
    const { port } = await interopGateway();
    const lines = Array.from({ length: 5_000 }, (_, index) => `line ${index}`);
    const sub = new Client('mosquitto_sub', [...options(port, 'mqttv311'), '-t', 'lines', '-q', '1', '-F', '>%p', '-d', '-C', '5000']);
    await sub.prints('Subscribed (mid');
    const pub = spawn(peer('mosquitto_pub'), [...options(port, 'mqttv311'), '-t', 'lines', '-q', '1', '-l'], { stdio: ['pipe', 'ignore', 'ignore'] });
    pub.stdin.end(`${lines.join('\n')}\n`);
    expect(await sub.ended).toBe(0);
    expect(sub.messages).toEqual(lines);
  });
});
