import type { MqttClient } from 'mqtt';
import { passingClient, persistentClient } from '../mqtt-client.ts';
import type { Random } from '../random.ts';
import { atMost, eventually } from '../waiting.ts';
import type { Witness, WitnessParts } from './witness.ts';

const ANSWER_MS = 60;
const DELIVERY_MS_MAX = 5_000;
/** Rounds a subscription lives. */
const LIFE = 4;

type Held = 'unknown' | 'granted' | 'ended';

/** Subscriptions: granted ones deliver after a kill without being asked for again, ended ones do not. */
export class SubscriptionWitness implements Witness {
  readonly name = 'subscriptions';
  readonly #parts: WitnessParts & { readonly random: Random };
  readonly #watcher: MqttClient;
  readonly #held = new Map<string, Held>();
  readonly #seen = new Set<string>();
  #promised = new Map<string, Held>();

  constructor(parts: WitnessParts & { readonly random: Random }) {
    this.#parts = parts;
    this.#watcher = persistentClient(parts.mqttPort, 'witness-subscriptions', { complain: parts.complain });
    this.#watcher.on('message', (topic, payload) => this.#seen.add(`${topic} ${payload}`));
  }

  async start(): Promise<void> {
    await this.#watcher.subscribeAsync('probes/always', { qos: 2 });
    this.#held.set('probes/always', 'granted');
  }

  async prepare(round: number): Promise<void> {
    const filter = `probes/${round}`;
    this.#held.set(filter, 'unknown');
    const answers = [this.#watcher.subscribeAsync(filter, { qos: round % 2 === 0 ? 1 : 2 }).then(() => this.#held.set(filter, 'granted'))];
    const old = `probes/${round - LIFE}`;
    if (this.#held.has(old)) {
      this.#held.set(old, 'unknown');
      answers.push(this.#watcher.unsubscribeAsync(old).then(() => this.#held.set(old, 'ended')));
    }
    this.#held.delete(`probes/${round - 2 * LIFE}`);
    const all = Promise.allSettled(answers); // a kill leaves some without an answer: nothing was promised then
    if (this.#parts.random.chance(0.7)) await atMost(ANSWER_MS, all);
  }

  frozen(): void {
    this.#promised = new Map(this.#held);
  }

  async verify(round: number): Promise<void> {
    const asker = passingClient(this.#parts.mqttPort);
    const byFate = (fate: Held): string[] => [...this.#promised].filter(([, held]) => held === fate).map(([filter]) => filter);
    const granted = byFate('granted');
    const ended = byFate('ended');
    for (const topic of [...ended, ...granted]) await asker.publishAsync(topic, `${round}`, { qos: 1 });
    const has = (topic: string): boolean => this.#seen.has(`${topic} ${round}`);
    await eventually(() => granted.every(has), DELIVERY_MS_MAX);
    for (const topic of granted) if (!has(topic)) this.#parts.complain(`round ${round}: subscription to ${topic} forgotten`);
    for (const topic of ended) if (has(topic)) this.#parts.complain(`round ${round}: ended subscription to ${topic} came back`);
    await asker.endAsync(true);
  }

  async finish(): Promise<void> {}

  async stop(): Promise<void> {
    await this.#watcher.endAsync(true);
  }
}
