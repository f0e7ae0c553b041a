// A client whose every answer is seen as it comes, by its code: MQTT.js makes errors of some and nothing of others.
import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { HOST } from '../e2e/network.ts';
import { eventually } from '../e2e/waiting.ts';

const ANSWER_MS_MAX = 20_000;
const SESSION_SECONDS = 86_400;

export class Talker {
  readonly client: MqttClient;
  /** Payloads that came, each once. */
  readonly received = new Set<string>();
  readonly #answers: { readonly kind: string; readonly id: number | undefined; readonly code: number }[] = [];

  constructor(port: number, clientId: string, options: IClientOptions = {}) {
    this.client = connect({
      host: HOST,
      port,
      clientId,
      protocolVersion: 5,
      clean: false,
      resubscribe: false,
      reconnectPeriod: 0,
      keepalive: 0,
      ...(options.clean !== true && options.protocolVersion !== 4 && { properties: { sessionExpiryInterval: SESSION_SECONDS } }),
      ...options,
    });
    this.client.on('error', () => undefined); // the answers tell
    this.client.on('packetreceive', (packet) => {
      if (packet.cmd === 'publish') this.#took(packet);
      else if (packet.cmd === 'suback') this.#answers.push({ kind: 'suback', id: packet.messageId, code: Number(packet.granted[0]) });
      else if (packet.cmd === 'connack') this.#answers.push({ kind: 'connack', id: undefined, code: packet.reasonCode ?? packet.returnCode ?? 0 });
      else if (packet.cmd === 'puback' || packet.cmd === 'pubrec') this.#answers.push({ kind: packet.cmd, id: packet.messageId, code: packet.reasonCode ?? 0 });
    });
  }

  /** @returns the code of CONNACK. */
  connected(): Promise<number> {
    return this.#answer(0, 'connack', undefined);
  }

  /** @returns the code of SUBACK. */
  async subscribe(filter: string): Promise<number> {
    const from = this.#answers.length;
    this.client.subscribe(filter, { qos: 1 }, () => undefined);
    return this.#answer(from, 'suback', undefined);
  }

  /** @returns the code of PUBACK, or PUBREC; undefined: none came in `ms`. */
  async publish(topic: string, payload: string | Buffer, { qos = 1, retain = false, ms = ANSWER_MS_MAX }: PublishHow = {}): Promise<number | undefined> {
    const from = this.#answers.length;
    this.client.publish(topic, payload, { qos, retain }, () => undefined);
    const id = this.client.getLastMessageId();
    try {
      return await this.#answer(from, qos === 1 ? 'puback' : 'pubrec', id, ms);
    } catch {
      return undefined;
    }
  }

  /** How many answers of that kind came so far. */
  count(kind: string): number {
    return this.#answers.filter((each) => each.kind === kind).length;
  }

  async end(): Promise<void> {
    await this.client.endAsync(true);
  }

  #took(packet: IPublishPacket): void {
    this.received.add(packet.payload.toString('latin1', 0, 16).trimEnd());
  }

  async #answer(from: number, kind: string, id: number | undefined, ms = ANSWER_MS_MAX): Promise<number> {
    const find = () => this.#answers.slice(from).find((each) => each.kind === kind && (id === undefined || each.id === id));
    if (!(await eventually(() => find() !== undefined, ms))) throw new Error(`no ${kind} within ${ms} ms`);
    return find()?.code ?? 0;
  }
}

export interface PublishHow {
  readonly qos?: 1 | 2;
  readonly retain?: boolean;
  /** How long the answer is waited for. */
  readonly ms?: number;
}
