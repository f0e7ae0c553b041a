// MQTT 3.1, 3.1.1 and 5.0 as one more gateway: no door the others lack.
import type { Gateway, GatewayContext } from '../gateway/gateway.ts';
import { Roster } from '../model/roster.ts';
import type { StreamTransport } from '../transport/transport.ts';
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
  /** By the listener they came by. */
  readonly #rosters: readonly Roster<MqttConnection>[];
  #allClosed: (() => void) | undefined;

  constructor(listeners: readonly MqttListener[]) {
    this.#listeners = listeners;
    this.#rosters = listeners.map(() => new Roster());
  }

  async start(context: GatewayContext): Promise<void> {
    const counters = mqttCounters(context.metrics);
    const shared = { context, counters, turns: context.turns, encoders: new PublishEncoders() };
    context.metrics.gauge('mqtt.connections', () => this.#connectionCount);
    const connectionsMax = Math.max(...this.#listeners.map(({ settings }) => settings.connectionsMax));
    for (const [index, { transport, settings }] of this.#listeners.entries()) {
      const own = this.#rosters[index] as Roster<MqttConnection>;
      const listener: ListenerState = { settings, isFull: () => own.size > settings.connectionsMax || this.#connectionCount > connectionsMax };
      const onClosed = (connection: MqttConnection): void => {
        own.delete(connection);
        if (this.#connectionCount === 0) this.#allClosed?.();
      };
      const parts = { ...shared, listener, onClosed };
      await transport.listen((link) => own.add(new MqttConnection(link, parts)));
    }
  }

  async stop(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#listeners.map(({ transport }) => transport.close()));
    for (const connection of this.#connections()) connection.shutDown();
    if (this.#connectionCount > 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#allClosed = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    for (const connection of this.#connections()) connection.destroy();
  }

  get #connectionCount(): number {
    return this.#rosters.reduce((count, { size }) => count + size, 0);
  }

  /** Those of now: they may go while they are walked through. */
  #connections(): readonly MqttConnection[] {
    return this.#rosters.flatMap((roster) => [...roster]);
  }
}
