// MQTT 3.1, 3.1.1 and 5.0 as one more gateway: no door the others lack.
import type { Gateway, GatewayContext } from '../gateway/gateway.ts';
import type { StreamTransport } from '../transport/transport.ts';
import { TurnQueue } from '../transport/turn-queue.ts';
import type { ListenerState } from './admission.ts';
import { MqttConnection } from './connection.ts';
import { mqttCounters } from './counters.ts';
import { PublishEncoders } from './publish-encoders.ts';
import type { MqttSettings } from './settings.ts';

/** One way in, and what holds for those who come by it. */
export interface MqttListener {
  readonly transport: StreamTransport;
  readonly settings: MqttSettings;
}

export class MqttGateway implements Gateway {
  readonly name = 'mqtt';
  readonly #listeners: readonly MqttListener[];
  readonly #connections = new Set<MqttConnection>();
  #allClosed: (() => void) | undefined;

  constructor(listeners: readonly MqttListener[]) {
    this.#listeners = listeners;
  }

  async start(context: GatewayContext): Promise<void> {
    const counters = mqttCounters(context.metrics);
    const turns = { work: context.work, queue: new TurnQueue(), yields: counters.turnsYielded };
    const shared = { context, counters, turns, encoders: new PublishEncoders() };
    context.metrics.gauge('mqtt.connections', () => this.#connections.size);
    const connectionsMax = Math.max(...this.#listeners.map(({ settings }) => settings.connectionsMax));
    for (const { transport, settings } of this.#listeners) {
      const own = new Set<MqttConnection>();
      const listener: ListenerState = { settings, isFull: () => own.size > settings.connectionsMax || this.#connections.size > connectionsMax };
      const onClosed = (connection: MqttConnection): void => {
        own.delete(connection);
        this.#closed(connection);
      };
      const parts = { ...shared, listener, onClosed };
      await transport.listen((link) => {
        const connection = new MqttConnection(link, parts);
        own.add(connection);
        this.#connections.add(connection);
      });
    }
  }

  async stop(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#listeners.map(({ transport }) => transport.close()));
    for (const connection of [...this.#connections]) connection.shutDown();
    if (this.#connections.size > 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#allClosed = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    for (const connection of [...this.#connections]) connection.destroy();
  }

  #closed(connection: MqttConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#allClosed?.();
  }
}
