// 10,000 connections that come and go at every stage, as port scans, flapping radios and slow-loris attacks make them: nothing of them stays, each is
// counted, and a client that behaves does not notice.
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { PosternProcess, postern, temporaryDirectory } from '../support/postern-process.ts';

const WAVES = 50;
const CONNECTIONS_PER_WAVE = 200;
const CONNECT = Buffer.from('101000044d5154540402000000046368726e', 'hex'); // 3.1.1, clean, client id "chrn": all of them take it over
const REQUEST =
  'GET /mqtt HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n';

/** What a connection has said when it is dropped, and on which listener. */
const STAGES: readonly (readonly ['tcp' | 'ws', string | Buffer])[] = [
  ['tcp', ''],
  ['tcp', CONNECT.subarray(0, 1)],
  ['tcp', CONNECT.subarray(0, 9)],
  ['tcp', CONNECT],
  ['tcp', Buffer.from('10ffffff7f', 'hex')], // a CONNECT of 256 MB
  ['ws', ''],
  ['ws', 'GET /mqtt'],
  ['ws', REQUEST],
  ['ws', `${REQUEST}\r\n`],
  ['ws', Buffer.concat([Buffer.from(`${REQUEST}\r\n`), Buffer.from('82fe271000000000', 'hex'), CONNECT.subarray(0, 9)])], // a frame of 10,000 bytes, begun
];

async function visit(port: number, words: string | Buffer, isReset: boolean): Promise<void> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await new Promise<void>((resolve) => socket.once('connect', resolve).once('close', resolve));
  if (words.length > 0) await new Promise<void>((resolve) => socket.write(words, () => resolve()));
  if (isReset) socket.resetAndDestroy();
  else socket.end().resume();
  await gone;
}

/** Pings and waits for the answer. */
async function ping(socket: Socket): Promise<void> {
  const answered = new Promise<Buffer>((resolve) => socket.once('data', resolve));
  socket.write(Buffer.from('c000', 'hex'));
  expect((await answered).toString('hex')).toBe('d000');
}

test('10,000 connections opened and dropped leave nothing behind', async () => {
  const data = temporaryDirectory();
  const set = (key: string, value: string) => ['--set', `${key}=${value}`];
  const gateway = new PosternProcess([
    ...['start', '--data', data],
    ...set('mqtt.tcp.bind', '127.0.0.1:0'),
    ...set('mqtt.ws.enabled', 'true'),
    ...set('mqtt.ws.bind', '127.0.0.1:0'),
    ...set('mqttSn.udp.enabled', 'false'),
  ]);
  const portOf = async (name: string) => Number((await gateway.prints(new RegExp(`mqtt\\.${name} +127\\.0\\.0\\.1:(\\d+)\n`)))[1]);
  const ports = { tcp: await portOf('tcp'), ws: await portOf('ws') };
  const counters = async (): Promise<Record<string, number>> => {
    const { stdout } = await postern(['status', '--data', data, '--set', `control.socket=${join(data, 'control.sock')}`, '--json']);
    return JSON.parse(stdout).counters;
  };
  const good = connect(ports.tcp, '127.0.0.1');
  onTestFinished(() => void good.destroy());
  const welcomed = new Promise<Buffer>((resolve) => good.once('data', resolve));
  good.write(Buffer.from('101000044d515454040200000004676f6f64', 'hex'));
  expect((await welcomed).toString('hex')).toBe('20020000');

  for (let wave = 0; wave < WAVES; wave += 1) {
    const visits = Array.from({ length: CONNECTIONS_PER_WAVE }, (_, index) => {
      const [listener, words] = STAGES[index % STAGES.length] ?? ['tcp', ''];
      return visit(ports[listener], words, index % 2 === wave % 2);
    });
    await Promise.all([...visits, ping(good)]);
  }

  await expect.poll(async () => (await counters())['mqtt.connections'], { timeout: 20_000 }).toBe(1);
  const seen = await counters();
  const half = (WAVES * CONNECTIONS_PER_WAVE) / 2;
  const total = (listener: string, ...names: string[]) => names.reduce((sum, name) => sum + (seen[`transport.mqtt.${listener}.${name}`] ?? 0), 0);
  expect([total('tcp', 'connections'), total('ws', 'connections')]).toEqual([1, 0]);
  expect(total('ws', 'accepted')).toBeLessThanOrEqual(half); // a reset one may be gone before it is looked at, and counts as failed only
  expect(total('tcp', 'accepted', 'failed')).toBe(half + 1);
  expect(total('ws', 'failed')).toBeGreaterThanOrEqual((half / 5) * 3);
  await ping(good);
});
