// MQTT-SN 1.2 §6.13: one request at a time, repeated every T_retry until it is answered or N_retry is used up.
import type { Packet } from '../../../gateways/mqtt-sn/packets.ts';
import type { CancelTimer, Clock } from '../../../src/model/clock.ts';
import type { Random } from './random.ts';

export interface RequestRules {
  readonly clock: Clock;
  readonly random: Random;
  /** T_retry; each wait is this long to twice as long. */
  readonly retryMs: number;
  /** N_retry. */
  readonly retries: number;
}

export type IsAnswer = (packet: Packet) => boolean;

/** What carries requests. */
export interface RequestLink {
  /** Position of the outstanding request among the datagrams that reached the gateway; undefined when no copy of it did, or an answer has left the gateway. */
  readonly requestArrivedAt: number | undefined;
  request(packet: Packet, isAnswer: IsAnswer): void;
  /** Another copy of the outstanding request, or the same with DUP. */
  repeat(packet: Packet): void;
}

/** The gateway does not know the client, or does not answer: it has to connect again. */
export class LinkLost extends Error {}

interface Waiting {
  readonly isAnswer: IsAnswer;
  readonly resolve: (packet: Packet) => void;
  readonly reject: (error: LinkLost) => void;
  cancel: CancelTimer;
}

export class Requests {
  readonly #link: RequestLink;
  readonly #rules: RequestRules;
  #waiting: Waiting | undefined;

  constructor(link: RequestLink, rules: RequestRules) {
    this.#link = link;
    this.#rules = rules;
  }

  /** Position of the request the gateway has not answered, as `RequestLink` has it; undefined when there is none. */
  get unansweredAt(): number | undefined {
    return this.#waiting === undefined ? undefined : this.#link.requestArrivedAt;
  }

  /** @throws LinkLost */
  ask(packet: Packet, isAnswer: IsAnswer): Promise<Packet> {
    const { clock, retryMs, retries, random } = this.#rules;
    return new Promise((resolve, reject) => {
      let left = retries;
      const later = (): CancelTimer => clock.after(random.between(retryMs, retryMs * 2), again);
      const again = (): void => {
        if (left === 0) {
          this.abandon();
          return;
        }
        left -= 1;
        this.#link.repeat(packet.type === 'PUBLISH' || packet.type === 'SUBSCRIBE' ? { ...packet, isDuplicate: true } : packet);
        waiting.cancel = later();
      };
      const waiting: Waiting = { isAnswer, resolve, reject, cancel: later() };
      this.#waiting = waiting;
      this.#link.request(packet, isAnswer);
    });
  }

  /** @returns whether it was the answer that was waited for. */
  receive(packet: Packet): boolean {
    const waiting = this.#waiting;
    if (waiting?.isAnswer(packet) !== true) return false;
    this.#waiting = undefined;
    waiting.cancel();
    waiting.resolve(packet);
    return true;
  }

  /** Gives the request under way up. */
  abandon(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.cancel();
    waiting?.reject(new LinkLost());
  }
}
