import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { LINK_CLOSE_TIMEOUT_MS } from '../../../src/model/limits.ts';
import { LinkBudget } from '../../../src/transport/link-budget.ts';
import { TcpTransport } from '../../../src/transport/tcp.ts';
import { eventually, OwnedLink, pattern, type StreamBench, streamTransportContract } from '../../contract/stream-transport.contract.ts';
import { environment, portOf } from './environment.ts';
import { SocketPeer } from './socket-peer.ts';

/** Peers and transports of the running test. */
const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function tcp(options: Partial<ConstructorParameters<typeof TcpTransport>[0]> = {}) {
  const parts = environment();
  const transport = new TcpTransport({ name: 'mqtt.tcp', host: '127.0.0.1', port: 0, ...parts, ...options });
  cleanups.push(() => transport.close());
  return { transport, ...parts };
}

async function connected(target: { port: number; host?: string } | { path: string }): Promise<SocketPeer> {
  const socket: Socket = connect({ host: '127.0.0.1', ...target, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve();
    });
  });
  const peer = new SocketPeer(socket);
  cleanups.push(() => peer.leaves());
  return peer;
}

function tcpBench(options: Partial<ConstructorParameters<typeof TcpTransport>[0]>, target: (transport: TcpTransport) => Parameters<typeof connected>[0]) {
  return async (): Promise<StreamBench> => {
    const { transport } = tcp(options);
    return { transport, connects: () => connected(target(transport)), stop: async () => {} };
  };
}

streamTransportContract(
  'TcpTransport over IPv4',
  tcpBench({}, (transport) => ({ port: portOf(transport) })),
);
streamTransportContract(
  'TcpTransport over IPv6',
  tcpBench({ host: '::1' }, (transport) => ({ host: '::1', port: portOf(transport) })),
);

describe('TcpTransport on a Unix socket', () => {
  const directory = mkdtempSync(join(tmpdir(), 'postern-socket-'));
  const path = join(directory, 'control.sock');
  streamTransportContract(
    'TcpTransport with a path',
    tcpBench({ path }, () => ({ path })),
    { resets: false },
  );

  test('is for the owner of the process only, and counts as local', async () => {
    const { transport } = tcp({ path });
    const links: OwnedLink[] = [];
    await transport.listen((link) => links.push(new OwnedLink(link)));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(transport.address).toBe(path);
    await connected({ path });
    await eventually(() => expect(links[0]?.link.peerHost).toBe(''));
  });

  test('has the permissions it is given', async () => {
    await tcp({ path, mode: 0o660 }).transport.listen(() => {});
    expect(statSync(path).mode & 0o777).toBe(0o660);
  });

  test('one that a killed process left behind is taken over', async () => {
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    expect(statSync(path).isSocket()).toBe(true);
    await tcp({ path }).transport.listen(() => {});
    await expect(connected({ path })).resolves.toBeDefined();
  });

  test('one on which somebody answers stays his', async () => {
    await tcp({ path }).transport.listen(() => {});
    const message = `${path} is in use by another program: stop it or set mqtt.listeners[0].path`;
    await expect(tcp({ path, setting: 'mqtt.listeners[0]' }).transport.listen(() => {})).rejects.toMatchObject({ code: 'ADDRESS_UNAVAILABLE', message });
    await expect(connected({ path })).resolves.toBeDefined();
  });

  test('a file that is no socket stays as it is', async () => {
    const file = join(directory, 'file');
    writeFileSync(file, 'precious');
    const message = `${file} is in the way and not a socket: remove it or set mqtt.tcp.path`;
    await expect(tcp({ path: file }).transport.listen(() => {})).rejects.toMatchObject({ code: 'ADDRESS_UNAVAILABLE', message });
    expect(readFileSync(file, 'utf8')).toBe('precious');
  });

  test('a path longer than the kernel takes is one sentence', async () => {
    const long = join(directory, 'a'.repeat(108));
    const message = `${long} has more than 107 bytes: set mqtt.tcp.path to a shorter path`;
    await expect(tcp({ path: long }).transport.listen(() => {})).rejects.toMatchObject({ code: 'ADDRESS_UNAVAILABLE', message });
  });

  test('a directory that is not there is one sentence', async () => {
    const { transport } = tcp({ path: '/nowhere/control.sock', name: 'control' });
    await expect(transport.listen(() => {})).rejects.toMatchObject({
      code: 'ADDRESS_UNAVAILABLE',
      message: '/nowhere/control.sock cannot be made: see that its directory exists and is ours to write, or set control.path',
    });
  });

  test('leaves nothing behind', () => rmSync(directory, { recursive: true }));
});

describe('addresses', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1', /^127\.0\.0\.1:\d+$/, /^127\.0\.0\.1:\d+$/],
    ['::1', '::1', /^\[::1\]:\d+$/, /^\[::1\]:\d+$/],
    ['::', '127.0.0.1', /^\[::\]:\d+$/, /^127\.0\.0\.1:\d+$/],
  ])('a listener on %s, a client from %s', async (host, from, listening, peer) => {
    const { transport } = tcp({ host });
    const links: OwnedLink[] = [];
    await transport.listen((link) => links.push(new OwnedLink(link)));
    expect(transport.address).toMatch(listening);
    await connected({ host: from, port: portOf(transport) });
    await eventually(() => expect(links).toHaveLength(1));
    expect(links[0]?.link.peer).toMatch(peer);
    expect(links[0]?.link.peerHost).toBe(from);
  });

  test('a port in use is one sentence that says what to do', async () => {
    const { transport: first } = tcp();
    await first.listen(() => {});
    const port = portOf(first);
    const { transport: second } = tcp({ port });
    await expect(second.listen(() => {})).rejects.toMatchObject({
      code: 'ADDRESS_UNAVAILABLE',
      message: `port ${port} on 127.0.0.1 is in use by another program: stop it or set mqtt.tcp.bind`,
    });
  });

  test('an address of another machine is one sentence that says what to do', async () => {
    const { transport } = tcp({ host: '192.0.2.1' });
    await expect(transport.listen(() => {})).rejects.toMatchObject({
      code: 'ADDRESS_UNAVAILABLE',
      message: '192.0.2.1 is not an address of this machine: set mqtt.tcp.bind',
    });
  });
});

describe('shares of a budget', () => {
  test('a listener with a bound of its own leaves the rest to the others, and takes nothing beyond the whole', async () => {
    const whole = new LinkBudget(3);
    const [small, large] = [tcp({ budget: new LinkBudget(1, whole) }), tcp({ budget: whole, name: 'mqtt.tls' })];
    const links: OwnedLink[] = [];
    for (const { transport } of [small, large]) await transport.listen((link) => links.push(new OwnedLink(link)));
    const refused = (): (number | undefined)[] => [
      small.metrics.snapshot()['transport.mqtt.tcp.refused'],
      large.metrics.snapshot()['transport.mqtt.tls.refused'],
    ];
    await connected({ port: portOf(small.transport) });
    await connected({ port: portOf(small.transport) });
    await eventually(() => expect(refused()).toEqual([1, 0]));
    for (let n = 0; n < 3; n += 1) await connected({ port: portOf(large.transport) });
    await eventually(() => expect(refused()).toEqual([1, 1]));
    expect([links.length, whole.open]).toEqual([3, 3]);
    for (const { link } of links) link.destroy();
    await eventually(() => expect(whole.open).toBe(0));
  });
});

describe('bounds', () => {
  test('a connection beyond the budget is closed at once and counted; room that comes free is used', async () => {
    const budget = new LinkBudget(2);
    const { transport, metrics } = tcp({ budget });
    const links: OwnedLink[] = [];
    await transport.listen((link) => links.push(new OwnedLink(link)));
    const port = portOf(transport);
    const [first] = [await connected({ port }), await connected({ port })];
    const refused = await connected({ port });
    await eventually(() => expect(refused.isEnded).toBe(true));
    expect(links).toHaveLength(2);
    expect(metrics.snapshot()).toMatchObject({ 'transport.mqtt.tcp.refused': 1, 'transport.mqtt.tcp.connections': 2 });
    first.ends();
    await eventually(() => expect(budget.open).toBe(1));
    await connected({ port });
    await eventually(() => expect(links).toHaveLength(3));
  });

  test('1,000 connections that come and go leave nothing open', async () => {
    const budget = new LinkBudget(10_000);
    const { transport, metrics } = tcp({ budget });
    const closes: unknown[] = [];
    await transport.listen((link) => {
      link.handlers = { onBytes: (bytes) => link.send(bytes), onFull() {}, onDrain() {}, onClose: (cause) => closes.push(cause) };
    });
    const port = portOf(transport);
    const leave = [(peer: SocketPeer) => peer.resets(), (peer: SocketPeer) => peer.ends(), (peer: SocketPeer) => peer.leaves()];
    for (let round = 0; round < 10; round += 1) {
      const peers = await Promise.all(Array.from({ length: 100 }, () => connected({ port })));
      for (const [index, peer] of peers.entries()) {
        peer.sends(pattern(index));
        leave[index % leave.length]?.(peer);
      }
    }
    const count = (what: string): number => metrics.counter(`transport.mqtt.tcp.${what}`).value;
    await eventually(() => expect(count('accepted') + count('failed')).toBe(1_000)); // some are reset before they are looked at
    await eventually(() => expect(budget.open).toBe(0));
    expect(metrics.snapshot()['transport.mqtt.tcp.connections']).toBe(0);
    expect(closes).toHaveLength(count('accepted'));
  });

  test('every byte is counted', async () => {
    const { transport, metrics } = tcp();
    const links: OwnedLink[] = [];
    await transport.listen((link) => links.push(new OwnedLink(link)));
    const peer = await connected({ port: portOf(transport) });
    peer.sends(pattern(123_456));
    await eventually(() => expect(links[0]?.received.length).toBe(123_456));
    links[0]?.link.send(pattern(77_777));
    await eventually(() => expect(peer.received.length).toBe(77_777));
    expect(metrics.snapshot()).toMatchObject({ 'transport.mqtt.tcp.bytes.received': 123_456, 'transport.mqtt.tcp.bytes.sent': 77_777 });
  });
});

describe('a peer that does not close its side', () => {
  test.each([
    ['ignores our end', false],
    ['does not take our last bytes', true],
  ])('and %s is cut off after LINK_CLOSE_TIMEOUT_MS', async (_, isFull) => {
    const { transport, clock } = tcp();
    const links: OwnedLink[] = [];
    await transport.listen((link) => links.push(new OwnedLink(link)));
    const silent = connect({ port: portOf(transport), host: '127.0.0.1', allowHalfOpen: true });
    silent.on('error', () => {});
    cleanups.push(() => void silent.destroy());
    await eventually(() => expect(links).toHaveLength(1));
    const [owned] = links;
    if (isFull) owned?.fills();
    owned?.link.close();
    await clock.advanceMs(LINK_CLOSE_TIMEOUT_MS - 1);
    expect(owned?.closes).toEqual([]);
    await clock.advanceMs(1);
    await eventually(() => expect(owned?.closes).toEqual([undefined]));
    expect(clock.pendingTimers).toBe(0);
  });
});

/** Small writes that wait for the acknowledgement of the one before (RFC 896) would take 40 ms each. */
test('small writes are not held back', async () => {
  const { transport } = tcp();
  await transport.listen((link) => {
    link.handlers = {
      onBytes: () => {
        link.send(Buffer.from('a'));
        setTimeout(() => link.send(Buffer.from('b')), 1);
      },
      onFull() {},
      onDrain() {},
      onClose() {},
    };
  });
  const peer = await connected({ port: portOf(transport) });
  const startMs = performance.now();
  const rounds = 60;
  for (let round = 1; round <= rounds; round += 1) {
    peer.sends(Buffer.from('?'));
    await eventually(() => expect(peer.received.length).toBe(2 * round));
  }
  expect((performance.now() - startMs) / rounds).toBeLessThan(25);
});
