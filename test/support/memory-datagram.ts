// A datagram transport without a network, its peers being scripts; and a wrapper that loses, doubles and delays what passes through any transport.

import type { Clock } from '../../src/model/clock.ts';
import { endpoint } from '../../src/transport/address.ts';
import type { DatagramPeer, DatagramTransport } from '../../src/transport/transport.ts';

export class MemoryDatagramTransport implements DatagramTransport {
  readonly name: string;
  readonly address = 'memory';
  readonly payloadBytesMax: number;
  readonly #peers = new Map<string, MemoryDatagramPeer>();
  #onDatagram: ((bytes: Buffer, from: DatagramPeer) => void) | undefined;

  constructor(options: { readonly name?: string; readonly payloadBytesMax?: number } = {}) {
    this.name = options.name ?? 'memory';
    this.payloadBytesMax = options.payloadBytesMax ?? 1_400;
  }

  async listen(onDatagram: (bytes: Buffer, from: DatagramPeer) => void): Promise<void> {
    this.#onDatagram = onDatagram;
  }

  /** Lost while nobody listens: the socket is not there yet. */
  send(bytes: Uint8Array, to: DatagramPeer): void {
    if (this.#onDatagram !== undefined && bytes.length <= this.payloadBytesMax) this.#peers.get(to.address)?.received.push(Buffer.from(bytes));
  }

  async close(): Promise<void> {
    this.#onDatagram = undefined;
  }

  /** The device at that address, the same one each time. */
  peer(host: string, port: number): MemoryDatagramPeer {
    const address = endpoint(host, port);
    const known = this.#peers.get(address);
    if (known !== undefined) return known;
    const peer = new MemoryDatagramPeer((bytes) => this.#onDatagram?.(bytes, { address, host, port }));
    this.#peers.set(address, peer);
    return peer;
  }
}

export class MemoryDatagramPeer {
  /** What was sent to it, in order of arrival. A script may take from it. */
  readonly received: Buffer[] = [];
  readonly #send: (bytes: Buffer) => void;

  constructor(send: (bytes: Buffer) => void) {
    this.#send = send;
  }

  take(): Buffer[] {
    return this.received.splice(0);
  }

  sends(bytes: Uint8Array): this {
    this.#send(Buffer.from(bytes));
    return this;
  }
}

/** Probabilities per datagram and direction, each 0 to 1. */
export interface Loss {
  readonly drop: number;
  readonly duplicate: number;
  /** Held back, so that those behind it overtake. */
  readonly reorder: number;
  readonly reorderDelayMs: number;
  /** The same seed gives the same losses for the same traffic. */
  readonly seed: number;
}

/** Any transport, seen through a bad path. */
export class LossyDatagramTransport implements DatagramTransport {
  /** What the path has done so far: a test that saw none of it has tested nothing. */
  readonly done = { dropped: 0, duplicated: 0, reordered: 0 };
  readonly #inner: DatagramTransport;
  readonly #loss: Loss;
  readonly #clock: Clock;
  readonly #random: () => number;

  constructor(inner: DatagramTransport, loss: Loss, clock: Clock) {
    this.#inner = inner;
    this.#loss = loss;
    this.#clock = clock;
    this.#random = seeded(loss.seed);
  }

  get name(): string {
    return this.#inner.name;
  }

  get address(): string {
    return this.#inner.address;
  }

  get payloadBytesMax(): number {
    return this.#inner.payloadBytesMax;
  }

  listen(onDatagram: (bytes: Buffer, from: DatagramPeer) => void): Promise<void> {
    return this.#inner.listen((bytes, from) => this.#pass(Buffer.from(bytes), (copy) => onDatagram(copy, from)));
  }

  send(bytes: Uint8Array, to: DatagramPeer): void {
    this.#pass(Buffer.from(bytes), (copy) => this.#inner.send(copy, to));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #pass(bytes: Buffer, deliver: (bytes: Buffer) => void): void {
    const { drop, duplicate, reorder, reorderDelayMs } = this.#loss;
    if (this.#random() < drop) {
      this.done.dropped += 1;
      return;
    }
    if (this.#random() < reorder) {
      this.done.reordered += 1;
      this.#clock.after(reorderDelayMs, () => deliver(bytes));
    } else {
      deliver(bytes);
    }
    if (this.#random() >= duplicate) return;
    this.done.duplicated += 1;
    deliver(Buffer.from(bytes));
  }
}

/** Mulberry32: 32 bits of state, good enough to lose datagrams by. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
