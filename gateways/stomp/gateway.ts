import type { Gateway, GatewayContext } from '../../src/gateway/gateway.ts';
import { Roster } from '../../src/model/roster.ts';
import type { StreamTransport } from '../../src/transport/transport.ts';
import { StompConnection } from './connection.ts';
import { stompCounters } from './counters.ts';
import { MessageEncoder } from './message-encoder.ts';
import { QueueKeepers } from './queue-keepers.ts';
import type { StompSettings } from './settings.ts';

export class StompGateway implements Gateway {
  readonly name = 'stomp';
  readonly #settings: StompSettings;
  readonly #transports: readonly StreamTransport[];
  readonly #connections = new Roster<StompConnection>();
  #allClosed: (() => void) | undefined;

  constructor(settings: StompSettings, transports: readonly StreamTransport[]) {
    this.#settings = settings;
    this.#transports = transports;
  }

  async start(context: GatewayContext): Promise<void> {
    const settings = this.#settings;
    const encoders = { '1.0': new MessageEncoder('1.0', settings), '1.1': new MessageEncoder('1.1', settings), '1.2': new MessageEncoder('1.2', settings) };
    const keepers = new QueueKeepers(context, settings.queuesMax);
    context.metrics.gauge('stomp.connections', () => this.#connections.size);
    context.metrics.gauge('stomp.queues', () => keepers.count);
    const parts = {
      ...{ context, settings, encoders, keepers, counters: stompCounters(context.metrics) },
      isFull: () => this.#connections.size > settings.connectionsMax,
      onClosed: (connection: StompConnection) => this.#closed(connection),
    };
    for (const transport of this.#transports) await transport.listen((link) => this.#connections.add(new StompConnection(link, parts)));
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

  #closed(connection: StompConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#allClosed?.();
  }
}
