// MQTT 5 publishers: MQTT.js, which keeps its session over reconnections, and mosquitto_pub, which sends a batch and ends.
import { setTimeout as delay } from 'node:timers/promises';
import type { MqttClient } from 'mqtt';
import { startChild } from './children.ts';
import type { Ledger } from './ledger.ts';
import { persistentClient, published } from './mqtt-client.ts';
import { HOST } from './network.ts';
import type { Random } from './random.ts';
import { payloadOf, type Reading } from './reading.ts';

interface PublisherOptions {
  readonly clientId: string;
  readonly port: number;
  readonly ledger: Ledger;
  readonly complain: (what: string) => void;
  /** Where a reading goes. */
  readonly topicOf: (reading: Reading) => string;
}

/** Readings of one source, QoS 1 and 2 by turns. */
class Source {
  readonly #options: PublisherOptions;
  readonly #numbers = { 1: 0, 2: 0 };

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  next(qos: 1 | 2): { readonly reading: Reading; readonly topic: string; readonly payload: string } {
    this.#numbers[qos] += 1;
    const reading: Reading = { source: this.#options.clientId, qos, number: this.#numbers[qos] };
    const topic = this.#options.topicOf(reading);
    this.#options.ledger.published(reading, topic);
    return { reading, topic, payload: payloadOf(reading) };
  }
}

export interface MqttPublisherOptions extends PublisherOptions {
  /** Publishes unanswered at once. */
  readonly window: number;
  /** Rest after each acknowledgement. */
  readonly pauseMs: number;
  /** Of all readings; absent: 1 and 2 by turns. */
  readonly qos?: 1 | 2;
  /** True while nothing more is to be published. */
  readonly isHeldBack?: () => boolean;
}

export class MqttPublisher {
  readonly #client: MqttClient;
  readonly #options: MqttPublisherOptions;
  readonly #source: Source;
  #outstanding = 0;
  #isPaused = false;

  constructor(options: MqttPublisherOptions) {
    this.#options = options;
    this.#source = new Source(options);
    this.#client = persistentClient(options.port, options.clientId, { complain: options.complain });
  }

  get name(): string {
    return this.#options.clientId;
  }

  get isIdle(): boolean {
    return this.#isPaused && (this.#outstanding === 0 || this.#hasNothing);
  }

  /** MQTT.js was seen to forget whom to tell when its connection went: with nothing unanswered and nothing to send it waits for nobody. */
  get #hasNothing(): boolean {
    const { connected, outgoing, queue } = this.#client;
    return connected && Object.keys(outgoing).length === 0 && queue.length === 0;
  }

  run(): void {
    for (let lane = 0; lane < this.#options.window; lane += 1) void this.#runLane(this.#options.qos ?? (lane % 2 === 0 ? 1 : 2));
  }

  pause(): void {
    this.#isPaused = true;
  }

  async stop(): Promise<void> {
    await this.#client.endAsync(true);
  }

  async #runLane(qos: 1 | 2): Promise<void> {
    while (!this.#isPaused) {
      if (this.#options.isHeldBack?.() !== true) await this.#publish(qos);
      await delay(this.#options.pauseMs);
    }
  }

  async #publish(qos: 1 | 2): Promise<void> {
    const { reading, topic, payload } = this.#source.next(qos);
    this.#outstanding += 1;
    if (await published(this.#client, { topic, payload, qos })) this.#options.ledger.acknowledged(reading);
    this.#outstanding -= 1;
  }
}

const BATCH_LINES = 20;
const BATCH_MS_MAX = 8_000;
/** Between batches. */
const REST_MS = 100;
const SESSION_EXPIRY_SECONDS = '3600';

/** Batches through `mosquitto_pub -l`. Only a batch that ended with exit code 0 counts as acknowledged. */
export class MosquittoPublisher {
  readonly #options: PublisherOptions & { readonly program: string; readonly random: Random };
  readonly #source: Source;
  #incarnation = 0;
  #batches = { acknowledged: 0, unknown: 0 };
  #isPaused = false;
  #isIdle = false;

  constructor(options: PublisherOptions & { readonly program: string; readonly random: Random }) {
    this.#options = options;
    this.#source = new Source(options);
  }

  get isIdle(): boolean {
    return this.#isIdle;
  }

  get batches(): { readonly acknowledged: number; readonly unknown: number } {
    return this.#batches;
  }

  async run(): Promise<void> {
    while (!this.#isPaused) {
      await this.#batch(this.#options.random.chance(0.5) ? 1 : 2);
      await delay(REST_MS);
    }
    this.#isIdle = true;
  }

  pause(): void {
    this.#isPaused = true;
  }

  async #batch(qos: 1 | 2): Promise<void> {
    const { ledger } = this.#options;
    const lines = Array.from({ length: BATCH_LINES }, () => this.#source.next(qos));
    const topic = lines[0]?.topic ?? '';
    const child = startChild(this.#options.program, this.#arguments(qos, topic), { stdio: ['pipe', 'ignore', 'ignore'] });
    child.process.stdin?.on('error', () => undefined); // it ended before it had read everything
    child.process.stdin?.end(lines.map(({ payload }) => `${payload}\n`).join(''));
    const patience = new AbortController();
    const ending = await Promise.race([child.ended, delay(BATCH_MS_MAX, undefined, { signal: patience.signal })]);
    patience.abort();
    if (ending === undefined) child.process.kill('SIGKILL');
    if (ending?.code === 0) {
      for (const { reading } of lines) ledger.acknowledged(reading);
      this.#batches.acknowledged += 1;
    } else {
      this.#batches.unknown += 1;
      this.#incarnation += 1; // its packet ids may be open in the session, and it has forgotten which: only another client id is safe
    }
  }

  #arguments(qos: 1 | 2, topic: string): string[] {
    const { clientId, port } = this.#options;
    const session = ['-i', `${clientId}-${this.#incarnation}`, '-c', '-x', SESSION_EXPIRY_SECONDS];
    return ['-V', '5', '-h', HOST, '-p', `${port}`, '-q', `${qos}`, '-t', topic, '-l', ...session];
  }
}
