import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type StreamHandle, streamInternals, takeHandles } from '../../../src/transport/stream-handle.ts';
import { overTcp, TcpTransport } from '../../../src/transport/tcp.ts';
import { eventually, OwnedLink, streamTransportContract } from '../../contract/stream-transport.contract.ts';
import { environment, portOf } from './environment.ts';
import { SocketPeer } from './socket-peer.ts';

/** Servers, transports and peers of the running test. */
const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function connected(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  cleanups.push(() => void socket.destroy());
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return socket;
}

const tcpOptions = () => ({ name: 'mqtt.tcp', host: '127.0.0.1', port: 0, ...environment() });

// What every listener does under a Node.js that shows nothing of its insides.
streamTransportContract('TcpTransport that is given sockets only', async () => {
  const options = tcpOptions();
  const { source, counters } = overTcp(options);
  const transport = new TcpTransport(options, {
    source: {
      get address() {
        return source.address;
      },
      listen: (onAccepted) => source.listen(onAccepted),
      close: () => source.close(),
    },
    counters,
  });
  cleanups.push(() => transport.close());
  return { transport, connects: async () => new SocketPeer(await connected(portOf(transport))), stop: async () => {} };
});

describe('the insides of Node.js', () => {
  const streams = { streamBaseState: new Int32Array(4), kReadBytesOrError: 0, kLastWriteWasAsync: 3, WriteWrap: class {}, ShutdownWrap: class {} };

  test('are known in this version', () => {
    expect(streamInternals()).toBeDefined();
  });

  test('are taken in the shape known', () => {
    expect(streamInternals({ binding: () => streams })).toBe(streams);
  });

  test.each([
    ['without a way in', {}],
    [
      'that forbids',
      {
        binding: () => {
          throw new Error('not permitted');
        },
      },
    ],
    ['without streams', { binding: () => undefined }],
    ...Object.keys(streams).map((part): [string, object] => [`without ${part}`, { binding: () => ({ ...streams, [part]: undefined }) }]),
  ])('of a Node.js %s are left alone', (_, node) => {
    expect(streamInternals(node)).toBeUndefined();
  });
});

describe('the handles of a server', () => {
  async function listening(): Promise<{ server: Server; port: number; sockets: Socket[] }> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket));
    cleanups.push(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address !== 'object') throw new Error('no address');
    return { server, port: address.port, sockets };
  }

  test('come instead of its sockets', async () => {
    const { server, port, sockets } = await listening();
    const handles: StreamHandle[] = [];
    expect(takeHandles(server, (handle) => handles.push(handle))).toBe(true);
    await connected(port);
    await eventually(() => expect(handles).toHaveLength(1));
    expect(sockets).toHaveLength(0);
    for (const handle of handles) handle.close();
  });

  test('that lack something stay its own, as what could not be accepted', async () => {
    const { server, port, sockets } = await listening();
    const errors: unknown[] = [];
    server.on('error', (error) => errors.push(error));
    const listener: unknown = Reflect.get(server, '_handle');
    if (typeof listener !== 'object' || listener === null) throw new Error('not listening');
    const handles: StreamHandle[] = [];
    takeHandles(server, (handle) => handles.push(handle));
    const take: unknown = Reflect.get(listener, 'onconnection');
    if (typeof take !== 'function') throw new Error('nothing takes connections');
    Reflect.set(listener, 'onconnection', (status: number, handle: object) => {
      Reflect.set(handle, 'useUserBuffer', undefined);
      Reflect.apply(take, listener, [status, handle]);
    });
    await connected(port);
    await eventually(() => expect(sockets).toHaveLength(1));
    const EMFILE = -24;
    Reflect.apply(take, listener, [EMFILE, undefined]);
    expect([handles.length, errors.length]).toEqual([0, 1]);
    for (const socket of sockets) socket.destroy();
  });

  test('of a server that does not listen are not there', () => {
    expect(takeHandles(createServer(), () => {})).toBe(false);
  });
});

test('what a link reads lies where the read before it lay: a listener has one buffer for all its links', async () => {
  const transport = new TcpTransport(tcpOptions());
  cleanups.push(() => transport.close());
  const places = new Set<ArrayBufferLike>();
  const links: OwnedLink[] = [];
  await transport.listen((link) => {
    const owned = new OwnedLink(link);
    owned.onBytes = (bytes) => places.add(bytes.buffer);
    links.push(owned);
  });
  for (const text of ['one', 'three']) {
    (await connected(portOf(transport))).write(text);
    await eventually(() => expect(links.at(-1)?.received.toString()).toBe(text));
  }
  expect(places.size).toBe(1);
});
