// Listeners behind a proxy, over real sockets.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { PROXY_HEADER_TIMEOUT_MS } from '../../../src/model/limits.ts';
import { LinkBudget } from '../../../src/transport/link-budget.ts';
import { proxyOptions } from '../../../src/transport/proxied.ts';
import { TcpTransport } from '../../../src/transport/tcp.ts';
import { TlsTransport } from '../../../src/transport/tls.ts';
import { eventually, OwnedLink, pattern, streamTransportContract } from '../../contract/stream-transport.contract.ts';
import { CLIENT_IDENTITY, TEST_AUTHORITY } from '../../support/certificates.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { tlsLoader } from '../../support/tls-files.ts';
import { environment, portOf } from './environment.ts';
import { SocketPeer } from './socket-peer.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const V1 = Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 49152 1883\r\n');
/** For 192.0.2.7:49152, with api.example.org as authority and a verified certificate of valve-1. */
const V2 = Buffer.from(
  '0d0a0d0a000d0a515549540a2111002f' + 'c0000207c6336401c000075b' + '02000f6170692e6578616d706c652e6f7267' + '20000e' + '0700000000' + '22000676616c766531',
  'hex',
);
const LOCAL = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');

function listening(kind: 'tcp' | 'tls', trusted: readonly string[] = ['127.0.0.0/8'], versions: 'v1' | 'v2' | 'both' = 'both') {
  const parts = { ...environment(), log: new RecordingLog(), budget: new LinkBudget(10) };
  const options = { name: `mqtt.${kind}`, host: '127.0.0.1', port: 0, proxy: proxyOptions(versions, trusted), ...parts };
  const transport = kind === 'tcp' ? new TcpTransport(options) : new TlsTransport({ ...options, loadTls: tlsLoader({ clientCertificate: 'optional' }) });
  cleanups.push(() => transport.close());
  return { transport, ...parts };
}

async function links(transport: TcpTransport | TlsTransport): Promise<OwnedLink[]> {
  const owned: OwnedLink[] = [];
  await transport.listen((link) => owned.push(new OwnedLink(link)));
  return owned;
}

function connected(transport: TcpTransport | TlsTransport): Socket {
  const socket = connect({ port: portOf(transport), host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  socket.on('error', () => {});
  cleanups.push(() => void socket.destroy());
  return socket;
}

streamTransportContract('TcpTransport behind a proxy', async () => {
  const { transport } = listening('tcp');
  const connects = async () => {
    const socket = connected(transport);
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    socket.write(V1);
    return new SocketPeer(socket);
  };
  return { transport, connects, stop: async () => {} };
});

describe('PROXY protocol: the facts of a link', () => {
  test.each([
    ['version 1', V1, { peer: '192.0.2.7:49152', peerHost: '192.0.2.7', certificateIdentity: undefined, serverName: undefined }],
    [
      'version 2',
      V2,
      { peer: '192.0.2.7:49152', certificateCommonName: 'valve1', certificateIdentity: 'valve1', certificateSubject: undefined, serverName: 'api.example.org' },
    ],
    ['LOCAL', LOCAL, { peer: expect.stringMatching(/^127\.0\.0\.1:/), peerHost: '127.0.0.1', certificateIdentity: undefined }],
  ])('%s', async (_, header, facts) => {
    const { transport } = listening('tcp');
    const owned = await links(transport);
    connected(transport).write(Buffer.concat([header, Buffer.from('first bytes')]));
    await eventually(() => expect(owned[0]?.received.toString()).toBe('first bytes'));
    expect(owned[0]?.link).toMatchObject({ ...facts, isProxied: true, pskIdentity: undefined });
  });

  test('the header in pieces, then much at once', async () => {
    const { transport } = listening('tcp');
    const owned = await links(transport);
    const socket = connected(transport);
    for (const byte of V2.subarray(0, -1)) {
      await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve));
    }
    socket.write(Buffer.concat([V2.subarray(-1), pattern(500_000)]));
    await eventually(() => expect(owned[0]?.received.equals(pattern(500_000))).toBe(true));
  });

  test.each([
    ['in one piece with the header', true],
    ['after the header', false],
  ])('TLS begins behind the header, %s', async (_, isTogether) => {
    const { transport } = listening('tls');
    const owned = await links(transport);
    const raw = connected(transport);
    if (isTogether) raw.cork();
    raw.write(V2);
    const socket = connectTls({ socket: raw, ca: TEST_AUTHORITY, servername: 'localhost' });
    if (isTogether) setImmediate(() => raw.uncork());
    socket.on('error', () => {});
    socket.write('over TLS');
    await eventually(() => expect(owned[0]?.received.toString()).toBe('over TLS'));
    expect(owned[0]?.link).toMatchObject({ peer: '192.0.2.7:49152', isProxied: true, certificateIdentity: 'valve1', serverName: 'api.example.org' });
  });

  test('a certificate shown to us counts more than one the proxy tells of', async () => {
    const { transport } = listening('tls');
    const owned = await links(transport);
    const raw = connected(transport);
    raw.write(V2);
    connectTls({ socket: raw, ca: TEST_AUTHORITY, servername: 'localhost', ...CLIENT_IDENTITY }).on('error', () => {});
    await eventually(() => expect(owned[0]?.link).toMatchObject({ certificateIdentity: 'valve-1', certificateCommonName: 'valve-1' }));
  });

  test.each([
    [
      'it does not speak TLS: MQTT without TLS is for the port of mqtt.tcp',
      (raw: Socket) => raw.write(Buffer.concat([V1, Buffer.from('101000044d5154540402003c000474657374', 'hex')])),
    ],
    ['it left before the end', (raw: Socket) => raw.end(V1)],
  ])('a handshake that fails is told of the client, not of the proxy: %s', async (reason, go) => {
    const { transport, log } = listening('tls');
    await links(transport);
    go(connected(transport));
    await eventually(() => expect(log.lines).toContainEqual(expect.objectContaining({ event: 'TLS handshake failed', peer: '192.0.2.7:49152', reason })));
  });
});

describe('PROXY protocol: who costs its own connection', () => {
  test.each([
    ['MQTT without a header', Buffer.from('101000044d5154540402003c000474657374', 'hex'), 'does not begin with a PROXY header [PROXY §2]'],
    ['a broken header', Buffer.from('PROXY TCP4 192.0.2.7\r\n'), 'not an address of TCP4 [PROXY §2.1]'],
  ])('%s', async (_, bytes, reason) => {
    const { transport, log, metrics, budget } = listening('tcp');
    await transport.listen(() => expect.unreachable());
    const peer = new SocketPeer(connected(transport));
    peer.sends(bytes);
    await eventually(() => expect(peer.isEnded).toBe(true));
    expect(log.lines).toEqual([{ level: 'warn', event: 'PROXY header failed', listener: 'mqtt.tcp', peer: expect.stringMatching(/^127\.0\.0\.1:/), reason }]);
    expect(metrics.snapshot()).toMatchObject({ 'transport.mqtt.tcp.proxy.failed': 1, 'transport.mqtt.tcp.failed': 1, 'transport.mqtt.tcp.connections': 0 });
    await eventually(() => expect(budget.open).toBe(0));
  });

  test('who takes too long', async () => {
    const { transport, clock, log } = listening('tcp');
    await transport.listen(() => expect.unreachable());
    const peer = new SocketPeer(connected(transport));
    peer.sends(V1.subarray(0, 10));
    await eventually(() => expect(clock.pendingTimers).toBe(1));
    await clock.advanceMs(PROXY_HEADER_TIMEOUT_MS);
    await eventually(() => expect(peer.isEnded).toBe(true));
    expect(log.lines).toMatchObject([{ event: 'PROXY header failed', reason: 'not complete within 3000 ms' }]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('who leaves in the middle', async () => {
    const { transport, clock, metrics } = listening('tcp');
    await transport.listen(() => expect.unreachable());
    connected(transport).end(V1.subarray(0, 10));
    await eventually(() => expect(metrics.snapshot()).toMatchObject({ 'transport.mqtt.tcp.proxy.failed': 1 }));
    expect(clock.pendingTimers).toBe(0);
  });

  test('the end of the client right behind the header is the end of the link', async () => {
    const { transport } = listening('tcp');
    const owned = await links(transport);
    connected(transport).end(Buffer.concat([V1, Buffer.from('all')]));
    await eventually(() => expect(owned[0]?.closes).toEqual([undefined]));
    expect(owned[0]?.received.toString()).toBe('all');
  });

  test.each([
    [['10.0.0.0/8', 'fd00::/8'], false],
    [['127.0.0.1'], true],
    [['10.0.0.0/8', '127.0.0.0/8'], true],
  ])('from 127.0.0.1 where %j are trusted: let in is %s', async (trusted, isLetIn) => {
    const { transport, log, metrics } = listening('tcp', trusted);
    const owned = await links(transport);
    const peer = new SocketPeer(connected(transport));
    peer.sends(V1);
    await eventually(() => expect(owned.length === 1 || peer.isEnded).toBe(true));
    expect(owned.length === 1).toBe(isLetIn);
    if (isLetIn) return;
    expect(log.lines).toMatchObject([
      { level: 'warn', event: 'connection refused, its address is not in proxyTrusted', peer: expect.stringMatching(/^127\.0\.0\.1:/) },
    ]);
    expect(metrics.snapshot()).toMatchObject({ 'transport.mqtt.tcp.proxy.untrusted': 1 });
  });
});
