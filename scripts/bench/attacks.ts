// What a gateway has to bear: each goes on until it is told to stop, as fast as one process can.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { generate } from 'mqtt-packet';

/** An attack on the MQTT listener of `port`. */
type Attack = (port: number, isOver: () => boolean) => Promise<void>;

const SLOW_CONNECTIONS = 500;
const AT_ONCE = 50;
const CHUNK_MESSAGES = 100;
const PATIENCE_MS = 2_000;
const LEVELS_MOST = 65_535;
/** Twice what a client may have open. */
const EXACTLY_ONCE_MESSAGES = 2_048;

export const ATTACKS = {
  'slow-connect': slowConnect,
  'open-and-drop': openAndDrop,
  'large-header': (port, isOver) => againAndAgain(port, isOver, Buffer.from('30ffffff7f', 'hex')),
  'deep-topic': (port, isOver) => againAndAgain(port, isOver, publish('/'.repeat(LEVELS_MOST), 0, 0)),
  'exactly-once': (port, isOver) =>
    againAndAgain(port, isOver, Buffer.concat(Array.from({ length: EXACTLY_ONCE_MESSAGES }, (_, id) => publish('flood', 2, id + 1)))),
  'never-reads': neverReads,
  retained,
  wills,
  'take-over': takeOver,
} satisfies Record<string, Attack>;

export type AttackName = keyof typeof ATTACKS;

export function isAttackName(name: string): name is AttackName {
  return name in ATTACKS;
}

function publish(topic: string, qos: 0 | 2, messageId: number, { payload = 'x', retain = false } = {}): Buffer {
  return generate({ cmd: 'publish', topic, payload, qos, messageId, dup: false, retain });
}

function greeting(clientId: string, hasWill: boolean): Buffer {
  const will = { topic: 'flood/will', payload: Buffer.from('gone'), qos: 1 as const, retain: false };
  return generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, clientId, keepalive: 60, ...(hasWill ? { will } : {}) });
}

function open(port: number): Socket {
  return connect({ port, host: '127.0.0.1' }).on('error', () => undefined); // to be closed is what it came for
}

/** Until the first answer, or the end. */
async function enter(port: number, clientId: string, hasWill = false): Promise<Socket> {
  const socket = open(port);
  socket.write(greeting(clientId, hasWill));
  await happens(socket, 'data');
  return socket;
}

/** Until it happens, or the socket closes, or nothing does for a while. */
async function happens(socket: Socket, event: 'data' | 'close' | 'drain' | 'connect'): Promise<void> {
  if (socket.destroyed) return;
  const patience = new AbortController();
  const signal = AbortSignal.any([patience.signal, AbortSignal.timeout(PATIENCE_MS)]);
  await Promise.race([once(socket, event, { signal }), once(socket, 'close', { signal })]).catch(() => undefined);
  patience.abort();
}

/** CONNECT, byte by byte, on very many connections. */
async function slowConnect(port: number, isOver: () => boolean): Promise<void> {
  const packet = greeting('slow', false);
  const sockets = Array.from({ length: SLOW_CONNECTIONS }, () => open(port));
  for (let at = 0; !isOver(); at += 1) {
    for (const socket of sockets) socket.write(packet.subarray(at % packet.length, (at % packet.length) + 1));
    await delay(100);
  }
  for (const socket of sockets) socket.destroy();
}

async function openAndDrop(port: number, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const sockets = Array.from({ length: AT_ONCE }, () => open(port));
    await Promise.all(sockets.map((socket) => happens(socket, 'connect')));
    for (const socket of sockets) socket.resetAndDestroy();
  }
}

async function againAndAgain(port: number, isOver: () => boolean, bytes: Buffer): Promise<void> {
  while (!isOver()) {
    const socket = await enter(port, 'again');
    socket.resume().write(bytes);
    await happens(socket, 'close');
    socket.destroy();
  }
}

/** One that subscribes and stops reading, one that fills what is kept for it. */
async function neverReads(port: number, isOver: () => boolean): Promise<void> {
  const reader = await enter(port, 'never-reads');
  reader.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'flood/#', qos: 0 }] }));
  await happens(reader, 'data');
  reader.pause();
  const chunk = Buffer.concat(Array.from({ length: CHUNK_MESSAGES }, () => publish('flood/x', 0, 0, { payload: 'x'.repeat(1_000) })));
  await flood(port, isOver, () => chunk);
  reader.destroy();
}

async function retained(port: number, isOver: () => boolean): Promise<void> {
  let topic = 0;
  const next = (): Buffer => publish(`flood/${topic++}`, 0, 0, { retain: true, payload: 'x'.repeat(100) });
  await flood(port, isOver, () => Buffer.concat(Array.from({ length: CHUNK_MESSAGES }, next)));
}

async function flood(port: number, isOver: () => boolean, chunk: () => Buffer): Promise<void> {
  const socket = await enter(port, 'flood');
  while (!isOver() && !socket.destroyed) {
    if (!socket.write(chunk())) await happens(socket, 'drain');
    else await delay(0);
  }
  socket.destroy();
}

async function wills(port: number, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const sockets = await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => enter(port, `will-${index}`, true)));
    for (const socket of sockets) socket.resetAndDestroy();
  }
}

/** Two that throw each other out. */
async function takeOver(port: number, isOver: () => boolean): Promise<void> {
  const play = async (): Promise<void> => {
    while (!isOver()) (await enter(port, 'ball')).resume();
  };
  await Promise.all([play(), play()]);
}

if (import.meta.main) {
  const [name = '', port = '', seconds = ''] = process.argv.slice(2);
  if (!isAttackName(name)) throw new RangeError(`no attack "${name}"`);
  const end = performance.now() + Number(seconds) * 1_000;
  await ATTACKS[name](Number(port), () => performance.now() > end);
  process.exit(0); // whatever the gateway has left open
}
