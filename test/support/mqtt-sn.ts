// Lockstep bench for MQTT-SN: the real gateway on the real core, a sensor that is a script, a clock moved by hand.
import { expect } from 'vitest';
import { decode, encode } from '../../gateways/mqtt-sn/codec.ts';
import { decapsulate, encapsulate } from '../../gateways/mqtt-sn/forwarder.ts';
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
  readonly network = new MemoryDatagramTransport({ name: 'mqtt-sn.udp', payloadBytesMax: 1_024 });
  /** Another transport of the same gateway. */
  readonly otherNetwork = new MemoryDatagramTransport({ name: 'mqtt-sn.other', payloadBytesMax: 1_024 });
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
  sensor(address = '192.0.2.7:49152', network = this.network): Sensor {
    return new Sensor(peerAt(network, address));
  }

  forwarder(address = '192.0.2.9:1884'): Forwarder {
    return new Forwarder(peerAt(this.network, address));
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
    await this.otherNetwork.close();
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
    return [core, createMqttSnGateway({ ...MQTT_SN_DEFAULTS, ...settings }, [new BorrowingTransport(path), new BorrowingTransport(this.otherNetwork)])];
  }
}

/** Takes the bytes of each datagram back once it was handled, as a socket does: who keeps them must have copied them. */
class BorrowingTransport implements DatagramTransport {
  readonly name: string;
  readonly address: string;
  readonly payloadBytesMax: number;
  readonly #inner: DatagramTransport;

  constructor(inner: DatagramTransport) {
    this.#inner = inner;
    this.name = inner.name;
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

function peerAt(network: MemoryDatagramTransport, address: string): MemoryDatagramPeer {
  const portAt = address.lastIndexOf(':');
  return network.peer(address.slice(0, portAt), Number(address.slice(portAt + 1)));
}

/** CONNECT takes two commits, one after the other; with the work around them everything has been said after this. */
export async function quiet(): Promise<void> {
  for (let commits = 0; commits < 3; commits += 1) await settled();
}

/** What a device has of the network. */
export interface DeviceLink {
  sends(bytes: Uint8Array): unknown;
  /** What came since the last time. */
  take(): Buffer[];
}

/** A forwarder (§5.5): one address, through which wireless nodes speak. */
export class Forwarder {
  readonly #peer: MemoryDatagramPeer;
  readonly #arrived: { readonly nodes: string; readonly packet: Buffer }[] = [];

  constructor(peer: MemoryDatagramPeer) {
    this.#peer = peer;
  }

  /** @param nodes - ids in hex, the nearest forwarder's first. */
  node(...nodes: string[]): DeviceLink {
    const name = nodes.join('/');
    const nodeIds = nodes.map((id) => Buffer.from(id, 'hex'));
    return { sends: (bytes) => this.#peer.sends(encapsulate(bytes, nodeIds)), take: () => this.#take(name) };
  }

  #take(name: string): Buffer[] {
    for (const bytes of this.#peer.take()) {
      const { nodeIds, packet } = decapsulate(bytes);
      this.#arrived.push({ nodes: nodeIds.map((id) => Buffer.from(id).toString('hex')).join('/'), packet });
    }
    const taken = this.#arrived.filter(({ nodes }) => nodes === name);
    for (const each of taken) this.#arrived.splice(this.#arrived.indexOf(each), 1);
    return taken.map(({ packet }) => packet);
  }
}

/** A scripted peer. `expects` compares everything that came since the last time, in order. */
export class Sensor {
  readonly #link: DeviceLink;

  constructor(link: DeviceLink) {
    this.#link = link;
  }

  /** Packets, or octets in hex where no packet could say it. */
  sends(...packets: (Packet | string)[]): { readonly expects: (...expected: Packet[]) => Promise<void> } {
    for (const packet of packets) this.#link.sends(typeof packet === 'string' ? Buffer.from(packet.replaceAll(' ', ''), 'hex') : encode(packet));
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
    return this.#link.take().map(decoded);
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
