// MQTT over WebSocket, secure WebSocket and a Unix socket, as clients of Node.js speak it: MQTT.js on ws, and the WebSocket Node.js has itself.
import { statSync, writeFileSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { join } from 'node:path';
import { connect, type IClientOptions, MqttClient } from 'mqtt';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SERVER_IDENTITY, TEST_AUTHORITY } from '../support/certificates.ts';
import { PosternProcess, temporaryDirectory } from '../support/postern-process.ts';

interface Addresses {
  readonly process: PosternProcess;
  readonly ws: string;
  readonly wss: string;
  readonly old: string;
  readonly unix: string;
}

/** A gateway with each kind of listener, the one called `old` for MQTT 3.1.1 only. */
async function gateway(): Promise<Addresses> {
  const directory = temporaryDirectory();
  const file = (name: string) => join(directory, name);
  writeFileSync(file('server.pem'), SERVER_IDENTITY.cert);
  writeFileSync(file('server.key'), SERVER_IDENTITY.key);
  const config = `
mqttSn: {udp: {enabled: false}}
mqtt:
  tcp: {enabled: false}
  ws: {enabled: true, bind: "127.0.0.1:0"}
  wss: {enabled: true, bind: "127.0.0.1:0", certFile: ${file('server.pem')}, keyFile: ${file('server.key')}}
  listeners:
    - {name: old, type: ws, bind: "127.0.0.1:0", versions: [3.1.1], webSocket: {path: /}}
    - {name: local, type: unix, path: ${file('mqtt.sock')}}
`;
  writeFileSync(file('postern.yaml'), config);
  const process = new PosternProcess(['start', '--data', directory, '--config', file('postern.yaml')]);
  const address = async (name: string) => (await process.prints(new RegExp(`mqtt\\.${name} +(\\S+)\n`)))[1] ?? '';
  const [ws, wss, old, unix] = [await address('ws'), await address('wss'), await address('old'), await address('local')];
  return { process, ws: `ws://${ws}/mqtt`, wss: `wss://${wss}/mqtt`, old: `ws://${old}/`, unix };
}

function ready(client: MqttClient): Promise<MqttClient> {
  onTestFinished(() => void client.end(true));
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve(client)).once('error', reject);
    client.once('close', () => reject(new Error('closed'))); // all MQTT.js says of a handshake that was refused
  });
}

function client(url: string, options: IClientOptions = {}): Promise<MqttClient> {
  return ready(connect(url, { reconnectPeriod: 0, ca: TEST_AUTHORITY, servername: 'localhost', ...options }));
}

function unixClient(path: string): Promise<MqttClient> {
  return ready(new MqttClient(() => connectSocket(path), { reconnectPeriod: 0 }));
}

function collected(subscriber: MqttClient, count: number): Promise<string[]> {
  const payloads: string[] = [];
  return new Promise((resolve) => {
    subscriber.on('message', (_, payload) => {
      payloads.push(payload.toString());
      if (payloads.length === count) resolve(payloads);
    });
  });
}

const VERSIONS: readonly [string, IClientOptions][] = [
  ['3.1', { protocolVersion: 3, protocolId: 'MQIsdp' }],
  ['3.1.1', { protocolVersion: 4 }],
  ['5.0', { protocolVersion: 5 }],
];

describe('MQTT.js', () => {
  test.each(VERSIONS)('MQTT %s: what comes in by one kind of listener goes out by the others', async (_, options) => {
    const { ws, wss, unix } = await gateway();
    const subscribers = [await client(ws, options), await client(wss, options), await unixClient(unix)];
    await Promise.all(subscribers.map((each) => each.subscribeAsync('a/+', { qos: 2 })));
    const received = subscribers.map((each) => collected(each, 900));
    const publisher = await client(wss, options);
    for (const qos of [0, 1, 2] as const)
      await Promise.all(Array.from({ length: 300 }, (_each, n) => publisher.publishAsync(`a/${qos}`, `${qos} ${n}`, { qos })));
    const expected = [0, 1, 2].flatMap((qos) => Array.from({ length: 300 }, (_each, n) => `${qos} ${n}`));
    for (const payloads of await Promise.all(received)) expect(payloads.toSorted()).toEqual(expected.toSorted());
  });

  test('a payload of 1 MB, both ways', async () => {
    const { ws } = await gateway();
    const both = await client(ws);
    await both.subscribeAsync('large', { qos: 1 });
    const payload = 'x'.repeat(1_000_000);
    const [[received]] = await Promise.all([collected(both, 1), both.publishAsync('large', payload, { qos: 1 })]);
    expect(received === payload).toBe(true);
  });

  test('versions: a listener for 3.1.1 refuses the others, MQTT-3.1.2-2', async () => {
    const { old } = await gateway();
    await expect(client(old, { protocolVersion: 4 })).resolves.toBeDefined();
    await expect(client(old, { protocolVersion: 5 })).rejects.toMatchObject({ code: 0x84 });
    await expect(client(old, { protocolVersion: 3, protocolId: 'MQIsdp' })).rejects.toMatchObject({ code: 1 });
  });

  test.each([
    ['another path', '/other', {}, 'path'],
    ['a foreign page', '/mqtt', { origin: 'https://evil.example' }, 'origin'],
  ])('%s is refused', async (_, path, wsOptions, failure) => {
    const { process, ws } = await gateway();
    await expect(client(new URL(path, ws).href, { wsOptions })).rejects.toThrow('closed');
    await process.prints(new RegExp(`"failure":"${failure}".*"WebSocket handshake failed"`));
  });
});

test('a Unix socket is for its owner and group, and gone when the gateway is', async () => {
  const { process, unix } = await gateway();
  expect(statSync(unix).mode & 0o777).toBe(0o660);
  process.kill('SIGTERM');
  await process.ended;
  expect(statSync(unix, { throwIfNoEntry: false })).toBeUndefined();
});

test('the socket a killed gateway left behind is taken over', async () => {
  const { process, unix } = await gateway();
  process.kill('SIGKILL');
  await process.ended;
  const args = ['--set', `mqtt.listeners.0.path=${unix}`, '--set', 'mqtt.listeners.0.name=local', '--set', 'mqtt.listeners.0.type=unix'];
  const settings = ['--set', 'mqtt.tcp.enabled=false', '--set', 'mqttSn.udp.enabled=false'];
  const next = new PosternProcess(['start', '--data', temporaryDirectory(), ...settings, ...args]);
  await next.prints(/mqtt\.local +\S+\n/);
  await expect(unixClient(unix)).resolves.toBeDefined();
});

describe('the WebSocket of Node.js', () => {
  const CONNECT = Buffer.from('100d00044d5154540402003c000161', 'hex');
  const PINGREQ = Buffer.from('c000', 'hex');

  async function opened(url: string): Promise<{ readonly socket: WebSocket; readonly frames: string[]; readonly closed: Promise<number> }> {
    const socket = new WebSocket(url, ['chat', 'mqtt']);
    socket.binaryType = 'arraybuffer';
    onTestFinished(() => socket.close());
    const frames: string[] = [];
    socket.addEventListener('message', ({ data }) => frames.push(Buffer.from(data).toString('hex')));
    const closed = new Promise<number>((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)));
    await new Promise((resolve) => socket.addEventListener('open', resolve));
    return { socket, frames, closed };
  }

  test('MQTT-6.0.0-3 to -4 of 5.0 and 3.1.1: mqtt is chosen among what is offered', async () => {
    const { ws } = await gateway();
    expect((await opened(ws)).socket.protocol).toBe('mqtt');
  });

  test('MQTT-6.0.0-2 of 5.0 and 3.1.1: packets byte by byte, and many in one frame', async () => {
    const { ws } = await gateway();
    const { socket, frames } = await opened(ws);
    for (const byte of CONNECT) socket.send(Uint8Array.of(byte));
    await expect.poll(() => frames.join('')).toBe('20020000');
    socket.send(Buffer.concat([PINGREQ, PINGREQ, PINGREQ, PINGREQ.subarray(0, 1)]));
    socket.send(PINGREQ.subarray(1));
    await expect.poll(() => frames.join('')).toBe('20020000d000d000d000d000');
  });

  test('MQTT-6.0.0-1 of 5.0 and 3.1.1: a text frame closes the connection', async () => {
    const { ws } = await gateway();
    const { socket, closed } = await opened(ws);
    socket.send(CONNECT);
    socket.send('text');
    expect(await closed).toBe(1003);
  });

  test('DISCONNECT closes it in order', async () => {
    const { ws } = await gateway();
    const { socket, closed } = await opened(ws);
    socket.send(Buffer.concat([CONNECT, Buffer.from('e000', 'hex')]));
    expect(await closed).toBe(1000);
  });
});
