import { describe, expect, test } from 'vitest';
import type { DatagramPeer } from '../../../src/transport/transport.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type Loss, LossyDatagramTransport, MemoryDatagramTransport } from '../../support/memory-datagram.ts';

async function over(loss: Partial<Loss>) {
  const clock = new FakeClock();
  const inner = new MemoryDatagramTransport();
  const transport = new LossyDatagramTransport(inner, { drop: 0, duplicate: 0, reorder: 0, reorderDelayMs: 50, seed: 7, ...loss }, clock);
  const arrived: number[] = [];
  let from: DatagramPeer | undefined;
  await transport.listen((bytes, peer) => {
    arrived.push(bytes.readUInt16BE());
    from = peer;
  });
  const device = inner.peer('192.0.2.7', 49_152);
  /** 1,000 numbered datagrams towards the transport. */
  const sends = (): void => {
    for (let n = 0; n < 1_000; n += 1) device.sends(numbered(n));
  };
  return { clock, transport, device, arrived, sends, from: () => from };
}

function numbered(n: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(n);
  return bytes;
}

const all = Array.from({ length: 1_000 }, (_, n) => n);

describe('a path that is', () => {
  test('perfect delivers everything once, in order, both ways', async () => {
    const { transport, device, arrived, sends, from } = await over({});
    sends();
    expect(arrived).toEqual(all);
    expect(from()).toEqual({ address: '192.0.2.7:49152', host: '192.0.2.7', port: 49_152 });
    const to = from();
    for (const n of all) if (to) transport.send(numbered(n), to);
    expect(device.received.map((bytes) => bytes.readUInt16BE())).toEqual(all);
  });

  test('lossy loses about as many as it was told, and says how many', async () => {
    const { transport, arrived, sends } = await over({ drop: 0.1 });
    sends();
    expect(transport.done.dropped).toBeGreaterThan(60);
    expect(transport.done.dropped).toBeLessThan(140);
    expect(arrived).toHaveLength(1_000 - transport.done.dropped);
  });

  test('doubling delivers some twice', async () => {
    const { transport, arrived, sends } = await over({ duplicate: 0.05 });
    sends();
    expect(transport.done.duplicated).toBeGreaterThan(20);
    expect(arrived).toHaveLength(1_000 + transport.done.duplicated);
    expect(new Set(arrived).size).toBe(1_000);
  });

  test('reordering delivers some after those behind them, when the clock has moved', async () => {
    const { clock, transport, arrived, sends } = await over({ reorder: 0.05 });
    sends();
    expect(arrived).toHaveLength(1_000 - transport.done.reordered);
    await clock.advanceMs(50);
    expect(transport.done.reordered).toBeGreaterThan(20);
    expect(arrived).not.toEqual(all);
    expect(arrived.toSorted((a, b) => a - b)).toEqual(all);
  });

  test('the same for the same seed, another for another', async () => {
    const outcomes = [];
    for (const seed of [1, 1, 2]) {
      const { arrived, sends } = await over({ drop: 0.5, seed });
      sends();
      outcomes.push(arrived.join());
    }
    expect(outcomes[0]).toBe(outcomes[1]);
    expect(outcomes[0]).not.toBe(outcomes[2]);
  });
});

describe('MemoryDatagramTransport', () => {
  test('datagrams to nobody, and those larger than payloadBytesMax, are lost', async () => {
    const transport = new MemoryDatagramTransport({ payloadBytesMax: 2 });
    const peer = transport.peer('192.0.2.7', 1);
    await transport.listen(() => {});
    const from: DatagramPeer[] = [];
    await transport.listen((_, sender) => from.push(sender));
    peer.sends(numbered(1));
    const [to] = from;
    if (to) {
      transport.send(Buffer.alloc(3), to);
      transport.send(Buffer.alloc(2), to);
      transport.send(Buffer.alloc(2), { ...to, address: transport.peer('192.0.2.8', 1) && to.address });
    }
    expect(peer.received).toHaveLength(2);
  });
});
