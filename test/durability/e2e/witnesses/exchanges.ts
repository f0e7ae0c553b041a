import type { Packet, Publish } from '../../../../gateways/mqtt-sn/packets.ts';
import type { Clock } from '../../../../src/model/clock.ts';
import type { Ledger } from '../ledger.ts';
import type { Random } from '../random.ts';
import { payloadOf, type Reading } from '../reading.ts';
import { LinkLost, Requests } from '../requests.ts';
import { SensorLink, Uplinked } from '../sensor-link.ts';
import { atMost } from '../waiting.ts';
import type { Witness } from './witness.ts';

export interface ExchangeParts {
  readonly port: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly complain: (what: string) => void;
}

const CLIENT_ID = 'witness-exchanges';
const TOPIC = `readings/${CLIENT_ID}`;
const KEEP_ALIVE_SECONDS = 600;
const RETRY_MS = 100;
const RETRIES = 50;
const ANSWER_MS = 100;
const REGISTER_MSG_ID = 1_000;
const MSG_IDS = 200;

interface Exchange {
  readonly reading: Reading;
  readonly msgId: number;
  isReceived: boolean;
  isCompleted: boolean;
}

/**
 * QoS 2 exchanges and topic ids, on a good line: after a kill a late copy of the PUBLISH is answered and not passed on, whether the exchange was
 * open or completed, PUBREL is answered with PUBCOMP, and the topic id is still good. That nothing came twice shows at the collectors.
 */
export class ExchangeWitness implements Witness {
  readonly name = 'QoS 2 exchanges and topic ids';
  readonly #parts: ExchangeParts;
  readonly #link: SensorLink;
  readonly #requests: Requests;
  #topicId = 0;
  #number = 0;
  #exchange: Exchange | undefined;
  #preparing: Promise<void> = Promise.resolve();

  constructor(parts: ExchangeParts) {
    const { port, clock, random } = parts;
    this.#parts = parts;
    const losses = { drop: 0, duplicate: 0, reorder: 0 };
    this.#link = new SensorLink({ port, losses, random, clock, uplinked: new Uplinked(), onPacket: (packet) => this.#receive(packet) });
    this.#requests = new Requests(this.#link, { clock, random, retryMs: RETRY_MS, retries: RETRIES });
  }

  async start(): Promise<void> {
    const connect = {
      type: 'CONNECT',
      hasWill: false,
      isCleanSession: false,
      protocolId: 1,
      durationSeconds: KEEP_ALIVE_SECONDS,
      clientId: CLIENT_ID,
    } as const;
    await this.#requests.ask(connect, ({ type }) => type === 'CONNACK');
    const register = { type: 'REGISTER', topicId: 0, msgId: REGISTER_MSG_ID, topicName: TOPIC } as const;
    const answer = await this.#requests.ask(register, ({ type }) => type === 'REGACK');
    if (answer.type === 'REGACK') this.#topicId = answer.topicId;
  }

  async prepare(round: number): Promise<void> {
    this.#number += 1;
    const reading: Reading = { source: CLIENT_ID, qos: 2, number: this.#number };
    const exchange = { reading, msgId: (this.#number % MSG_IDS) + 1, isReceived: false, isCompleted: false };
    this.#parts.ledger.published(reading, TOPIC);
    this.#exchange = exchange;
    this.#preparing = this.#begin(exchange, round % 2 === 0);
    await atMost(ANSWER_MS, this.#preparing);
  }

  frozen(): void {
    this.#requests.abandon();
  }

  async verify(round: number): Promise<void> {
    await this.#preparing;
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    const state = exchange.isCompleted ? 'completed' : exchange.isReceived ? 'open' : 'unanswered';
    try {
      await this.#publish(exchange, exchange.isReceived);
      await this.#release(exchange);
      await this.#publish(exchange, true);
      await this.#release(exchange);
    } catch (error) {
      if (!(error instanceof LinkLost)) throw error;
      this.#parts.complain(`round ${round}: no answer for a QoS 2 exchange that was ${state} at the kill`);
    }
  }

  async finish(): Promise<void> {}

  async stop(): Promise<void> {
    this.#requests.abandon();
    await this.#preparing;
    this.#link.close();
  }

  async #begin(exchange: Exchange, isToComplete: boolean): Promise<void> {
    try {
      await this.#publish(exchange, false);
      if (isToComplete) await this.#release(exchange);
    } catch (error) {
      if (!(error instanceof LinkLost)) throw error; // the kill came first
    }
  }

  async #publish(exchange: Exchange, isDuplicate: boolean): Promise<void> {
    const { reading, msgId } = exchange;
    const { ledger, complain } = this.#parts;
    const data = Buffer.from(payloadOf(reading));
    const publish: Publish = { type: 'PUBLISH', isDuplicate, qos: 2, isRetain: false, topicIdType: 'normal', topicId: this.#topicId, msgId, data };
    const answer = await this.#requests.ask(publish, (packet) => (packet.type === 'PUBREC' || packet.type === 'PUBACK') && packet.msgId === msgId);
    if (answer.type === 'PUBACK') {
      complain(`${CLIENT_ID}: PUBLISH ${msgId} refused with ${answer.returnCode}`);
      return;
    }
    exchange.isReceived = true;
    ledger.acknowledged(reading);
  }

  async #release(exchange: Exchange): Promise<void> {
    const { msgId } = exchange;
    await this.#requests.ask({ type: 'PUBREL', msgId }, (packet) => packet.type === 'PUBCOMP' && packet.msgId === msgId);
    exchange.isCompleted = true;
  }

  #receive(packet: Packet): void {
    if (this.#requests.receive(packet)) return;
    if (packet.type === 'DISCONNECT') this.#parts.complain(`${CLIENT_ID}: the gateway has forgotten the client`);
  }
}
