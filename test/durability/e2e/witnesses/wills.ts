import { connect, type MqttClient } from 'mqtt';
import { persistentClient } from '../mqtt-client.ts';
import { HOST } from '../network.ts';
import type { Sensor } from '../sensor.ts';
import { atMost, eventually } from '../waiting.ts';
import type { Witness, WitnessParts } from './witness.ts';

const ANSWER_MS = 150;
const RETURN_MS_MAX = 2_000;
const DELIVERY_MS_MAX = 5_000;
const SESSION_EXPIRY_SECONDS = 3_600;
/** Every so many rounds a sensor falls silent as well. */
const SILENT_EVERY = 3;
/** Every so many rounds the client comes back in time, and its will must stay silent. */
const RETURN_EVERY = 3;

type Fate = 'unknown' | 'stays-away' | 'returned';

export interface WillParts extends WitnessParts {
  readonly graceMs: number;
  /** A sensor on a good line with a will at `wills/<id>` that says its id; it publishes nothing. */
  readonly newSensor: (id: string) => Sensor;
}

/**
 * Wills: a client that was connected at a kill and stays away is spoken for, once, after the grace; one that returns is not. A sensor, which has a
 * keep-alive period afresh after a kill, is spoken for once that is over.
 */
export class WillWitness implements Witness {
  readonly name = 'wills';
  readonly #parts: WillParts;
  readonly #observer: MqttClient;
  readonly #fates = new Map<string, Fate>();
  readonly #copies = new Map<string, number>();
  #current: { readonly id: string; readonly client: MqttClient } | undefined;
  #silenced: Sensor | undefined;
  #killedMs = 0;

  constructor(parts: WillParts) {
    this.#parts = parts;
    this.#observer = persistentClient(parts.mqttPort, 'witness-wills', { complain: parts.complain });
    this.#observer.on('message', (_topic, payload) => this.#heard(payload.toString()));
  }

  async start(): Promise<void> {
    await this.#observer.subscribeAsync('wills/#', { qos: 2 });
  }

  async prepare(round: number): Promise<void> {
    const id = `will-${round}`;
    const client = this.#connect(id);
    this.#fates.set(id, 'unknown');
    this.#current = { id, client };
    const connected = new Promise<void>((resolve) => {
      client.once('connect', () => {
        this.#fates.set(id, 'stays-away');
        resolve();
      });
    });
    const both = round % SILENT_EVERY === 1 ? Promise.all([connected, this.#connectSensor(`silent-${round}`)]) : connected;
    await atMost(ANSWER_MS, both);
  }

  frozen(): void {
    this.#killedMs = performance.now();
    this.#silenced?.stop();
    this.#silenced = undefined;
  }

  async verify(round: number): Promise<void> {
    const current = this.#current;
    if (current === undefined) return;
    await current.client.endAsync(true);
    if (round % RETURN_EVERY !== 0 || this.#fates.get(current.id) !== 'stays-away') return;
    const client = this.#connect(current.id);
    const isBack = await eventually(() => client.connected, RETURN_MS_MAX);
    const isInTime = performance.now() - this.#killedMs < this.#parts.graceMs;
    this.#fates.set(current.id, isBack && isInTime ? 'returned' : 'unknown');
    await client.endAsync(false); // DISCONNECT: MQTT-3.14.4-3
  }

  async finish(): Promise<void> {
    const owed = [...this.#fates].filter(([, fate]) => fate === 'stays-away').map(([id]) => id);
    await eventually(() => owed.every((id) => this.#copies.has(id)), this.#parts.graceMs + DELIVERY_MS_MAX);
    for (const id of owed) if (!this.#copies.has(id)) this.#parts.complain(`will of ${id} forgotten`);
  }

  async stop(): Promise<void> {
    this.#silenced?.stop();
    await this.#current?.client.endAsync(true);
    await this.#observer.endAsync(true);
  }

  async #connectSensor(id: string): Promise<void> {
    const sensor = this.#parts.newSensor(id);
    this.#silenced = sensor;
    this.#fates.set(id, 'unknown');
    sensor.pause();
    void sensor.run();
    await sensor.ready;
    this.#fates.set(id, 'stays-away');
  }

  #connect(clientId: string): MqttClient {
    const will = { topic: `wills/${clientId}`, payload: Buffer.from(clientId), qos: 2, retain: false } as const;
    const session = { clean: false, properties: { sessionExpiryInterval: SESSION_EXPIRY_SECONDS } }; // Clean Start 1 would end the session, and publish
    const client = connect({ host: HOST, port: this.#parts.mqttPort, protocolVersion: 5, clientId, reconnectPeriod: 0, will, ...session });
    client.on('error', () => undefined); // it stays away
    return client;
  }

  #heard(id: string): void {
    const copies = (this.#copies.get(id) ?? 0) + 1;
    this.#copies.set(id, copies);
    const { complain, graceMs } = this.#parts;
    const fate = this.#fates.get(id);
    if (fate === undefined) complain(`will of ${id}, which is still there`);
    if (fate === 'returned') complain(`will of ${id}, which had returned`);
    if (copies > 1) complain(`will of ${id} published ${copies} times`);
    const isOfThisKill = id === this.#current?.id;
    if (isOfThisKill && fate === 'stays-away' && performance.now() - this.#killedMs < graceMs) complain(`will of ${id} before the grace was over`);
  }
}
