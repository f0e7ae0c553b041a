import type { ClientId } from '../../src/model/client.ts';
import { SlotMap } from '../../src/model/slot-map.ts';
import type { DatagramTransport } from '../../src/transport/transport.ts';
import type { Connection } from './connection.ts';
import { type End, EndMap } from './ends.ts';

/** The clients that are connected or asleep: by id, and by the end each was last heard from. */
export class Directory {
  readonly #byClientId = new SlotMap<string, Connection>();
  readonly #byEnd: EndMap<Connection>;

  constructor(transports: readonly DatagramTransport[]) {
    this.#byEnd = new EndMap(transports);
  }

  get size(): number {
    return this.#byClientId.size;
  }

  all(): Iterable<Connection> {
    return [...this.#byClientId.values()];
  }

  of(clientId: ClientId | string): Connection | undefined {
    return this.#byClientId.get(clientId);
  }

  at(end: End): Connection | undefined {
    return this.#byEnd.get(end);
  }

  /** One end, one client: who had it before is displaced. */
  add(connection: Connection): void {
    const { end } = connection.facts;
    this.#byEnd.get(end)?.displaced();
    this.#byClientId.set(connection.clientId, connection);
    this.#byEnd.set(end, connection);
  }

  remove(connection: Connection): void {
    const { end } = connection.facts;
    if (this.#byClientId.get(connection.clientId) === connection) this.#byClientId.delete(connection.clientId);
    if (this.#byEnd.get(end) === connection) this.#byEnd.delete(end);
  }
}
