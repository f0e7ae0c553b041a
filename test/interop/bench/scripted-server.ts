// An MQTT 3.1.1 server that does what the test wants, also what no server may: it shows what the load generator can see.
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { generate, type IPublishPacket, type Packet, parser } from 'mqtt-packet';

/** Where it departs from the specification. */
export interface Faults {
  /** Publications (counted from 0) that reach nobody, acknowledged as if they did. */
  readonly forgets?: (index: number) => boolean;
  /** Sends every PUBACK twice. */
  readonly repeatsPubacks?: boolean;
  /** Delivers every message twice. */
  readonly repeatsDeliveries?: boolean;
  /** Does nothing at all for that long after it has sent retained messages. */
  readonly blocksMs?: number;
}

interface Client {
  readonly socket: Socket;
  readonly clientId: string;
  readonly isPersistent: boolean;
}

/** Knows the wildcards of one subscription each; persistent sessions keep their messages until their client returns. */
export class ScriptedServer {
  readonly #faults: Faults;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #filters = new Map<string, Set<string>>();
  readonly #retained = new Map<string, IPublishPacket>();
  readonly #online = new Map<string, Client>();
  readonly #waiting = new Map<string, IPublishPacket[]>();
  #published = 0;
  #packetId = 0;
  /** The most PUBLISH packets that came in one read of one socket. */
  publishesPerReadMost = 0;

  /** @param tls - key and certificate; without them it speaks plain TCP. */
  constructor(faults: Faults = {}, tls?: TlsOptions) {
    this.#faults = faults;
    const accept = (socket: Socket): void => this.#accept(socket);
    this.#server = tls === undefined ? createServer({ noDelay: true }, accept) : createTlsServer(tls, accept);
  }

  /** @returns the port it listens on. */
  start(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        const address = this.#server.address();
        resolve(address !== null && typeof address === 'object' ? address.port : 0);
      });
    });
  }

  stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    const packets = parser({ protocolVersion: 4 });
    let client: Client | undefined;
    let publishes = 0;
    packets.on('packet', (packet) => {
      if (packet.cmd === 'publish') publishes += 1;
      if (packet.cmd === 'connect') {
        client = { socket, clientId: packet.clientId, isPersistent: packet.clean === false };
        this.#connect(client);
      } else if (client !== undefined) this.#handle(client, packet);
    });
    socket.on('data', (bytes) => {
      publishes = 0;
      packets.parse(bytes);
      this.publishesPerReadMost = Math.max(this.publishesPerReadMost, publishes);
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#disconnect(socket, client));
    this.#sockets.add(socket);
  }

  #connect(client: Client): void {
    const isKnown = client.isPersistent && this.#filters.has(client.clientId);
    if (!client.isPersistent) this.#filters.delete(client.clientId);
    this.#online.set(client.clientId, client);
    client.socket.write(generate({ cmd: 'connack', returnCode: 0, sessionPresent: isKnown }));
    for (const message of this.#waiting.get(client.clientId) ?? []) this.#deliver(client, message);
    this.#waiting.delete(client.clientId);
  }

  #disconnect(socket: Socket, client: Client | undefined): void {
    this.#sockets.delete(socket);
    if (client !== undefined && this.#online.get(client.clientId) === client) this.#online.delete(client.clientId);
  }

  #handle(client: Client, packet: Packet): void {
    if (packet.cmd === 'subscribe') this.#subscribe(client, packet.messageId ?? 0, packet.subscriptions);
    if (packet.cmd === 'publish') this.#publish(client, packet);
    if (packet.cmd === 'pubrec') client.socket.write(generate({ cmd: 'pubrel', messageId: packet.messageId ?? 0 }));
    if (packet.cmd === 'pubrel') client.socket.write(generate({ cmd: 'pubcomp', messageId: packet.messageId ?? 0 }));
    if (packet.cmd === 'disconnect') client.socket.end();
  }

  #subscribe(client: Client, messageId: number, subscriptions: readonly { readonly topic: string; readonly qos: number }[]): void {
    const filters = this.#filters.get(client.clientId) ?? new Set();
    for (const { topic } of subscriptions) filters.add(topic);
    this.#filters.set(client.clientId, filters);
    client.socket.write(generate({ cmd: 'suback', messageId, granted: subscriptions.map(({ qos }) => qos) }));
    if (!subscriptions.some(({ topic }) => topic === '#')) return;
    for (const message of this.#retained.values()) this.#deliver(client, { ...message, qos: 0 });
    const end = performance.now() + (this.#faults.blocksMs ?? 0);
    while (performance.now() < end);
  }

  #publish({ socket }: Client, packet: IPublishPacket): void {
    const cmd = packet.qos === 1 ? 'puback' : 'pubrec';
    const answer = packet.qos > 0 ? generate({ cmd, messageId: packet.messageId ?? 0 }) : Buffer.alloc(0);
    socket.write(this.#faults.repeatsPubacks ? Buffer.concat([answer, answer]) : answer);
    if (this.#faults.forgets?.(this.#published++)) return;
    if (packet.retain) this.#retained.set(packet.topic, packet);
    for (const [clientId, filters] of this.#filters) {
      if (![...filters].some((filter) => selects(filter, packet.topic))) continue;
      const client = this.#online.get(clientId);
      if (client !== undefined) this.#deliver(client, packet);
      else this.#waiting.set(clientId, [...(this.#waiting.get(clientId) ?? []), packet]);
    }
  }

  #deliver({ socket }: Client, { topic, payload, qos }: IPublishPacket): void {
    this.#packetId = (this.#packetId % 65_535) + 1;
    const bytes = generate({ cmd: 'publish', topic, payload, qos, dup: false, retain: false, messageId: this.#packetId });
    socket.write(this.#faults.repeatsDeliveries ? Buffer.concat([bytes, bytes]) : bytes);
  }
}

function selects(filter: string, topic: string): boolean {
  const levels = topic.split('/');
  const wanted = filter.split('/');
  return wanted.every((level, index) => level === '#' || level === '+' || level === levels[index]);
}
