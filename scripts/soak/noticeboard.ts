// Retained messages, set and cleared without end; at the end the board must say what it was last told.
import { setTimeout as delay } from 'node:timers/promises';
import type { MqttClient } from 'mqtt';
import { passingClient, persistentClient, published } from '../../test/durability/e2e/mqtt-client.ts';
import { type Actor, count, Loop, type Stage } from './actor.ts';

const TOPICS = 500;
const PAUSE_MS_MAX = 15;
const CLEARED = 0.4;
/** After the last retained message that a new subscriber is given. */
const SILENCE_MS = 3_000;

export class Noticeboard implements Actor {
  readonly accounts = [];
  readonly #stage: Stage;
  readonly #writer: MqttClient;
  readonly #writing: Loop;
  /** By topic, as acknowledged. */
  readonly #notices = new Map<string, string>();
  #written = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#writer = persistentClient(stage.port, 'noticeboard');
    this.#writing = new Loop(stage, PAUSE_MS_MAX, () => this.#write());
  }

  async run(): Promise<void> {
    this.#writing.start();
  }

  rest(): Promise<void> {
    return this.#writing.stop();
  }

  async complaints(): Promise<string[]> {
    const found = await this.#read();
    const wrong = [...this.#notices].filter(([topic, notice]) => found.get(topic) !== notice).map(([topic]) => `${topic} is not what it was last set to`);
    const strange = [...found.keys()].filter((topic) => !this.#notices.has(topic)).map((topic) => `${topic} is there although it was cleared`);
    return [...wrong, ...strange];
  }

  async close(): Promise<void> {
    await this.#writer.endAsync(true);
  }

  async #write(): Promise<void> {
    const { random } = this.#stage;
    const topic = `retained/${random.between(1, 9)}/${random.between(1, TOPICS)}`;
    this.#written += 1;
    const payload = random.chance(CLEARED) ? '' : `${this.#written} ${'x'.repeat(random.between(0, 300))}`;
    await published(this.#writer, { topic, payload, qos: random.pick([1, 2]), retain: true });
    if (payload === '') this.#notices.delete(topic);
    else this.#notices.set(topic, payload);
    count(this.#stage, payload === '' ? 'retained cleared' : 'retained set');
  }

  async #read(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    const reader = passingClient(this.#stage.port);
    let heardAt = performance.now();
    reader.on('message', (topic, payload) => {
      found.set(topic, payload.toString());
      heardAt = performance.now();
    });
    await reader.subscribeAsync('retained/#', { qos: 1 });
    while (performance.now() - heardAt < SILENCE_MS) await delay(SILENCE_MS / 10);
    await reader.endAsync(true);
    return found;
  }
}
