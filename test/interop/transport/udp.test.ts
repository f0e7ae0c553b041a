import { createSocket, type Socket } from 'node:dgram';
import { afterEach, describe, expect, test } from 'vitest';
import { peerAddress } from '../../../src/model/client.ts';
import { UDP_PAYLOAD_BYTES_MAX } from '../../../src/model/limits.ts';
import type { DatagramPeer } from '../../../src/transport/transport.ts';
import { UdpTransport } from '../../../src/transport/udp.ts';
import { eventually, pattern } from '../../contract/stream-transport.contract.ts';
import { environment, portOf } from './environment.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A bound transport and what arrived at it. */
async function bound(options: Partial<ConstructorParameters<typeof UdpTransport>[0]> = {}) {
  const parts = environment();
  const transport = new UdpTransport({ name: 'mqttSn.udp', host: '127.0.0.1', port: 0, ...parts, ...options });
  cleanups.push(() => transport.close());
  const arrived: { bytes: Buffer; from: DatagramPeer }[] = [];
  await transport.listen((bytes, from) => arrived.push({ bytes, from }));
  return { transport, arrived, metrics: parts.metrics };
}

/** A socket of Node.js as a sensor. */
async function sensor(host: string, port: number) {
  const socket: Socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve) => socket.bind(0, host, resolve));
  cleanups.push(() => void socket.close());
  const received: Buffer[] = [];
  socket.on('message', (bytes) => received.push(bytes));
  return { received, address: socket.address(), sends: (bytes: Uint8Array) => socket.send(bytes, port, host) };
}

describe.each([
  ['127.0.0.1', '127.0.0.1'],
  ['::1', '::1'],
  ['::', '127.0.0.1'],
  ['::', '::1'],
])('UdpTransport on %s, a sensor at %s', (host, from) => {
  test('takes a datagram and answers it', async () => {
    const { transport, arrived, metrics } = await bound({ host });
    const device = await sensor(from, portOf(transport));
    device.sends(pattern(60));
    await eventually(() => expect(arrived).toHaveLength(1));
    const [datagram] = arrived;
    expect(datagram?.bytes.equals(pattern(60))).toBe(true);
    const port = device.address.port;
    expect(datagram?.from).toEqual({ host: from, port, address: from.includes(':') ? `[${from}]:${port}` : `${from}:${port}` });
    if (datagram) transport.send(pattern(61), datagram.from);
    await eventually(() => expect(device.received).toEqual([pattern(61)]));
    // An end that was stored as text and read back after a restart will do as well.
    transport.send(pattern(62), { host: from, port, address: peerAddress('restored') });
    await eventually(() => expect(device.received).toEqual([pattern(61), pattern(62)]));
    expect(metrics.snapshot()).toEqual({
      'transport.mqttSn.udp.datagrams.received': 1,
      'transport.mqttSn.udp.datagrams.sent': 2,
      'transport.mqttSn.udp.datagrams.dropped': 0,
      'transport.mqttSn.udp.datagrams.errors': 0,
      'transport.mqttSn.udp.bytes.received': 60,
      'transport.mqttSn.udp.bytes.sent': 123,
    });
  });
});

describe('UdpTransport', () => {
  test('a known end is the same object each time', async () => {
    const { transport, arrived } = await bound();
    const devices = [await sensor('127.0.0.1', portOf(transport)), await sensor('127.0.0.1', portOf(transport))];
    for (let round = 1; round <= 3; round += 1) {
      for (const device of devices) device.sends(pattern(1));
      await eventually(() => expect(arrived).toHaveLength(2 * round));
    }
    expect(new Set(arrived.map(({ from }) => from)).size).toBe(2);
  });

  test('the bytes of a datagram may be used again as soon as send returns', async () => {
    const { transport, arrived } = await bound();
    const device = await sensor('127.0.0.1', portOf(transport));
    device.sends(pattern(1));
    await eventually(() => expect(arrived).toHaveLength(1));
    const [first] = arrived;
    const scratch = Buffer.alloc(100);
    for (let n = 0; n < 50 && first; n += 1) transport.send(scratch.fill(n), first.from);
    await eventually(() => expect(device.received).toEqual(Array.from({ length: 50 }, (_, n) => Buffer.alloc(100, n))));
  });

  test('a datagram larger than payloadBytesMax is lost and counted', async () => {
    const { transport, metrics } = await bound({ payloadBytesMax: 100 });
    const device = await sensor('127.0.0.1', portOf(transport));
    const to = { host: '127.0.0.1', port: device.address.port, address: peerAddress('') };
    transport.send(pattern(101), to);
    transport.send(pattern(100), to);
    await eventually(() => expect(device.received).toEqual([pattern(100)]));
    expect(metrics.snapshot()).toMatchObject({ 'transport.mqttSn.udp.datagrams.dropped': 1 });
  });

  test('the largest datagram passes', async () => {
    const { transport } = await bound();
    const device = await sensor('127.0.0.1', portOf(transport));
    transport.send(pattern(UDP_PAYLOAD_BYTES_MAX), { host: '127.0.0.1', port: device.address.port, address: peerAddress('') });
    await eventually(() => expect(device.received[0]?.length).toBe(UDP_PAYLOAD_BYTES_MAX));
  });

  test('what the kernel refuses is counted and nothing else, failure after failure', async () => {
    const { transport, metrics } = await bound();
    const broadcast = { host: '255.255.255.255', port: 9, address: peerAddress('') }; // EACCES without SO_BROADCAST
    for (let n = 1; n <= 3; n += 1) {
      transport.send(pattern(1), broadcast);
      await eventually(() => expect(metrics.snapshot()).toMatchObject({ 'transport.mqttSn.udp.datagrams.errors': n }));
    }
  });

  test('nobody at the other end is not an error: the transport goes on', async () => {
    const { transport, arrived } = await bound();
    transport.send(pattern(1), { host: '127.0.0.1', port: 9, address: peerAddress('') });
    const device = await sensor('127.0.0.1', portOf(transport));
    device.sends(pattern(2));
    await eventually(() => expect(arrived).toHaveLength(1));
  });

  test('after close nothing is sent or delivered, and the port is free', async () => {
    const { transport } = await bound();
    const port = portOf(transport);
    await transport.close();
    await transport.close();
    transport.send(pattern(1), { host: '127.0.0.1', port: 9, address: peerAddress('') });
    await expect(bound({ port })).resolves.toBeDefined();
  });

  test('a port in use is one sentence that says what to do', async () => {
    const { transport } = await bound();
    const port = portOf(transport);
    await expect(bound({ port })).rejects.toMatchObject({
      code: 'ADDRESS_UNAVAILABLE',
      message: `port ${port} on 127.0.0.1 is in use by another program: stop it or set mqttSn.udp.bind`,
    });
  });

  test('a larger receive buffer holds a burst', async () => {
    const { transport, arrived } = await bound({ receiveBufferBytes: 1024 * 1024 });
    const device = await sensor('127.0.0.1', portOf(transport));
    for (let n = 0; n < 100; n += 1) device.sends(pattern(1_000, n));
    await eventually(() => expect(arrived).toHaveLength(100));
  });
});
