import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { LINK_CLOSE_TIMEOUT_MS, WEBSOCKET_HANDSHAKE_TIMEOUT_MS } from '../../../src/model/limits.ts';
import { LinkBudget } from '../../../src/transport/link-budget.ts';
import { type WebSocketOptions, WebSocketTransport } from '../../../src/transport/websocket.ts';
import { eventually, OwnedLink, type PeerEnd, streamTransportContract } from '../../contract/stream-transport.contract.ts';
import { type ClientFrame, clientFrame, OPCODE } from '../../support/websocket-frames.ts';
import { environment, portOf } from './environment.ts';
import { SocketPeer } from './socket-peer.ts';

const PAYLOAD_BYTES_MAX = 2_000_000;

/** Peers and transports of the running test. */
const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function webSocket(options: Partial<WebSocketOptions> = {}, budget = new LinkBudget(100)) {
  const parts = environment();
  const policy = { path: '/mqtt', origins: [], allowWithoutSubprotocol: false };
  const listener = { name: 'mqtt.ws', host: '127.0.0.1', port: 0, budget };
  const transport = new WebSocketTransport({ ...listener, payloadBytesMax: PAYLOAD_BYTES_MAX, policy, ...parts, ...options });
  cleanups.push(() => transport.close());
  return { transport, budget, ...parts };
}

/** A far end made of a client of ws. */
class WebSocketPeer implements PeerEnd {
  readonly #client: WebSocket;
  readonly #socket: Socket;
  readonly #parts: Buffer[] = [];
  receivedBytes = 0;
  isEnded = false;

  constructor(client: WebSocket, socket: Socket) {
    this.#client = client;
    this.#socket = socket;
    client.on('message', (data) => {
      const bytes = data as Buffer; // the only form the default binaryType has
      this.#parts.push(bytes);
      this.receivedBytes += bytes.length;
    });
    client.on('error', () => {});
    client.on('close', () => {
      this.isEnded = true;
    });
  }

  get received(): Buffer {
    return Buffer.concat(this.#parts);
  }

  sends(bytes: Uint8Array): void {
    this.#client.send(bytes);
  }

  stopsReading(): void {
    this.#client.pause();
  }

  readsAgain(): void {
    this.#client.resume();
  }

  ends(): void {
    this.#client.close();
  }

  resets(): void {
    this.#socket.resetAndDestroy();
  }
}

async function opened(port: number): Promise<WebSocketPeer> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, 'mqtt', { perMessageDeflate: false });
  cleanups.push(() => client.terminate());
  const socket = new Promise<Socket>((resolve) => client.once('upgrade', (response) => resolve(response.socket)));
  await new Promise((open, fail) => client.once('open', open).once('error', fail));
  return new WebSocketPeer(client, await socket);
}

streamTransportContract('WebSocketTransport', async () => {
  const { transport } = webSocket();
  return { transport, connects: () => opened(portOf(transport)), stop: async () => {} };
});

const REQUEST = [
  'GET /mqtt HTTP/1.1',
  'Host: 127.0.0.1',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Protocol: mqtt',
].join('\r\n');

/** A listening transport and the links it brought. */
async function listening(options: Partial<WebSocketOptions> = {}, budget?: LinkBudget) {
  const made = webSocket(options, budget);
  const links: OwnedLink[] = [];
  await made.transport.listen((link) => links.push(new OwnedLink(link)));
  const count = (name: string): number => made.metrics.snapshot()[`transport.mqtt.ws.${name}`] ?? 0;
  return { ...made, links, count, port: portOf(made.transport) };
}

/** A socket that says what it is told to. */
function raw(port: number, text: string | Uint8Array = ''): SocketPeer {
  const peer = new SocketPeer(connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
  cleanups.push(() => peer.leaves());
  if (text.length > 0) peer.sends(Buffer.from(text));
  return peer;
}

/** A raw socket that has had its answer, so that every frame can be written by hand. */
async function upgraded(port: number): Promise<SocketPeer> {
  const peer = raw(port, `${REQUEST}\r\n\r\n`);
  await eventually(() => expect(peer.received.toString()).toContain('\r\n\r\n'));
  return peer;
}

function framesOf({ received }: SocketPeer): string {
  return received.subarray(received.indexOf('\r\n\r\n') + 4).toString('hex');
}

describe('frames', () => {
  test.each<[string, ClientFrame, string]>([
    ['MQTT-6.0.0-1: text', { opcode: OPCODE.text, payload: Buffer.from('text') }, '880203eb'],
    ['RFC 6455 §5.1: no mask', { opcode: OPCODE.binary, payload: Buffer.from('a'), mask: undefined }, '880203ea'],
    ['larger than a packet', { opcode: OPCODE.binary, length: BigInt(PAYLOAD_BYTES_MAX + 1) }, '880203f1'],
  ])('%s: told in the close frame, counted, then the end', async (_, frame, goodbye) => {
    const { links, port, count } = await listening();
    const peer = await upgraded(port);
    peer.sends(Buffer.concat([clientFrame({ opcode: OPCODE.binary, payload: Buffer.from('before') }), clientFrame(frame)]));
    await eventually(() => expect(peer.isEnded).toBe(true));
    expect(framesOf(peer)).toBe(goodbye);
    await eventually(() => expect(links[0]?.closes).toMatchObject([{ code: 'LINK_CLOSED' }]));
    expect(links[0]?.received.toString()).toBe('before');
    expect(count('violations')).toBe(1);
  });

  test('RFC 6455 §5.5.1: a close frame is answered by one with its status, after everything else', async () => {
    const { links, port } = await listening();
    const peer = await upgraded(port);
    await eventually(() => expect(links).toHaveLength(1));
    links[0]?.link.send(Buffer.from('last'));
    peer.sends(clientFrame({ opcode: OPCODE.close, payload: Buffer.from('03e9', 'hex') }));
    await eventually(() => expect(peer.isEnded).toBe(true));
    expect(framesOf(peer)).toBe('82046c617374880203e9');
    await eventually(() => expect(links[0]?.closes).toEqual([undefined]));
  });

  test('a turn is one frame, however many packets it has', async () => {
    const { links, port } = await listening();
    const peer = await upgraded(port);
    await eventually(() => expect(links).toHaveLength(1));
    for (const part of ['one', 'two', 'three']) links[0]?.link.send(Buffer.from(part));
    await eventually(() => expect(framesOf(peer)).toBe(`820b${Buffer.from('onetwothree').toString('hex')}`));
  });

  test('the first frame may come with the request', async () => {
    const { links, port } = await listening();
    raw(port, Buffer.concat([Buffer.from(`${REQUEST}\r\n\r\n`), clientFrame({ opcode: OPCODE.binary, payload: Buffer.from('early') })]));
    await eventually(() => expect(links[0]?.received.toString()).toBe('early'));
  });

  test('RFC 6455 §5.5.2: a ping is answered', async () => {
    const { links, port } = await listening();
    const peer = await upgraded(port);
    peer.sends(clientFrame({ opcode: OPCODE.ping, payload: Buffer.from('Hello') }));
    await eventually(() => expect(framesOf(peer)).toBe('8a0548656c6c6f'));
    expect(links[0]?.receivedBytes).toBe(0);
  });

  test('RFC 6455 §5.5.3: who pings without reading gets the latest answer only', async () => {
    const { links, port } = await listening();
    const peer = await upgraded(port);
    await eventually(() => expect(links).toHaveLength(1));
    peer.stopsReading();
    const [owned] = links;
    const sent = owned?.fills().length ?? 0; // the kernel takes no more
    const pings = Buffer.concat(Array.from({ length: 1_000 }, () => clientFrame({ opcode: OPCODE.ping, payload: Buffer.alloc(125) })));
    for (let n = 0; n < 100; n += 1) peer.sends(pings);
    peer.sends(clientFrame({ opcode: OPCODE.ping, payload: Buffer.from('last') }));
    peer.sends(clientFrame({ opcode: OPCODE.binary, payload: Buffer.from('read') }));
    await eventually(() => expect(owned?.received.toString()).toBe('read'));
    peer.readsAgain();
    await eventually(() => expect(peer.received.subarray(-6).toString('latin1')).toBe('\x8a\x04last'));
    expect(peer.receivedBytes).toBeLessThan(sent + 100_000); // 100,000 answers would be 12 MB
    expect(owned?.closes).toEqual([]);
  });
});

describe('handshakes that lead nowhere are answered, counted by cause, and free their place', () => {
  const without = (line: string): string =>
    REQUEST.split('\r\n')
      .filter((each) => !each.startsWith(line))
      .join('\r\n');
  test.each([
    ['no-websocket', 426, 'GET /mqtt HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['no-websocket', 426, 'POST /mqtt HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello'],
    ['path', 404, `${REQUEST.replace('/mqtt', '/other')}\r\n\r\n`],
    ['origin', 403, `${REQUEST}\r\nOrigin: http://evil.example\r\n\r\n`],
    ['subprotocol', 400, `${without('Sec-WebSocket-Protocol')}\r\n\r\n`],
    ['request', 400, `${without('Sec-WebSocket-Key')}\r\n\r\n`],
    ['request', 426, `${without('Sec-WebSocket-Version')}\r\n\r\n`],
    ['malformed', 400, '\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a'],
    ['malformed', 400, 'GET /mqtt HTTP/1.1\r\nHost a\r\n\r\n'],
    ['malformed', 431, `${REQUEST}\r\nCookie: ${'a'.repeat(9_000)}\r\n\r\n`],
  ])('%s %i: %j', async (cause, status, text) => {
    const { links, count, budget, port, clock } = await listening();
    const peer = raw(port, text);
    await eventually(() => expect(peer.isEnded).toBe(true));
    expect(peer.received.toString()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    await eventually(() => expect(budget.open).toBe(0));
    expect([count('failed'), count(`failed.${cause}`), count('connections'), links.length]).toEqual([1, 1, 0, 0]);
    expect(clock.pendingTimers).toBe(0);
  });

  test.each([
    ['its end', (peer: SocketPeer) => peer.ends()],
    ['a reset', (peer: SocketPeer) => peer.resets()],
  ])('half a request, then %s', async (_, leaves) => {
    const { count, budget, port, clock } = await listening();
    const peer = raw(port, REQUEST);
    await eventually(() => expect(budget.open).toBe(1));
    leaves(peer);
    await eventually(() => expect(count('failed')).toBe(1));
    await eventually(() => expect(budget.open).toBe(0));
    await eventually(() => expect(clock.pendingTimers).toBe(0));
  });

  test.each([
    ['says nothing', ''],
    ['never ends its request', `${REQUEST}\r\n`],
  ])('who %s is cut off after WEBSOCKET_HANDSHAKE_TIMEOUT_MS', async (_, text) => {
    const { count, budget, port, clock } = await listening();
    const peer = raw(port, text);
    await eventually(() => expect(budget.open).toBe(1));
    await clock.advanceMs(WEBSOCKET_HANDSHAKE_TIMEOUT_MS - 1);
    expect(peer.isEnded).toBe(false);
    await clock.advanceMs(1);
    await eventually(() => expect(peer.isEnded).toBe(true));
    await eventually(() => expect([count('failed.timeout'), budget.open]).toEqual([1, 0]));
  });

  test('who does not close its side after a refusal is cut off after LINK_CLOSE_TIMEOUT_MS', async () => {
    const { count, budget, port, clock } = await listening();
    const silent = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    silent.on('error', () => {});
    cleanups.push(() => void silent.destroy());
    silent.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await eventually(() => expect(count('failed.path')).toBe(1));
    await clock.advanceMs(LINK_CLOSE_TIMEOUT_MS);
    await eventually(() => expect(budget.open).toBe(0));
    expect(clock.pendingTimers).toBe(0);
  });

  test('an open handshake counts in the budget; beyond it connections are closed at once', async () => {
    const { count, budget, port, links } = await listening({}, new LinkBudget(1));
    const first = raw(port);
    await eventually(() => expect(budget.open).toBe(1));
    const second = raw(port, `${REQUEST}\r\n\r\n`);
    await eventually(() => expect(second.isEnded).toBe(true));
    expect([count('refused'), second.receivedBytes]).toEqual([1, 0]);
    first.ends();
    await eventually(() => expect(budget.open).toBe(0));
    await upgraded(port);
    await eventually(() => expect(links).toHaveLength(1));
  });

  test('1,000 connections dropped at every stage leave nothing open', async () => {
    const { count, budget, port, links, clock } = await listening({}, new LinkBudget(2_000));
    const stages = ['', 'GET', REQUEST, `${REQUEST}\r\n\r\n`];
    for (let round = 0; round < 10; round += 1) {
      const peers = Array.from({ length: 100 }, (_, index) => raw(port, stages[index % stages.length]));
      await eventually(() => expect(links.length).toBe(25 * (round + 1)));
      for (const [index, peer] of peers.entries()) index % 8 < 4 ? peer.resets() : peer.ends();
      await eventually(() => expect(budget.open).toBe(0));
    }
    expect([count('accepted'), count('failed'), count('connections')]).toEqual([1_000, 750, 0]);
    expect(links.every(({ closes }) => closes.length === 1)).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('behind a proxy (PROXY protocol §2.1)', () => {
  const HEADER = 'PROXY TCP4 192.0.2.7 192.0.2.1 49152 443\r\n';
  const proxy = { versions: 'both', isTrusted: () => true } as const;

  test.each([
    ['in one segment', (peer: SocketPeer) => peer.sends(Buffer.from(`${HEADER}${REQUEST}\r\n\r\n`))],
    [
      'in two',
      async (peer: SocketPeer, accepted: () => Promise<void>) => {
        peer.sends(Buffer.from(HEADER));
        await accepted();
        peer.sends(Buffer.from(`${REQUEST}\r\n\r\n`));
      },
    ],
  ])('header and request %s: the link is that of the client', async (_, says) => {
    const { port, links, clock } = await listening({ proxy });
    const peer = raw(port);
    await says(peer, () => eventually(() => expect(clock.pendingTimers).toBe(1)));
    await eventually(() => expect(peer.received.toString()).toContain('\r\n\r\n'));
    peer.sends(clientFrame({ opcode: OPCODE.binary, payload: Buffer.from('hello') }));
    await eventually(() => expect(links[0]?.received.toString()).toBe('hello'));
    expect(links[0]?.link).toMatchObject({ peer: '192.0.2.7:49152', peerHost: '192.0.2.7', isProxied: true });
  });
});

describe('a request that came through an HTTP proxy is not one of this host, whatever its address', () => {
  test.each([
    ['X-Forwarded-For: 198.51.100.9', true],
    ['Forwarded: for=198.51.100.9', true],
    ['X-Real-IP: 198.51.100.9', true],
    ['Via: 1.1 edge', true],
    ['User-Agent: paho', false],
  ])('%s: %s', async (header, isProxied) => {
    const { links, port } = await listening();
    raw(port, `${REQUEST}\r\n${header}\r\n\r\n`);
    await eventually(() => expect(links).toHaveLength(1));
    expect(links[0]?.link.isProxied).toBe(isProxied);
  });
});

describe('origins, as a browser names them', () => {
  const cases: [string, readonly string[], boolean][] = [
    ['http://127.0.0.1:PORT', [], true],
    ['http://evil.example', [], false],
    ['https://dashboard.example.org', ['https://dashboard.example.org'], true],
    ['http://evil.example', ['*'], true],
  ];
  test.each(cases)('%s where %j are allowed: %s', async (origin, origins, isLetIn) => {
    const { port } = await listening({ policy: { path: '/mqtt', origins, allowWithoutSubprotocol: false } });
    const options: ClientOptions = { origin: origin.replace('PORT', String(port)) };
    const client = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, 'mqtt', options);
    cleanups.push(() => client.terminate());
    const outcome = await new Promise((resolve) => client.once('open', () => resolve('open')).once('error', ({ message }) => resolve(message)));
    expect(outcome).toBe(isLetIn ? 'open' : 'Unexpected server response: 403');
  });
});
