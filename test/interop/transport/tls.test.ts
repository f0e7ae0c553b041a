import { connect } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { LinkBudget } from '../../../src/transport/link-budget.ts';
import { TlsTransport } from '../../../src/transport/tls.ts';
import { eventually, OwnedLink, streamTransportContract } from '../../contract/stream-transport.contract.ts';
import { CLIENT_IDENTITY, FOREIGN_IDENTITY, SERVER_IDENTITY, TEST_AUTHORITY } from '../../support/certificates.ts';
import { environment, portOf } from './environment.ts';
import { SocketPeer } from './socket-peer.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function tls(options: Partial<ConstructorParameters<typeof TlsTransport>[0]> = {}) {
  const parts = environment();
  const transport = new TlsTransport({
    name: 'mqtt.tls',
    host: '127.0.0.1',
    port: 0,
    identity: SERVER_IDENTITY,
    ca: TEST_AUTHORITY,
    clientCertificate: 'none',
    ...parts,
    ...options,
  });
  cleanups.push(() => transport.close());
  return { transport, ...parts };
}

/** Rejects when the handshake fails on this side. In TLS 1.3 a server refuses a client only after it. */
async function handshaken(port: number, options: ConnectionOptions = {}): Promise<SocketPeer> {
  const raw = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  raw.on('error', () => {});
  const socket = connectTls({ socket: raw, ca: TEST_AUTHORITY, servername: 'localhost', ...options });
  cleanups.push(() => void raw.destroy());
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      socket.off('error', reject);
      resolve();
    });
  });
  return new SocketPeer(socket, raw);
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

describe('handshakes', () => {
  test.each([
    ['plain MQTT', Buffer.from('101000044d5154540402003c000474657374', 'hex')],
    ['nothing, then its end', Buffer.alloc(0)],
    ['half a ClientHello', Buffer.from('16030100', 'hex')],
  ])('a peer that sends %s costs its own connection', async (_, bytes) => {
    const budget = new LinkBudget(10);
    const { transport, metrics } = tls({ budget });
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
    const { transport, metrics } = tls({ budget });
    await transport.listen(() => expect.unreachable());
    const socket = connect({ port: portOf(transport), host: '127.0.0.1' });
    await eventually(() => expect(budget.open).toBe(1));
    socket.resetAndDestroy();
    await eventually(() => expect(metrics.snapshot()).toMatchObject({ 'transport.mqtt.tls.failed': 1 }));
    await eventually(() => expect(budget.open).toBe(0));
  });

  test('an open handshake counts in the budget', async () => {
    const { transport, metrics } = tls({ budget: new LinkBudget(1) });
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

describe('certificates', () => {
  test('ones that cannot be used are one sentence', async () => {
    const { transport } = tls({ identity: { cert: SERVER_IDENTITY.cert, key: CLIENT_IDENTITY.key } });
    await expect(transport.listen(() => {})).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/^certificate or key of mqtt\.tls cannot be used: .*key values mismatch/),
    });
  });

  test('a renewed one is shown from the next handshake on, open links stay', async () => {
    const { transport } = tls();
    const links: OwnedLink[] = [];
    await transport.listen((link) => links.push(new OwnedLink(link)));
    const before = await handshaken(portOf(transport));
    transport.renew(FOREIGN_IDENTITY);
    await expect(handshaken(portOf(transport))).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    before.sends(Buffer.from('still here'));
    await eventually(() => expect(links[0]?.received.toString()).toBe('still here'));
    expect(() => transport.renew({ cert: Buffer.from('no certificate'), key: SERVER_IDENTITY.key })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
    await expect(handshaken(portOf(transport), { ca: FOREIGN_IDENTITY.cert, checkServerIdentity: () => undefined })).resolves.toBeDefined();
  });
});
