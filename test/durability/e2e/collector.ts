import type { MqttClient } from 'mqtt';
import type { Arrivals } from './ledger.ts';
import { persistentClient } from './mqtt-client.ts';

export interface CollectorOptions {
  readonly port: number;
  readonly clientId: string;
  readonly arrivals: Pick<Arrivals, 'record'>;
  readonly complain: (what: string) => void;
}

/** Subscribes once, at QoS 2, and writes down what comes, over every loss of its connection. */
export class Collector {
  readonly #client: MqttClient;

  constructor({ port, clientId, arrivals, complain }: CollectorOptions) {
    this.#client = persistentClient(port, clientId, { complain });
    this.#client.on('message', (topic, payload) => arrivals.record(topic, payload.toString()));
  }

  /** Resolves once the broker has granted it. */
  async subscribe(filter: string): Promise<void> {
    await this.#client.subscribeAsync(filter, { qos: 2 });
  }

  async stop(): Promise<void> {
    await this.#client.endAsync(true);
  }
}
