// Eclipse Paho's client for Python, as Debian ships it, in each version against the gateway.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { interopGateway } from '../support/interop-gateway.ts';
import { describeWithPeers, peer } from '../support/peers.ts';
import { temporaryDirectory } from '../support/postern-process.ts';

const VERSIONS = [[3], [4], [5]] as const;
type Version = (typeof VERSIONS)[number][0];

/** The Receive Maximum of config/examples/interop.yaml. */
const WINDOW = 20;

/** What a client told, as paho_client.py writes it. */
interface Told {
  readonly event: string;
  readonly [field: string]: unknown;
}

interface ClientOptions {
  readonly version: Version;
  readonly clientId?: string;
  readonly clean?: boolean;
}

/** A paho-mqtt client in a process of its own. */
class PahoClient {
  readonly #child: ChildProcess;
  readonly #told: Told[] = [];
  #rest = '';
  #errors = '';
  #wake: () => void = () => undefined;

  constructor({ version, clientId = '', clean = true }: ClientOptions) {
    const args = [join(import.meta.dirname, 'paho_client.py'), String(version), clientId, clean ? 'clean' : 'kept'];
    this.#child = spawn(peer('/usr/bin/python3'), args, { stdio: 'pipe' });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.#rest + text).split('\n');
      this.#rest = lines.pop() ?? '';
      this.#told.push(...lines.map((line): Told => JSON.parse(line)));
      this.#wake();
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    this.#child.once('close', () => this.#wake());
    onTestFinished(() => this.kill());
  }

  does(command: string, fields: object = {}): this {
    this.#child.stdin?.write(`${JSON.stringify({ do: command, ...fields })}\n`);
    return this;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Waits until it has told `count` events of a kind, and takes them. */
  async tells(event: string, count = 1): Promise<Told[]> {
    const told = (): Told[] => this.#told.filter((each) => each.event === event);
    while (told().length < count) {
      if (this.#child.exitCode !== null) throw new Error(`ended with ${this.#child.exitCode} without ${count} of ${event}:\n${this.#errors}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const taken = told().slice(0, count);
    for (const each of taken) this.#told.splice(this.#told.indexOf(each), 1);
    return taken;
  }

  async messages(count: number): Promise<Told[]> {
    return this.tells('message', count);
  }

  async connected(port: number, fields: object = {}): Promise<Told | undefined> {
    const [told] = await this.does('connect', { port, ...fields }).tells('connected');
    return told;
  }

  async subscribed(topic: string, qos: number): Promise<this> {
    await this.does('subscribe', { topic, qos }).tells('subscribed');
    return this;
  }
}

async function client(port: number, options: ClientOptions, fields: object = {}): Promise<PahoClient> {
  const made = new PahoClient(options);
  expect(await made.connected(port, fields)).toMatchObject({ code: 0 });
  return made;
}

function session(version: Version): object {
  return version === 5 ? { properties: { SessionExpiryInterval: 1_000 } } : {};
}

/** Each tells when all of its own are done: with QoS 2 both ways paho-mqtt 1.6 loses count and goes beyond a Receive Maximum by itself. */
async function publishBothWays([a, b]: readonly [PahoClient, PahoClient], payloads: readonly string[], qos: number): Promise<void> {
  for (const payload of payloads) {
    a.does('publish', { topic: 'to/b', payload, qos });
    b.does('publish', { topic: 'to/a', payload, qos });
  }
  for (const each of [a, b]) await each.tells('published', payloads.length);
}

describeWithPeers(['/usr/bin/python3', '/usr/lib/python3/dist-packages/paho/mqtt/client.py'], 'paho-mqtt of Python', () => {
  test.each(VERSIONS)('version %i: 100 messages at each QoS, both ways between two clients, each once and in order', async (version) => {
    const { port } = await interopGateway();
    const [a, b] = [await client(port, { version }), await client(port, { version })];
    await a.subscribed('to/a', 2);
    await b.subscribed('to/b', 2);
    const sent = Array.from({ length: 100 }, (_, index) => String(index));
    for (const qos of [0, 1, 2]) {
      for (let at = 0; at < sent.length; at += WINDOW) await publishBothWays([a, b], sent.slice(at, at + WINDOW), qos);
      for (const each of [a, b]) {
        const received = await each.messages(sent.length);
        expect(received.map(({ payload }) => payload)).toEqual(sent);
        expect(received.every((message) => message['qos'] === qos && message['dup'] === false)).toBe(true);
      }
    }
  });

  test.each(VERSIONS)('version %i: a retained message is there for who comes later, and gone once cleared', async (version) => {
    const { port } = await interopGateway();
    const a = await client(port, { version });
    await a.does('publish', { topic: 'r', payload: 'kept', qos: 1, retain: true }).tells('published');
    const b = await client(port, { version });
    await b.subscribed('r', 1);
    expect(await b.messages(1)).toMatchObject([{ payload: 'kept', retain: true, qos: 1 }]);
    await a.does('publish', { topic: 'r', payload: '', qos: 1, retain: true }).tells('published');
    expect(await b.messages(1)).toMatchObject([{ payload: '', retain: false }]);
    const c = await client(port, { version });
    await c.subscribed('r', 1);
    await a.does('publish', { topic: 'r', payload: 'next', qos: 1 }).tells('published');
    expect(await c.messages(1)).toMatchObject([{ payload: 'next' }]);
  });

  test.each(VERSIONS)('version %i: the will of a client that is killed; none of one that disconnects', async (version) => {
    const { port } = await interopGateway();
    const watcher = await client(port, { version });
    await watcher.subscribed('will/#', 2);
    const will = (name: string): object => ({ will: { topic: `will/${name}`, payload: 'gone', qos: 2, retain: false } });
    const polite = await client(port, { version }, will('polite'));
    await polite.does('disconnect').tells('disconnected');
    const doomed = await client(port, { version }, will('doomed'));
    doomed.kill();
    expect(await watcher.messages(1)).toMatchObject([{ topic: 'will/doomed', payload: 'gone', qos: 2 }]);
  });

  test.each(VERSIONS)('version %i: a session is found again, with its subscription and what came meanwhile, over a kill of the gateway', async (version) => {
    const data = temporaryDirectory();
    const first = await interopGateway(data);
    const kept = { version, clientId: 'keeper', clean: false } as const;
    const keeper = await client(first.port, kept, session(version));
    await keeper.subscribed('s', 2);
    keeper.kill();
    const publisher = await client(first.port, { version });
    for (const [index, qos] of [1, 2, 1, 2].entries()) await publisher.does('publish', { topic: 's', payload: String(index), qos }).tells('published');
    first.process.kill('SIGKILL');
    await first.process.ended;
    const second = await interopGateway(data);
    const again = new PahoClient(kept);
    expect(await again.connected(second.port, session(version))).toMatchObject({ code: 0, sessionPresent: version === 3 ? 0 : 1 });
    const received = await again.messages(4);
    expect(received.filter(({ qos }) => qos === 1).map(({ payload }) => payload)).toEqual(['0', '2']);
    expect(received.filter(({ qos }) => qos === 2).map(({ payload }) => payload)).toEqual(['1', '3']);
  });

  test.each(VERSIONS)('version %i: no message after UNSUBSCRIBE', async (version) => {
    const { port } = await interopGateway();
    const a = await client(port, { version });
    await a.subscribed('one', 1);
    await a.subscribed('two', 1);
    await a.does('unsubscribe', { topic: 'one' }).tells('unsubscribed');
    for (const topic of ['one', 'two']) a.does('publish', { topic, payload: topic, qos: 1 });
    expect(await a.messages(1)).toMatchObject([{ topic: 'two' }]);
  });

  test('5.0: the properties of a message arrive, User Properties in order', async () => {
    const { port } = await interopGateway();
    const [a, b] = [await client(port, { version: 5 }), await client(port, { version: 5 })];
    await b.subscribed('p', 1);
    const properties = {
      PayloadFormatIndicator: 1,
      MessageExpiryInterval: 60,
      ContentType: 'text/plain',
      ResponseTopic: 'r/1',
      CorrelationData: 'c',
      UserProperty: [
        ['b', '1'],
        ['a', '2'],
        ['b', '3'],
      ],
    };
    a.does('publish', { topic: 'p', payload: 'x', qos: 1, properties });
    expect(await b.messages(1)).toMatchObject([{ payload: 'x', properties }]);
  });

  test('5.0: CONNACK tells an assigned client id and the limits of the gateway', async () => {
    const { port } = await interopGateway();
    const told = await new PahoClient({ version: 5 }).connected(port);
    expect(told).toMatchObject({ properties: { ReceiveMaximum: 20, MaximumPacketSize: 2_000_000, TopicAliasMaximum: 10 } });
    expect(told).toHaveProperty('properties.AssignedClientIdentifier', expect.stringMatching(/./));
  });

  test.each([
    [3, 0x80],
    [4, 0x80],
    [5, 0x87],
  ] as const)('version %i: a subscription that is not permitted is told so: %i', async (version, code) => {
    const { port } = await interopGateway();
    const a = await client(port, { version });
    expect(await a.does('subscribe', { topic: 'test/nosubscribe', qos: 0 }).tells('subscribed')).toMatchObject([{ codes: [code] }]);
  });

  test('5.0: a second connection with its client id ends the first', async () => {
    const { port } = await interopGateway();
    const first = await client(port, { version: 5, clientId: 'one' });
    await client(port, { version: 5, clientId: 'one' });
    await first.tells('disconnected'); // it reads a reason code only where properties follow
    first.kill(); // it would connect again
  });
});
