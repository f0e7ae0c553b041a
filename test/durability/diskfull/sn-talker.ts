import type { Packet } from '../../../gateways/mqtt-sn/packets.ts';
import type { Clock } from '../../../src/model/clock.ts';
import { seeded } from '../e2e/random.ts';
import { Requests } from '../e2e/requests.ts';
import { SensorLink, Uplinked } from '../e2e/sensor-link.ts';

const NO_LOSSES = { drop: 0, duplicate: 0, reorder: 0 };
const RETRY_MS = 5_000;
const RETRIES = 3;
const KEEP_ALIVE_SECONDS = 600;

/** A sensor on a good network. */
export class SnTalker {
  readonly #link: SensorLink;
  readonly #requests: Requests;
  #msgId = 0;

  constructor(port: number, clock: Clock) {
    const random = seeded(1);
    this.#link = new SensorLink({
      port,
      losses: NO_LOSSES,
      random,
      clock,
      uplinked: new Uplinked(),
      onPacket: (packet) => void this.#requests.receive(packet),
    });
    this.#requests = new Requests(this.#link, { retryMs: RETRY_MS, retries: RETRIES, clock, random });
  }

  /** @returns the return code of CONNACK. */
  async connect(clientId: string): Promise<number | undefined> {
    const connect = { type: 'CONNECT', hasWill: false, isCleanSession: true, protocolId: 1, durationSeconds: KEEP_ALIVE_SECONDS, clientId } as const;
    const answer = await this.#ask(connect, 'CONNACK');
    return answer.type === 'CONNACK' ? answer.returnCode : undefined;
  }

  /** At QoS 1. @returns the return code of PUBACK. */
  async publish(topicName: string, text: string): Promise<number | undefined> {
    this.#msgId += 1;
    const registered = await this.#ask({ type: 'REGISTER', topicId: 0, msgId: this.#msgId, topicName }, 'REGACK');
    const topicId = registered.type === 'REGACK' ? registered.topicId : 0;
    this.#msgId += 1;
    const data = Buffer.from(text);
    const publish = { type: 'PUBLISH', isDuplicate: false, qos: 1, isRetain: false, topicIdType: 'normal', topicId, msgId: this.#msgId, data } as const;
    const answer = await this.#ask(publish, 'PUBACK');
    return answer.type === 'PUBACK' ? answer.returnCode : undefined;
  }

  close(): void {
    this.#requests.abandon();
    this.#link.close();
  }

  #ask(packet: Packet, answer: Packet['type']): Promise<Packet> {
    return this.#requests.ask(packet, ({ type }) => type === answer);
  }
}
