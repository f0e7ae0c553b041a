// A publisher and its subscriber over TLS: MQTT 3.1.1 at QoS 1 with a window of messages in flight.
import type { TLSSocket } from 'node:tls';
import { generate, type Packet, parser } from 'mqtt-packet';

/** Of all pairs. */
export interface TlsTotals {
  sent: number;
  delivered: number;
}

export interface TlsPairOptions {
  readonly index: number;
  readonly window: number;
  readonly payload: number;
  readonly totals: TlsTotals;
  readonly open: () => TLSSocket;
}

const PACKET_ID_MAX = 65_535;

export class TlsPair {
  readonly #options: TlsPairOptions;
  readonly #publisher: TLSSocket;
  readonly #subscriber: TLSSocket;
  /** One PUBLISH, of which only the packet identifier changes. */
  readonly #packet: Buffer;
  readonly #packetIdAt: number;
  #sent = 0;
  #acked = 0;
  #delivered = 0;
  #isRunning = false;

  constructor(options: TlsPairOptions) {
    const topic = `bench/${options.index}/data`;
    this.#options = options;
    this.#publisher = options.open();
    this.#subscriber = options.open();
    this.#packet = generate({ cmd: 'publish', topic, payload: Buffer.alloc(options.payload, 'x'), qos: 1, messageId: 1, dup: false, retain: false });
    this.#packetIdAt = this.#packet.indexOf(topic) + topic.length;
  }

  /** Until both are connected and the first window is on its way. */
  async start(): Promise<void> {
    const { index } = this.#options;
    const subscriber = converse(this.#subscriber, (packets) => this.#receive(packets));
    const publisher = converse(this.#publisher, (packets) => this.#count(packets));
    await Promise.all([subscriber.connect(`bench-sub-${index}`), publisher.connect(`bench-pub-${index}`)]);
    await subscriber.subscribe(`bench/${index}/data`);
    this.#isRunning = true;
    this.#refill();
  }

  stop(): void {
    this.#isRunning = false;
  }

  close(): void {
    this.#publisher.destroy();
    this.#subscriber.destroy();
  }

  /** Answers what one read brought by one write. */
  #receive(packets: readonly Packet[]): void {
    const acks: Buffer[] = [];
    for (const packet of packets) if (packet.cmd === 'publish') acks.push(generate({ cmd: 'puback', messageId: packet.messageId ?? 0 }));
    if (acks.length === 0) return;
    this.#subscriber.write(Buffer.concat(acks));
    this.#delivered += acks.length;
    this.#options.totals.delivered += acks.length;
    this.#refill();
  }

  #count(packets: readonly Packet[]): void {
    this.#acked += packets.filter(({ cmd }) => cmd === 'puback').length;
    this.#refill();
  }

  /** A quarter of the window at a time, as the generator in C. */
  #refill(): void {
    const { window, totals } = this.#options;
    const room = window - (this.#sent - Math.min(this.#acked, this.#delivered));
    if (!this.#isRunning || room < Math.max(1, window / 4)) return;
    const packets = Array.from({ length: room }, () => this.#next());
    totals.sent += room;
    this.#publisher.write(Buffer.concat(packets));
  }

  #next(): Buffer {
    const packet = Buffer.from(this.#packet);
    packet.writeUInt16BE((this.#sent % PACKET_ID_MAX) + 1, this.#packetIdAt);
    this.#sent += 1;
    return packet;
  }
}

/** Reads the packets of one socket; `onPackets` is told what each read brought once the greeting is over. */
function converse(socket: TLSSocket, onPackets: (packets: readonly Packet[]) => void) {
  const packets = parser({ protocolVersion: 4 });
  let read: Packet[] = [];
  let awaited: { readonly cmd: Packet['cmd']; readonly resolve: () => void } | undefined;
  packets.on('packet', (packet) => read.push(packet));
  socket.on('error', (error) => {
    throw error;
  });
  socket.on('data', (bytes) => {
    packets.parse(bytes);
    const came = read;
    read = [];
    if (came.some(({ cmd }) => cmd === awaited?.cmd)) awaited?.resolve();
    onPackets(came);
  });
  const asks = (request: Buffer, cmd: Packet['cmd']): Promise<void> => {
    const answered = new Promise<void>((resolve) => {
      awaited = { cmd, resolve };
    });
    socket.write(request);
    return answered;
  };
  return {
    connect: (clientId: string) =>
      asks(generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, clientId, keepalive: 3600 }), 'connack'),
    subscribe: (topic: string) => asks(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1 }] }), 'suback'),
  };
}
