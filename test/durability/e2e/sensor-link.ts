// A sensor's UDP socket at the end of a bad network. What the network did to its datagrams is known here, and nowhere else.
import { createSocket, type Socket } from 'node:dgram';
import { decode, encode } from '../../../gateways/mqtt-sn/codec.ts';
import type { Packet } from '../../../gateways/mqtt-sn/packets.ts';
import type { Clock } from '../../../src/model/clock.ts';
import { type Losses, LossyPath } from './lossy-path.ts';
import { HOST } from './network.ts';
import type { Random } from './random.ts';
import type { IsAnswer, RequestLink } from './requests.ts';

/** Counts the datagrams that reached the gateway's socket, over all sensors of a run: what is unread there are the last ones. */
export class Uplinked {
  count = 0;
}

export interface SensorLinkOptions {
  readonly port: number;
  readonly losses: Losses;
  readonly random: Random;
  readonly clock: Clock;
  readonly uplinked: Uplinked;
  readonly onPacket: (packet: Packet) => void;
}

export class SensorLink implements RequestLink {
  readonly #socket: Socket = createSocket('udp4');
  readonly #up: LossyPath;
  readonly #down: LossyPath;
  readonly #uplinked: Uplinked;
  /** Of the last packet given to `request`: `uplinked.count` when its first copy got through; undefined while none has. */
  #arrivedAt: number | undefined;
  #request: Buffer | undefined;
  #isAnswer: IsAnswer = () => false;
  /** The network may still lose the answer; the gateway has given it. */
  #isAnswered = false;

  constructor({ port, losses, random, clock, uplinked, onPacket }: SensorLinkOptions) {
    this.#uplinked = uplinked;
    this.#up = new LossyPath(losses, { random, clock, deliver: (datagram) => this.#uplink(datagram, port) });
    this.#down = new LossyPath(losses, {
      random,
      clock,
      deliver: (datagram) => {
        const packet = decode(datagram);
        if (packet !== undefined) onPacket(packet);
      },
    });
    this.#socket.on('message', (datagram) => {
      const packet = decode(datagram);
      if (packet !== undefined && this.#isAnswer(packet)) this.#isAnswered = true;
      this.#down.send(datagram);
    });
  }

  get requestArrivedAt(): number | undefined {
    return this.#isAnswered ? undefined : this.#arrivedAt;
  }

  /** Sends what is to be answered. */
  request(packet: Packet, isAnswer: IsAnswer): void {
    this.#arrivedAt = undefined;
    this.#isAnswered = false;
    this.#isAnswer = isAnswer;
    this.repeat(packet);
  }

  /** Sends another copy of the request, or the same with DUP. */
  repeat(packet: Packet): void {
    this.#request = encode(packet);
    this.#up.send(this.#request);
  }

  /** Sends an answer. */
  answer(packet: Packet): void {
    this.#up.send(encode(packet));
  }

  close(): void {
    this.#up.close();
    this.#down.close();
    this.#socket.close();
  }

  #uplink(datagram: Buffer, port: number): void {
    this.#socket.send(datagram, port, HOST);
    this.#uplinked.count += 1;
    if (datagram === this.#request) this.#arrivedAt ??= this.#uplinked.count;
  }
}
