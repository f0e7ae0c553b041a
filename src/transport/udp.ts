import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram';
import { lookup } from 'node:dns';
import { isIP, isIPv6 } from 'node:net';
import { DATAGRAM_QUEUE_BYTES_MAX, UDP_PAYLOAD_BYTES_MAX } from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import type { Counter, Metrics } from '../model/metrics.ts';
import { endpointText, V4_MAPPED } from './address.ts';
import { addressError } from './address-error.ts';
import { DatagramPeers } from './datagram-peers.ts';
import type { DatagramPeer, DatagramTransport } from './transport.ts';
import type { TurnWriter } from './turn-writer.ts';

export interface UdpOptions {
  /** In configuration, logs and counters, e.g. `mqttSn.udp`. */
  readonly name: string;
  /** An address, or `::` for every address of both families. */
  readonly host: string;
  /** 0: any free port, see `DatagramTransport.address`. */
  readonly port: number;
  /** `UDP_PAYLOAD_BYTES_MAX` when absent; less where larger datagrams would be fragmented. */
  readonly payloadBytesMax?: number;
  /** Bytes of datagrams the kernel holds for us; its default when absent, at most net.core.rmem_max. */
  readonly receiveBufferBytes?: number;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly writer: TurnWriter;
}

/** A send with a callback costs a tick more: while sends succeed one in so many has one. Each failure has the next one watched as well. */
const WATCH_EVERY = 32;

/** Datagrams over UDP, IPv4 or IPv6. What cannot be sent is counted and lost, as on the network. */
export class UdpTransport implements DatagramTransport {
  readonly name: string;
  readonly payloadBytesMax: number;
  readonly #options: UdpOptions;
  readonly #isIpv6: boolean;
  readonly #peers = new DatagramPeers();
  readonly #counters: DatagramCounters;
  #socket: Socket | undefined;
  #address: string;
  #untilWatched = 0;
  readonly #onSent = (error: Error | null): void => {
    if (error === null) return;
    this.#counters.errors.value += 1;
    this.#untilWatched = 0;
  };

  constructor(options: UdpOptions) {
    this.name = options.name;
    this.payloadBytesMax = options.payloadBytesMax ?? UDP_PAYLOAD_BYTES_MAX;
    this.#options = options;
    this.#isIpv6 = isIPv6(options.host);
    this.#counters = new DatagramCounters(options.metrics, options.name);
    this.#address = endpointText(options.host, options.port);
  }

  get address(): string {
    return this.#address;
  }

  async listen(onDatagram: (bytes: Buffer, from: DatagramPeer) => void): Promise<void> {
    const { name, host, port, receiveBufferBytes, log } = this.#options;
    const socket = createSocket({
      type: this.#isIpv6 ? 'udp6' : 'udp4',
      lookup: lookupUnlessAddress,
      ...(receiveBufferBytes === undefined ? {} : { recvBufferSize: receiveBufferBytes }),
    });
    socket.on('message', (bytes, from) => this.#receive(bytes, from, onDatagram));
    await new Promise<void>((resolve, reject) => {
      const refuse = (error: Error): void => reject(addressError(error, { setting: `${name}.bind`, host, port }));
      socket.once('error', refuse);
      socket.bind({ port, address: host }, () => {
        socket.off('error', refuse);
        resolve();
      });
    });
    socket.on('error', (error) => {
      this.#counters.errors.value += 1;
      log.warn('datagram socket failed', { listener: name, error: error.message });
    });
    const bound = socket.address();
    this.#address = endpointText(bound.address, bound.port);
    this.#socket = socket;
  }

  /** Lost, and counted: what is larger than `payloadBytesMax`, and what comes faster than the kernel takes it. */
  send(bytes: Uint8Array, to: DatagramPeer): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    if (bytes.length > this.payloadBytesMax || socket.getSendQueueSize() > DATAGRAM_QUEUE_BYTES_MAX) {
      this.#counters.dropped.value += 1;
      return;
    }
    this.#counters.sent.value += 1;
    this.#counters.bytesSent.value += bytes.length;
    const copy = Buffer.from(bytes); // the kernel may take it later
    const host = this.#isIpv6 && !to.host.includes(':') ? `${V4_MAPPED}${to.host}` : to.host;
    this.#untilWatched -= 1;
    if (this.#untilWatched >= 0) {
      socket.send(copy, to.port, host);
      return;
    }
    this.#untilWatched = WATCH_EVERY;
    socket.send(copy, to.port, host, this.#onSent);
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#socket = undefined;
    await new Promise<void>((resolve) => socket.close(resolve));
  }

  #receive(bytes: Buffer, from: RemoteInfo, onDatagram: (bytes: Buffer, from: DatagramPeer) => void): void {
    if (from.port === 0) {
      this.#counters.dropped.value += 1; // forged: nothing can be sent back to it
      return;
    }
    this.#counters.received.value += 1;
    this.#counters.bytesReceived.value += bytes.length;
    this.#options.writer.beginRead();
    onDatagram(bytes, this.#peers.of(from.address, from.port));
    this.#options.writer.endRead();
  }
}

class DatagramCounters {
  readonly received: Counter;
  readonly sent: Counter;
  readonly dropped: Counter;
  readonly errors: Counter;
  readonly bytesReceived: Counter;
  readonly bytesSent: Counter;

  constructor(metrics: Metrics, name: string) {
    this.received = metrics.counter(`transport.${name}.datagrams.received`);
    this.sent = metrics.counter(`transport.${name}.datagrams.sent`);
    this.dropped = metrics.counter(`transport.${name}.datagrams.dropped`);
    this.errors = metrics.counter(`transport.${name}.datagrams.errors`);
    this.bytesReceived = metrics.counter(`transport.${name}.bytes.received`);
    this.bytesSent = metrics.counter(`transport.${name}.bytes.sent`);
  }
}

/** Node.js resolves the address of each datagram, a tick later even where there is nothing to resolve. */
const lookupUnlessAddress: NonNullable<SocketOptions['lookup']> = (host, options, done) => {
  const family = isIP(host);
  if (family === 0) lookup(host, options, done);
  else done(null, host, family);
};
