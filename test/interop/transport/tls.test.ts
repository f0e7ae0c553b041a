import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { LinkBudget } from '../../../src/transport/link-budget.ts';
import { TlsTransport } from '../../../src/transport/tls.ts';
import type { TlsListenerOptions } from '../../../src/transport/tls-acceptor.ts';
import type { ServerTlsSettings } from '../../../src/transport/tls-server-options.ts';
import { eventually, OwnedLink, streamTransportContract } from '../../contract/stream-transport.contract.ts';
import { CLIENT_IDENTITY, FOREIGN_IDENTITY, TEST_AUTHORITY } from '../../support/certificates.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { tlsLoader } from '../../support/tls-files.ts';
import { environment, portOf } from './environment.ts';
import { SocketPeer } from './socket-peer.ts';
import { handshaken as shakeHands } from './tls-peer.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function tls(settings: Partial<ServerTlsSettings> = {}, options: Partial<TlsListenerOptions> = {}) {
  const parts = environment();
  const transport = new TlsTransport({ name: 'mqtt.tls', host: '127.0.0.1', port: 0, loadTls: tlsLoader(settings), ...parts, ...options });
  cleanups.push(() => transport.close());
  return { transport, ...parts };
}

/** Gone after the test. */
async function handshaken(port: number, options?: ConnectionOptions): Promise<SocketPeer> {
  const peer = await shakeHands(port, options);
  cleanups.push(() => peer.leaves());
  return peer;
}

streamTransportContract('TlsTransport', async () => {
  const { transport } = tls();
  return { transport, connects: () => handshaken(portOf(transport)), stop: async () => {} };
});

describe('client certificates', () => {
  const cases = [
    ['none', undefined, 'let in', undefined],
    ['none', CLIENT_IDENTITY, 'let in', undefined],
    ['optional', undefined, 'let in', undefined],
    ['optional', CLIENT_IDENTITY, 'let in', 'C=DE,O=Acme\\, Inc.,CN=valve-1'],
    ['optional', FOREIGN_IDENTITY, 'refused', undefined],
    ['required', undefined, 'refused', undefined],
    ['required', CLIENT_IDENTITY, 'let in', 'C=DE,O=Acme\\, Inc.,CN=valve-1'],
    ['required', FOREIGN_IDENTITY, 'refused', undefined],
  ] as const;
  test.each(cases)('%s, and the client shows %#: %s', async (clientCertificate, identity, outcome, subject) => {
    const { transport, metrics } = tls({ clientCertificate });
    const links: OwnedLink[] = [];
    await transport.listen((link) => links.push(new OwnedLink(link)));
    const peer = await handshaken(portOf(transport), identity);
    if (outcome === 'let in') {
      await eventually(() => expect(links).toHaveLength(1));
      expect(links[0]?.link.certificateSubject).toBe(subject);
    } else {
      await eventually(() => expect(peer.isEnded).toBe(true));
      expect(links).toHaveLength(0);
      expect(metrics.snapshot()).toMatchObject({ 'transport.mqtt.tls.failed': 1, 'transport.mqtt.tls.connections': 0 });
    }
  });
});

/** How a handshake fails where a certificate is required. */
const FAILING: readonly (readonly [what: string, go: (socket: Socket) => void])[] = [
  ['shows a certificate of a foreign authority (TLS 1.3)', (socket) => shake(socket, FOREIGN_IDENTITY)],
  ['shows a certificate of a foreign authority (TLS 1.2)', (socket) => shake(socket, { ...FOREIGN_IDENTITY, maxVersion: 'TLSv1.2' })],
  ['shows no certificate (TLS 1.3)', (socket) => shake(socket, {})],
  ['shows no certificate (TLS 1.2)', (socket) => shake(socket, { maxVersion: 'TLSv1.2' })],
  ['does not speak TLS', (socket) => socket.end('GET / HTTP/1.0')],
  ['ends before it said anything', (socket) => socket.end()],
  ['ends after half a ClientHello', (socket) => socket.end(Buffer.from('16030100', 'hex'))],
  ['resets', (socket) => socket.resetAndDestroy()],
];

function shake(socket: Socket, options: ConnectionOptions): void {
  const over = connectTls({ socket, ca: TEST_AUTHORITY, servername: 'localhost', ...options });
  over.on('error', () => {});
  cleanups.push(() => void over.destroy());
}

/** With the address that the other end sees. */
async function connected(port: number) {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  cleanups.push(() => void socket.destroy());
  await once(socket, 'connect');
  return { socket, address: `127.0.0.1:${socket.localPort}` };
}

describe('handshakes', () => {
  test.each(FAILING)('the log names the peer that %s', async (_, go) => {
    const log = new RecordingLog();
    const { transport, metrics } = tls({ clientCertificate: 'required' }, { log });
    await transport.listen(() => expect.unreachable());
    const [, first, second] = await Promise.all([connected(portOf(transport)), connected(portOf(transport)), connected(portOf(transport))]);
    await eventually(() => expect(metrics.snapshot()).toMatchObject({ 'transport.mqtt.tls.accepted': 3 }));
    for (const { socket } of [first, second]) go(socket);
    const peers = () => log.lines.filter(({ event }) => event === 'TLS handshake failed').map(({ peer }) => peer);
    await eventually(() => expect(peers()).toHaveLength(2));
    expect(new Set(peers())).toEqual(new Set([first.address, second.address])); // one is not taken for the other, nor for who still shakes hands
  });

  test.each([
    ['plain MQTT', Buffer.from('101000044d5154540402003c000474657374', 'hex')],
    ['nothing, then its end', Buffer.alloc(0)],
    ['half a ClientHello', Buffer.from('16030100', 'hex')],
  ])('a peer that sends %s costs its own connection', async (_, bytes) => {
    const budget = new LinkBudget(10);
    const { transport, metrics } = tls({}, { budget });
    await transport.listen(() => expect.unreachable());
    const socket = connect({ port: portOf(transport), host: '127.0.0.1' });
    socket.end(bytes);
    const peer = new SocketPeer(socket);
    await eventually(() => expect(peer.isEnded).toBe(true));
    await eventually(() => expect(metrics.snapshot()).toMatchObject({ 'transport.mqtt.tls.accepted': 1, 'transport.mqtt.tls.failed': 1 }));
    await eventually(() => expect(budget.open).toBe(0));
  });

  test('a peer that resets during the handshake costs its own connection', async () => {
    const budget = new LinkBudget(10);
    const { transport, metrics } = tls({}, { budget });
    await transport.listen(() => expect.unreachable());
    const socket = connect({ port: portOf(transport), host: '127.0.0.1' });
    await eventually(() => expect(budget.open).toBe(1));
    socket.resetAndDestroy();
    await eventually(() => expect(metrics.snapshot()).toMatchObject({ 'transport.mqtt.tls.failed': 1 }));
    await eventually(() => expect(budget.open).toBe(0));
  });

  test('an open handshake counts in the budget', async () => {
    const { transport, metrics } = tls({}, { budget: new LinkBudget(1) });
    await transport.listen(() => expect.unreachable());
    const silent = connect({ port: portOf(transport), host: '127.0.0.1' });
    cleanups.push(() => void silent.destroy());
    await expect(handshaken(portOf(transport))).rejects.toThrow();
    expect(metrics.snapshot()).toMatchObject({ 'transport.mqtt.tls.refused': 1 });
  });

  test('an application protocol is agreed on', async () => {
    const { transport } = tls({ alpn: ['mqtt'] });
    await transport.listen((link) => new OwnedLink(link));
    await expect(handshaken(portOf(transport), { ALPNProtocols: ['mqtt'] })).resolves.toBeDefined();
    await expect(handshaken(portOf(transport), { ALPNProtocols: ['http/1.1'] })).rejects.toThrow();
  });
});
