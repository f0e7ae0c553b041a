// Gateways bridged in circles: each of 10,000 messages, half of them with equal payloads, is had once everywhere.
import { setTimeout as delay } from 'node:timers/promises';
import { connectAsync, type MqttClient } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { freeTcpPort } from '../durability/e2e/network.ts';
import { startMosquitto } from '../support/mosquitto-process.ts';
import { describeWithPeers } from '../support/peers.ts';
import { PosternProcess, postern, temporaryDirectory } from '../support/postern-process.ts';

const MESSAGES = 10_000;
/** MQTT.js keeps to no Receive Maximum by itself. */
const WINDOW = 200;
const POLL_MS = 50;

interface Node {
  readonly name: string;
  readonly data: string;
  readonly client: MqttClient;
  /** How often each payload was had. */
  readonly had: Map<string, number>;
}

interface Status {
  readonly bridges: readonly { readonly isConnected: boolean; readonly queuedMessages: number }[];
  readonly counters: Readonly<Record<string, number>>;
}

async function client(port: number, had: Map<string, number>): Promise<MqttClient> {
  const made = await connectAsync({ port, host: '127.0.0.1', protocolVersion: 5, properties: { sessionExpiryInterval: 1_000 } });
  onTestFinished(() => void made.end(true));
  made.on('message', (_, payload) => void had.set(payload.toString(), (had.get(payload.toString()) ?? 0) + 1));
  await made.subscribeAsync('t/#', { qos: 1 });
  return made;
}

async function node(name: string, port: number, bridge: string): Promise<Node> {
  const data = temporaryDirectory();
  const listener = ['--set', `mqtt.tcp.bind=127.0.0.1:${port}`, '--set', 'mqttSn.udp.enabled=false'];
  await new PosternProcess(['--data', data, ...listener, '--set', `bridges=[${bridge}]`]).prints(/mqtt\.tcp +127/);
  const had = new Map<string, number>();
  return { name, data, had, client: await client(port, had) };
}

async function statusOf({ data }: Node): Promise<Status> {
  const { stdout } = await postern(['status', '--data', data, '--json']);
  return JSON.parse(stdout);
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(POLL_MS);
}

const allConnected = (nodes: readonly Node[]) => async (): Promise<boolean> =>
  (await Promise.all(nodes.map(statusOf))).every(({ bridges }) => bridges.every(({ isConnected }) => isConnected));
const allSent = (nodes: readonly Node[]) => async (): Promise<boolean> =>
  (await Promise.all(nodes.map(statusOf))).every(({ bridges }) => bridges.every(({ queuedMessages }) => queuedMessages === 0));

/** Every other payload is the same one. */
async function publishAll(nodes: readonly Node[]): Promise<void> {
  const each = Math.ceil(MESSAGES / nodes.length);
  await Promise.all(
    nodes.map(async ({ name, client: publisher }, index) => {
      const count = Math.min(each, MESSAGES - index * each);
      const publish = (at: number): Promise<unknown> => publisher.publishAsync('t/1', at % 2 === 0 ? 'equal' : `${name} ${at}`, { qos: 1 });
      for (let from = 0; from < count; from += WINDOW) await Promise.all(Array.from({ length: Math.min(WINDOW, count - from) }, (_, at) => publish(from + at)));
    }),
  );
}

/** Whatever was under way is there, and after it these words of each node, at each node. */
async function allHave(nodes: readonly Node[], words: readonly string[]): Promise<void> {
  await until(async () => nodes.every(({ had }) => words.every((word) => had.has(word))));
}

function copies({ had }: Node): { readonly equal: number | undefined; readonly others: number; readonly most: number } {
  const others = [...had].filter(([payload]) => payload !== 'equal');
  return { equal: had.get('equal'), others: others.length, most: Math.max(...others.map(([, count]) => count)) };
}

describeWithPeers(['mosquitto'], 'one copy each', () => {
  test.each([
    ['that knows the bridge bit', true],
    ['that sends back whatever it gets', false],
  ])('two gateways, everything in both directions, through a 3.1.1 broker %s', { timeout: 120_000 }, async (_, tryPrivate) => {
    const centre = await startMosquitto(['max_queued_messages 0']);
    const bridge = `{name: centre, address: "127.0.0.1:${centre.port}", protocol: 3.1.1, clientId: NAME, tryPrivate: ${tryPrivate}, topics: [{filter: "#", direction: both, qos: 1}]}`;
    const nodes = await Promise.all(['a', 'b'].map(async (name) => node(name, await freeTcpPort(), bridge.replace('NAME', name))));
    await until(allConnected(nodes));
    await publishAll(nodes);
    for (const { name, client: publisher } of nodes) await publisher.publishAsync('t/1', `end ${name}`, { qos: 1 });
    await allHave(nodes, ['end a', 'end b']);
    await until(allSent(nodes));
    const there = await client(centre.port, new Map());
    await there.publishAsync('t/1', 'last', { qos: 1 }); // behind every echo
    await allHave(nodes, ['last']);
    expect(nodes.map(copies)).toEqual(nodes.map(() => ({ equal: MESSAGES / 2, others: MESSAGES / 2 + 3, most: 1 })));
    const echoes = await Promise.all(nodes.map(async (each) => (await statusOf(each)).counters['bridge:centre.dropped.echoes']));
    expect(echoes).toEqual(nodes.map(() => (tryPrivate ? 0 : MESSAGES / 2 + 1)));
  });

  test('three gateways in a ring, everything in both directions, MQTT 5', { timeout: 120_000 }, async () => {
    const ports = [await freeTcpPort(), await freeTcpPort(), await freeTcpPort()];
    const bridge = (at: number): string =>
      `{name: next, address: "127.0.0.1:${ports[(at + 1) % 3]}", clientId: from-${at}, hopsMax: 1, topics: [{filter: "#", direction: both, qos: 1}], retry: {capSeconds: 1}}`;
    const nodes = await Promise.all(['a', 'b', 'c'].map((name, at) => node(name, ports[at] ?? 0, bridge(at))));
    await until(allConnected(nodes));
    await publishAll(nodes);
    for (const { name, client: publisher } of nodes) await publisher.publishAsync('t/1', `end ${name}`, { qos: 1 });
    await allHave(nodes, ['end a', 'end b', 'end c']);
    await until(allSent(nodes));
    expect(nodes.map(copies)).toEqual(nodes.map(() => ({ equal: MESSAGES / 2, others: MESSAGES / 2 + 3, most: 1 })));
  });
});
