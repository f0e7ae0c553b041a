// What a dialer puts on its connection, and which stage fails: WebSocket, pre-shared keys, certificates of all kinds.
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { DialError } from '../../../src/transport/dial-error.ts';
import type { Upgrade } from '../../../src/transport/dialing.ts';
import { SecureWebSocketTransport } from '../../../src/transport/secure-websocket.ts';
import { TcpDialer } from '../../../src/transport/tcp-dialer.ts';
import { TlsTransport } from '../../../src/transport/tls.ts';
import { TlsDialer, type TlsDialerOptions } from '../../../src/transport/tls-dialer.ts';
import type { ServerTlsSettings } from '../../../src/transport/tls-server-options.ts';
import type { Link, StreamDialer, StreamTransport } from '../../../src/transport/transport.ts';
import { WebSocketTransport } from '../../../src/transport/websocket.ts';
import { webSocketUpgrade } from '../../../src/transport/websocket-upgrade.ts';
import { eventually, OwnedLink, pattern } from '../../contract/stream-transport.contract.ts';
import { TEST_AUTHORITY } from '../../support/certificates.ts';
import { describeWithPeers } from '../../support/peers.ts';
import { TestAuthority } from '../../support/test-authority.ts';
import { keptDirectory, tlsLoader, writtenFile } from '../../support/tls-files.ts';
import { environment, portOf } from './environment.ts';

const KEY = '00112233445566778899aabbccddeeff';
const PAYLOAD_BYTES_MAX = 2_000_000;
const SIZES = [1, 125, 126, 65_536, 200_000];
const never = new AbortController().signal;

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** @returns the port of an echo with a greeting. */
async function echo(transport: StreamTransport): Promise<number> {
  const links: Link[] = [];
  await transport.listen((link) => {
    const owned = new OwnedLink(link);
    links.push(link);
    owned.onBytes = (bytes) => link.send(bytes);
    link.send(Buffer.from('hello'));
  });
  cleanups.push(() => {
    for (const link of links) link.destroy();
    return transport.close();
  });
  return portOf(transport);
}

function parts() {
  return { name: 'far', host: '127.0.0.1', port: 0, payloadBytesMax: PAYLOAD_BYTES_MAX, ...environment() };
}

function webSocketOn(path = '/mqtt') {
  return { ...parts(), policy: { path, origins: [], allowWithoutSubprotocol: false } };
}

function upgrade(path = '/mqtt'): { upgrade: Upgrade; violations: { value: number } } {
  const violations = { value: 0 };
  return { violations, upgrade: webSocketUpgrade({ host: 'far', path }, { payloadBytesMax: PAYLOAD_BYTES_MAX, violations }) };
}

function dialer(port: number, options: Partial<TlsDialerOptions> & { isTls?: boolean } = {}) {
  const { isTls = false, ...more } = options;
  const common = { name: 'bridge.central', host: '127.0.0.1', port, timeoutMs: 10_000, ...environment(), ...more };
  return isTls ? new TlsDialer(common) : new TcpDialer(common);
}

async function dialled(subject: StreamDialer): Promise<{ stages: string[]; owned: OwnedLink; link: Link }> {
  const stages: string[] = [];
  let owned: OwnedLink | undefined;
  const adopt = (link: Link) => {
    owned = new OwnedLink(link);
    cleanups.push(() => link.destroy());
    return link.handlers;
  };
  const link = await subject.dial(adopt, never, (stage) => stages.push(stage));
  if (owned === undefined) throw new Error('not adopted');
  return { stages, owned, link };
}

/** @returns the stage and the words of the failure. */
async function failure(subject: StreamDialer): Promise<[stage: string, reason: string]> {
  const error = await dialled(subject).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof DialError)) throw new Error(`not a DialError: ${String(error)}`);
  return [error.stage, error.reason];
}

/** A server that answers the first bytes with `answer`, and closes. */
async function answering(answer: string): Promise<number> {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => socket.end(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('not bound');
  return bound.port;
}

describe('WebSocket towards a server', () => {
  test.each([
    ['plain', () => new WebSocketTransport(webSocketOn()), { isTls: false }, ['connect', 'upgrade']],
    [
      'over TLS',
      () => new SecureWebSocketTransport({ ...webSocketOn(), loadTls: tlsLoader() }),
      { isTls: true, ca: TEST_AUTHORITY },
      ['connect', 'secure', 'upgrade'],
    ],
  ] as const)('%s: what comes first is delivered, large and small frames go both ways', async (_, transport, options, stages) => {
    const port = await echo(transport());
    const made = await dialled(dialer(port, { ...options, ...upgrade() }));
    for (const size of SIZES) made.link.send(pattern(size));
    const all = Buffer.concat([Buffer.from('hello'), ...SIZES.map((size) => pattern(size))]);
    await eventually(() => expect(made.owned.received.equals(all)).toBe(true));
    expect(made.stages).toEqual(stages);
    made.link.close();
    await eventually(() => expect(made.owned.closes).toEqual([undefined]));
  });

  test('a server of another make that pings is answered, and what it says is taken', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'mqtt' });
    cleanups.push(() => void server.close());
    const pongs: string[] = [];
    server.on('connection', (socket) => {
      socket.on('pong', (payload: Buffer) => pongs.push(payload.toString()));
      socket.on('message', (data) => socket.send(data));
      socket.ping('are you there');
    });
    await new Promise<void>((resolve) => server.once('listening', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('not bound');
    const made = await dialled(dialer(address.port, upgrade()));
    made.link.send(pattern(70_000));
    await eventually(() => expect([pongs, made.owned.received.equals(pattern(70_000))]).toEqual([['are you there'], true]));
    made.link.close();
    await eventually(() => expect(made.owned.closes).toEqual([undefined]));
  });

  test('another path is said to be none', async () => {
    const port = await echo(new WebSocketTransport(webSocketOn()));
    expect(await failure(dialer(port, upgrade('/other')))).toEqual(['upgrade', 'it answers 404 Not Found']);
  });

  test.each([
    ['SSH-2.0-OpenSSH\r\n\r\n', 'it does not answer with HTTP/1.1'],
    ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n', 'it answers to another request than ours'],
    ['', 'it closed the connection without an answer'],
  ])('an answer %j is no WebSocket: %s', async (answer, reason) => {
    const metrics = environment().metrics;
    const port = await answering(answer);
    expect(await failure(dialer(port, { ...upgrade(), metrics }))).toEqual(['upgrade', reason]);
    expect(metrics.snapshot()).toMatchObject({ 'transport.bridge.central.failed': 1 });
  });
});

describe('RFC 4279 Pre-shared keys towards a server', () => {
  async function server(changes: Partial<ServerTlsSettings> = {}): Promise<number> {
    const pskFile = writtenFile('psk', `greenhouse:${KEY}\n`);
    return echo(new TlsTransport({ ...parts(), loadTls: tlsLoader({ pskFile, ...changes }) }));
  }
  const psk = (key = KEY, identity = 'greenhouse') => ({ isTls: true, psk: { identity, key: Buffer.from(key, 'hex') } });

  test('both ends have the key: no certificate is asked for, and none proves anything', async () => {
    const made = await dialled(dialer(await server(), psk()));
    await eventually(() => expect(made.owned.received.toString()).toBe('hello'));
    expect([made.stages, made.link.certificateSubject]).toEqual([['connect', 'secure'], undefined]);
  });

  test('another key, or an identity nobody knows, fails at TLS', async () => {
    const port = await server();
    expect((await failure(dialer(port, psk('00'))))[0]).toBe('secure');
    expect((await failure(dialer(port, psk(KEY, 'nobody'))))[0]).toBe('secure');
  });

  test('a server without the key cannot answer with a certificate instead', async () => {
    const port = await echo(new TlsTransport({ ...parts(), loadTls: tlsLoader() }));
    expect((await failure(dialer(port, psk())))[0]).toBe('secure');
  });
});

describe('the stage that fails', () => {
  test('a name that there is not', async () => {
    const [stage] = await failure(dialer(1, { host: 'nothing.invalid' })); // RFC 6761 §6.4
    expect(stage).toBe('resolve');
  });

  test('a name that there is: resolve, then connect', async () => {
    const port = await echo(new TlsTransport({ ...parts(), loadTls: tlsLoader() }));
    const made = await dialled(dialer(port, { host: 'localhost', isTls: true, ca: TEST_AUTHORITY }));
    expect(made.stages).toEqual(['resolve', 'connect', 'secure']);
  });

  test('something else than TLS', async () => {
    expect((await failure(dialer(await answering('HTTP/1.1 400 Bad Request\r\n\r\n'), { isTls: true })))[0]).toBe('secure');
  });

  test('RFC 7301: protocols of which the server speaks none', async () => {
    const port = await echo(new TlsTransport({ ...parts(), loadTls: tlsLoader({ alpn: ['mqtt'] }) }));
    const made = await dialled(dialer(port, { isTls: true, ca: TEST_AUTHORITY, alpn: ['mqtt'] }));
    await eventually(() => expect(made.owned.received.toString()).toBe('hello'));
    const [stage, reason] = await failure(dialer(port, { isTls: true, ca: TEST_AUTHORITY, alpn: ['x-amzn-mqtt-ca'] }));
    expect([stage, reason]).toEqual(['secure', expect.stringContaining('it speaks no application protocol of alpn')]);
  });

  test('silence is asked after by the kernel where that is wanted', async () => {
    const port = await echo(new TlsTransport({ ...parts(), loadTls: tlsLoader() }));
    const made = await dialled(dialer(port, { isTls: true, ca: TEST_AUTHORITY, tcpKeepAliveMs: 30_000 }));
    await eventually(() => expect(made.owned.received.toString()).toBe('hello'));
  });
});

describeWithPeers(['openssl'], 'certificates', () => {
  test.each([
    ['expired', { names: ['IP:127.0.0.1'], days: -1 }, /^its certificate has expired/],
    ['of another name', { names: ['DNS:other.example.org'] }, /^its certificate is for another name/],
  ])('one that is %s', async (_, request, words) => {
    const authority = new TestAuthority(keptDirectory());
    const port = await echo(new TlsTransport({ ...parts(), loadTls: tlsLoader({ ...authority.issue('far', request), caFile: authority.caFile }) }));
    const [stage, reason] = await failure(dialer(port, { isTls: true, ca: readFileSync(authority.caFile) }));
    expect([stage, reason]).toEqual(['secure', expect.stringMatching(words)]);
  });
});
