import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { GatewayError } from '../../../src/model/errors.ts';
import { TcpTransport } from '../../../src/transport/tcp.ts';
import { TcpDialer } from '../../../src/transport/tcp-dialer.ts';
import { TlsTransport } from '../../../src/transport/tls.ts';
import { TlsDialer } from '../../../src/transport/tls-dialer.ts';
import type { Link, LinkHandlers } from '../../../src/transport/transport.ts';
import { eventually, OwnedLink, pattern } from '../../contract/stream-transport.contract.ts';
import { CLIENT_IDENTITY, FOREIGN_IDENTITY, SERVER_IDENTITY, TEST_AUTHORITY } from '../../support/certificates.ts';
import { tlsLoader } from '../../support/tls-files.ts';
import { environment, portOf } from './environment.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A listener of ours that greets and echoes. */
async function listening(kind: 'tcp' | 'tls'): Promise<{ port: number; links: OwnedLink[] }> {
  const parts = { name: 'far', host: '127.0.0.1', port: 0, ...environment() };
  const transport = kind === 'tcp' ? new TcpTransport(parts) : new TlsTransport({ ...parts, loadTls: tlsLoader({ clientCertificate: 'optional' }) });
  const links: OwnedLink[] = [];
  await transport.listen((link) => {
    const owned = new OwnedLink(link);
    owned.onBytes = (bytes) => link.send(bytes);
    links.push(owned);
    link.send(Buffer.from('hello'));
  });
  cleanups.push(() => {
    for (const { link } of links) link.destroy();
    return transport.close();
  });
  return { port: portOf(transport), links };
}

/** A server that accepts and says nothing. */
async function silent(): Promise<number> {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('not bound');
  return bound.port;
}

type TcpOptions = ConstructorParameters<typeof TcpDialer>[0];
type TlsOptions = ConstructorParameters<typeof TlsDialer>[0];

function dialer(kind: 'tcp' | 'tls', options: Partial<TlsOptions> & { port: number }) {
  const parts = environment();
  const common: TcpOptions = { name: 'bridge.central', host: '127.0.0.1', timeoutMs: 10_000, ...parts, ...options };
  return { ...parts, dialer: kind === 'tcp' ? new TcpDialer(common) : new TlsDialer({ ca: TEST_AUTHORITY, ...common }) };
}

const never = new AbortController().signal;

/** Takes over a dialed link as its owner. */
function ownedBy(owned: OwnedLink[]): (link: Link) => LinkHandlers {
  return (link) => {
    owned.push(new OwnedLink(link));
    cleanups.push(() => link.destroy());
    return link.handlers;
  };
}

describe.each(['tcp', 'tls'] as const)('a link dialed by %s', (kind) => {
  test('delivers the first bytes of the other end, and echoes', async () => {
    const { port } = await listening(kind);
    const { dialer: subject, metrics } = dialer(kind, { port });
    const owned: OwnedLink[] = [];
    const link = await subject.dial(ownedBy(owned), never);
    expect(link.peer).toBe(`127.0.0.1:${port}`);
    expect(link.listener).toBe('bridge.central');
    link.send(pattern(200_000));
    await eventually(() => expect(owned[0]?.received.equals(Buffer.concat([Buffer.from('hello'), pattern(200_000)]))).toBe(true));
    expect(metrics.snapshot()).toMatchObject({ 'transport.bridge.central.connections': 1, 'transport.bridge.central.bytes.sent': 200_000 });
    link.close();
    await eventually(() => expect(owned[0]?.closes).toEqual([undefined]));
  });

  test('that nobody answers fails with what happened', async () => {
    const port = await silent();
    for (const cleanup of cleanups.splice(0)) await cleanup();
    const { dialer: subject, metrics, clock } = dialer(kind, { port });
    await expect(subject.dial(ownedBy([]), never)).rejects.toMatchObject({
      code: 'LINK_CLOSED',
      message: `cannot connect to 127.0.0.1:${port}: nothing listens there (ECONNREFUSED)`,
    });
    expect(metrics.snapshot()).toMatchObject({ 'transport.bridge.central.failed': 1, 'transport.bridge.central.connections': 0 });
    expect(clock.pendingTimers).toBe(0);
  });

  test('is given up when it is aborted, at once or before', async () => {
    const port = await silent();
    const { dialer: subject, clock } = dialer(kind, { port });
    const abort = new AbortController();
    const dialing = subject.dial(ownedBy([]), abort.signal);
    abort.abort();
    await expect(dialing).rejects.toMatchObject({ code: 'LINK_CLOSED', message: `cannot connect to 127.0.0.1:${port}: given up` });
    await expect(subject.dial(ownedBy([]), abort.signal)).rejects.toMatchObject({ code: 'LINK_CLOSED' });
    expect(clock.pendingTimers).toBe(0);
  });

  test('stays when the signal is aborted later', async () => {
    const { port } = await listening(kind);
    const abort = new AbortController();
    const owned: OwnedLink[] = [];
    const link = await dialer(kind, { port }).dialer.dial(ownedBy(owned), abort.signal);
    abort.abort();
    link.send(Buffer.from('!'));
    await eventually(() => expect(owned[0]?.received.toString()).toBe('hello!'));
  });

  test('comes from the address it was told', async () => {
    const { port, links } = await listening(kind);
    await dialer(kind, { port, localAddress: '127.0.0.2' }).dialer.dial(ownedBy([]), never);
    await eventually(() => expect(links[0]?.link.peerHost).toBe('127.0.0.2'));
  });
});

describe('TLS', () => {
  test('a handshake that is not answered fails in time', async () => {
    const port = await silent();
    const { dialer: subject, clock } = dialer('tls', { port });
    const dialing = subject.dial(ownedBy([]), never);
    const outcome = expect(dialing).rejects.toMatchObject({ code: 'LINK_CLOSED', message: `cannot connect to 127.0.0.1:${port}: no answer within 10 s` });
    await clock.advanceMs(10_000);
    await outcome;
  });

  test.each([
    ['another authority', { ca: FOREIGN_IDENTITY.cert }, /not trusted \(/],
    ['another name', { servername: 'broker.example.org' }, /for another name \(ERR_TLS_CERT_ALTNAME_INVALID\)/],
  ])('a certificate of %s is refused', async (_, options, reason) => {
    const { port } = await listening('tls');
    const dialing = dialer('tls', { port, ...options }).dialer.dial(ownedBy([]), never);
    await expect(dialing).rejects.toMatchObject({ code: 'LINK_CLOSED', message: expect.stringMatching(reason) });
  });

  test('any certificate is accepted when that is asked for, and proves nothing', async () => {
    const { port } = await listening('tls');
    const link = await dialer('tls', { port, ca: FOREIGN_IDENTITY.cert, insecure: true }).dialer.dial(ownedBy([]), never);
    expect(link.certificateSubject).toBeUndefined();
  });

  test('both ends know each other by their certificates', async () => {
    const { port, links } = await listening('tls');
    const link = await dialer('tls', { port, identity: CLIENT_IDENTITY }).dialer.dial(ownedBy([]), never);
    expect(link.certificateSubject).toBe('CN=localhost');
    await eventually(() => expect(links[0]?.link.certificateSubject).toBe('C=DE,O=Acme\\, Inc.,CN=valve-1'));
  });

  test('certificates that cannot be used are a fault of the configuration', async () => {
    const { port } = await listening('tls');
    const identity = { cert: CLIENT_IDENTITY.cert, key: SERVER_IDENTITY.key };
    const { dialer: subject, clock } = dialer('tls', { port, identity });
    const error = await subject.dial(ownedBy([]), never).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(GatewayError);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(clock.pendingTimers).toBe(0);
  });
});
