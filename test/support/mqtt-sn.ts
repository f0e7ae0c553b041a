// Lockstep bench for MQTT-SN: the real gateway on the real core, a sensor that is a script, a clock moved by hand.
import { expect } from 'vitest';
import { decode, encode } from '../../gateways/mqtt-sn/codec.ts';
import { createMqttSnGateway, MQTT_SN_DEFAULTS, type MqttSnSettings } from '../../gateways/mqtt-sn/index.ts';
import type { Packet } from '../../gateways/mqtt-sn/packets.ts';
import type { BrokerSettings } from '../../src/broker/broker.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import type { Log, LogFields } from '../../src/model/log.ts';
import type { DatagramPeer, DatagramTransport } from '../../src/transport/transport.ts';
import { startCore, type TestCore } from './core.ts';
import { FakeClock, settled } from './fake-clock.ts';
import { type Loss, LossyDatagramTransport, type MemoryDatagramPeer, MemoryDatagramTransport } from './memory-datagram.ts';
import { MemoryStore } from './memory-store.ts';
import { connack, connect } from './mqtt-sn-packets.ts';
import { requestOf, TestClient } from './test-client.ts';

export interface MqttSnBenchOptions {
  readonly settings?: Partial<MqttSnSettings>;
  readonly broker?: Partial<BrokerSettings>;
  /** False: nothing is durable until the test says `store.commit()`. */
  readonly autoCommit?: boolean;
  /** Between every device and the gateway, both ways. */
  readonly loss?: Loss;
}

export class MqttSnBench {
  readonly network = new MemoryDatagramTransport({ payloadBytesMax: 1_024 });
  /** Warnings and errors of the gateway. */
  readonly log: { readonly event: string; readonly fields: LogFields | undefined }[] = [];
  readonly #options: MqttSnBenchOptions;
  #clock = new FakeClock();
  #core: TestCore;
  #gateway: Gateway;
  #isConnectingForbidden = false;

  private constructor(options: MqttSnBenchOptions) {
    this.#options = options;
    const store = new MemoryStore({ clock: this.#clock, autoCommit: options.autoCommit ?? true });
    [this.#core, this.#gateway] = this.#boot(store);
  }

  static async start(options: MqttSnBenchOptions = {}): Promise<MqttSnBench> {
    const bench = new MqttSnBench(options);
    await bench.#start();
    return bench;
  }

  get clock(): FakeClock {
    return this.#clock;
  }

  get core(): TestCore {
    return this.#core;
  }

  /** A device at an address of its own, silent so far. */
  sensor(address = '192.0.2.7:49152'): Sensor {
    const portAt = address.lastIndexOf(':');
    return new Sensor(this.network.peer(address.slice(0, portAt), Number(address.slice(portAt + 1))));
  }

  /** A device that has connected. */
  async connected(over: Parameters<typeof connect>[0] = {}, address?: string): Promise<Sensor> {
    const sensor = this.sensor(address);
    await sensor.sends(connect(over)).expects(connack());
    return sensor;
  }

  /** Nobody is let in any more, after the next start either. */
  forbidConnecting(): void {
    this.#isConnectingForbidden = true;
    this.core.access.authenticate = async () => ({ kind: 'deny', reason: 'not-authorized' });
  }

  /** An application on the other side of the core. */
  async application(id = 'application'): Promise<TestClient> {
    const client = new TestClient(this.core.context('mqtt'));
    await client.connect(requestOf(id));
    return client;
  }

  /** With a disk that waits for the test: everything under way gets the commits it needs. */
  async flush(): Promise<void> {
    for (let commits = 0; commits < 4; commits += 1) {
      await quiet();
      this.core.store.commit();
    }
    await quiet();
  }

  /** The process dies: nobody is told anything, and what was stored is found by the next boot. */
  async kill(): Promise<void> {
    await quiet();
    await this.network.close();
    await this.#bootAgain({ wasClean: false });
  }

  /** The process stops as it should, and starts again. */
  async restart(): Promise<void> {
    await this.#gateway.stop(AbortSignal.timeout(1_000));
    this.core.broker.shutDown();
    await quiet();
    await quiet();
    await this.#bootAgain({ wasClean: true });
  }

  async #bootAgain(end: { readonly wasClean: boolean }): Promise<void> {
    this.#clock = new FakeClock({ gatewayOffsetMs: 0 }); // timers of the dead process must not fire
    [this.#core, this.#gateway] = this.#boot(this.core.store.reopened(end));
    if (this.#isConnectingForbidden) this.forbidConnecting();
    await this.#start();
  }

  async #start(): Promise<void> {
    const note = (event: string, fields?: LogFields): void => void this.log.push({ event, fields });
    const log: Log = { debug() {}, info() {}, warn: note, error: note, with: () => log };
    await this.#gateway.start({ ...this.core.context('mqtt-sn'), log });
  }

  #boot(store: MemoryStore): [TestCore, Gateway] {
    const core = startCore({ clock: this.#clock, store, ...(this.#options.broker === undefined ? {} : { settings: this.#options.broker }) });
    const { loss, settings } = this.#options;
    const path =
      loss === undefined ? this.network : new LossyDatagramTransport(this.network, { ...loss, seed: loss.seed + store.boot.boot * 1_000_003 }, this.#clock);
    return [core, createMqttSnGateway({ ...MQTT_SN_DEFAULTS, ...settings }, new BorrowingTransport(path))];
  }
}

/** Takes the bytes of each datagram back once it was handled, as a socket does: who keeps them must have copied them. */
class BorrowingTransport implements DatagramTransport {
  readonly name = 'mqtt-sn.udp';
  readonly address: string;
  readonly payloadBytesMax: number;
  readonly #inner: DatagramTransport;

  constructor(inner: DatagramTransport) {
    this.#inner = inner;
    this.address = inner.address;
    this.payloadBytesMax = inner.payloadBytesMax;
  }

  listen(onDatagram: (bytes: Buffer, from: DatagramPeer) => void): Promise<void> {
    return this.#inner.listen((bytes, from) => {
      const borrowed = Buffer.from(bytes);
      onDatagram(borrowed, from);
      borrowed.fill(0xff);
    });
  }

  send(bytes: Uint8Array, to: DatagramPeer): void {
    this.#inner.send(bytes, to);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

/** CONNECT takes two commits, one after the other; with the work around them everything has been said after this. */
export async function quiet(): Promise<void> {
  for (let commits = 0; commits < 3; commits += 1) await settled();
}

/** A scripted peer. `expects` compares everything that came since the last time, in order. */
export class Sensor {
  readonly #peer: MemoryDatagramPeer;

  constructor(peer: MemoryDatagramPeer) {
    this.#peer = peer;
  }

  /** Packets, or octets in hex where no packet could say it. */
  sends(...packets: (Packet | string)[]): { readonly expects: (...expected: Packet[]) => Promise<void> } {
    for (const packet of packets) this.#peer.sends(typeof packet === 'string' ? Buffer.from(packet.replaceAll(' ', ''), 'hex') : encode(packet));
    return { expects: (...expected) => this.expects(...expected) };
  }

  async expects(...expected: Packet[]): Promise<void> {
    expect(await this.received()).toEqual(expected);
  }

  async expectsNothing(): Promise<void> {
    await this.expects();
  }

  /** Takes what came, for tests that need its numbers. */
  async received(): Promise<Packet[]> {
    await quiet();
    return this.#peer.received.splice(0).map(decoded);
  }

  /** Takes the one packet that came, which must be of that type. */
  async receives<Type extends Packet['type']>(type: Type): Promise<Extract<Packet, { type: Type }>> {
    const received = await this.received();
    expect(received.map((packet) => packet.type)).toEqual([type]);
    return received[0] as Extract<Packet, { type: Type }>;
  }
}

function decoded(bytes: Buffer): Packet {
  const packet = decode(bytes);
  if (packet === undefined) throw new TypeError(`the gateway sent a reserved type: ${bytes.toString('hex')}`);
  return packet;
}
