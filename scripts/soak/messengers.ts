// Messages that are accounted for: a sender that never gives up, and a receiver with a stored session that comes and goes, by goodbye or without.
import { setTimeout as delay } from 'node:timers/promises';
import { type MqttClient, Store } from 'mqtt';
import { persistentClient, published } from '../../test/durability/e2e/mqtt-client.ts';
import { atMost } from '../../test/durability/e2e/waiting.ts';
import { Account } from './account.ts';
import { type Actor, count, Loop, type Stage } from './actor.ts';

export interface MessengerOptions {
  readonly name: string;
  /** Longest time between two messages. */
  readonly pauseMsMax: number;
  /** Longest time away; 0: it stays. */
  readonly awayMsMax: number;
}

const QOS = [0, 1, 2] as const;
/** Longest time the receiver stays before it goes. */
const HERE_MS_MAX = 8_000;
const SENDER_DROPS = 0.002;
const PATIENCE_MS = 5_000;

/** One topic, one sender, one receiver. QoS 0 is sent as well and owed by nobody. */
export class Messenger implements Actor {
  readonly accounts: readonly Account[];
  readonly #stage: Stage;
  readonly #options: MessengerOptions;
  readonly #sender: MqttClient;
  readonly #sending: Loop;
  readonly #leaving: Loop;
  /** Of QoS 2 messages whose PUBREL is to come: part of the session, so each return of the receiver finds it again (MQTT 5 §4.1). */
  readonly #incoming = new Store({ clean: false });
  #receiver: MqttClient;

  constructor(stage: Stage, options: MessengerOptions) {
    this.#stage = stage;
    this.#options = options;
    this.accounts = [new Account(`${options.name} QoS 1`), new Account(`${options.name} QoS 2`)];
    this.#sender = persistentClient(stage.port, `sender-${options.name}`);
    this.#receiver = this.#comes();
    this.#sending = new Loop(stage, options.pauseMsMax, () => this.#send());
    this.#leaving = new Loop(stage, HERE_MS_MAX, () => this.#beAway());
  }

  async run(): Promise<void> {
    await this.#receiver.subscribeAsync(`owed/${this.#options.name}`, { qos: 2 });
    this.#sending.start();
    if (this.#options.awayMsMax > 0) this.#leaving.start();
  }

  async rest(): Promise<void> {
    await Promise.all([this.#sending.stop(), this.#leaving.stop()]);
  }

  async complaints(): Promise<string[]> {
    return [];
  }

  async close(): Promise<void> {
    await Promise.all([this.#sender.endAsync(true), this.#receiver.endAsync(true)]);
  }

  async #send(): Promise<void> {
    const { random } = this.#stage;
    const qos = random.pick(QOS);
    const account = this.accounts[qos - 1];
    const number = account?.begin() ?? 0;
    if (random.chance(SENDER_DROPS)) this.#sender.stream.destroy();
    const payload = `${qos}/${number}/${'x'.repeat(random.between(0, 500))}`;
    const taken = published(this.#sender, { topic: `owed/${this.#options.name}`, payload, qos });
    // MQTT.js never says what became of a QoS 0 message it wrote into a connection that was gone; it is owed by nobody.
    if (account !== undefined && (await taken)) account.acknowledged(number);
    count(this.#stage, `published at QoS ${qos}`);
  }

  #comes(): MqttClient {
    const client = persistentClient(this.#stage.port, `receiver-${this.#options.name}`, { incomingStore: this.#incoming });
    client.on('message', (_topic, payload) => {
      const [qos, number] = payload.toString().split('/', 2).map(Number);
      if (qos === 1 || qos === 2) this.accounts[qos - 1]?.received(number ?? 0);
    });
    return client;
  }

  async #beAway(): Promise<void> {
    const { random } = this.#stage;
    const isRude = random.chance(0.5);
    await atMost(PATIENCE_MS, this.#receiver.endAsync(isRude));
    count(this.#stage, isRude ? 'receivers dropped' : 'receivers gone');
    await delay(random.between(0, this.#options.awayMsMax));
    this.#receiver = this.#comes();
  }
}
