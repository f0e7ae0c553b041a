import type { MqttClient } from 'mqtt';
import { passingClient, persistentClient, published } from '../mqtt-client.ts';
import type { Random } from '../random.ts';
import { atMost, eventually } from '../waiting.ts';
import type { Witness, WitnessParts } from './witness.ts';

const TOPICS = 5;
const ANSWER_MS = 60;
const READ_MS_MAX = 3_000;
/** Every so many rounds a message is cleared instead of replaced (MQTT-3.3.1-6). */
const CLEAR_EVERY = 4;

interface Kept {
  /** Payloads in the order they were sent; empty: cleared. */
  readonly sent: string[];
  /** Index of the last one acknowledged; -1: none. */
  acknowledged: number;
  /** The same at the last kill. */
  promised: number;
}

/** Retained messages: each topic has the last acknowledged message or one that was sent after it. */
export class RetainedWitness implements Witness {
  readonly name = 'retained messages';
  readonly #parts: WitnessParts & { readonly random: Random };
  readonly #kept = new Map<string, Kept>();
  readonly #client: MqttClient;

  constructor(parts: WitnessParts & { readonly random: Random }) {
    this.#parts = parts;
    this.#client = persistentClient(parts.mqttPort, 'witness-retained', { complain: parts.complain });
  }

  async start(): Promise<void> {}

  async prepare(round: number): Promise<void> {
    const topic = `states/${round % TOPICS}`;
    const kept = this.#kept.get(topic) ?? { sent: [], acknowledged: -1, promised: -1 };
    this.#kept.set(topic, kept);
    const payload = kept.sent.length > 0 && round % CLEAR_EVERY === 0 ? '' : `round ${round}`;
    const index = kept.sent.push(payload) - 1;
    const publishing = published(this.#client, { topic, payload, qos: round % 2 === 0 ? 1 : 2, retain: true }).then((isAcknowledged) => {
      if (isAcknowledged) kept.acknowledged = index;
    });
    if (this.#parts.random.chance(0.7)) await atMost(ANSWER_MS, publishing);
  }

  frozen(): void {
    for (const kept of this.#kept.values()) kept.promised = kept.acknowledged;
  }

  async verify(round: number): Promise<void> {
    const seen = new Map<string, string>();
    const reader = passingClient(this.#parts.mqttPort);
    reader.on('message', (topic, payload) => seen.set(topic, payload.toString()));
    await reader.subscribeAsync('states/#', { qos: 1 });
    const isAsPromised = (topic: string): boolean => this.#allowed(topic).includes(seen.get(topic) ?? '');
    await eventually(() => [...this.#kept.keys()].every(isAsPromised), READ_MS_MAX);
    for (const topic of this.#kept.keys()) {
      if (!isAsPromised(topic))
        this.#parts.complain(`round ${round}: retained "${seen.get(topic) ?? ''}" at ${topic}, promised was "${this.#allowed(topic)[0]}"`);
    }
    await reader.endAsync(true);
  }

  async finish(): Promise<void> {}

  async stop(): Promise<void> {
    await this.#client.endAsync(true);
  }

  #allowed(topic: string): readonly string[] {
    const kept = this.#kept.get(topic);
    if (kept === undefined) return [''];
    return kept.promised < 0 ? ['', ...kept.sent] : kept.sent.slice(kept.promised);
  }
}
