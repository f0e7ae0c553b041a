// MQTT 3.1, 3.1.1 and 5.0 as one more gateway: no door the others lack.
import type { Gateway, GatewayContext } from '../gateway/gateway.ts';
import type { StreamTransport } from '../transport/transport.ts';
import { MqttConnection } from './connection.ts';
import { mqttCounters } from './counters.ts';
import { PublishEncoders } from './publish-encoders.ts';
import type { MqttSettings } from './settings.ts';

export class MqttGateway implements Gateway {
  readonly name = 'mqtt';
  readonly #settings: MqttSettings;
  readonly #transports: readonly StreamTransport[];
  readonly #connections = new Set<MqttConnection>();
  #allClosed: (() => void) | undefined;

  constructor(settings: MqttSettings, transports: readonly StreamTransport[]) {
    this.#settings = settings;
    this.#transports = transports;
  }

  get addresses(): readonly { readonly name: string; readonly address: string }[] {
    return this.#transports.map(({ name, address }) => ({ name, address }));
  }

  async start(context: GatewayContext): Promise<void> {
    const counters = mqttCounters(context.metrics);
    const encoders = new PublishEncoders();
    const shared = { context, settings: this.#settings, counters, encoders, onClosed: (connection: MqttConnection) => this.#closed(connection) };
    context.metrics.gauge('mqtt.connections', () => this.#connections.size);
    for (const transport of this.#transports) {
      await transport.listen((link) => void this.#connections.add(new MqttConnection(link, shared)));
    }
  }

  async stop(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#transports.map((transport) => transport.close()));
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
