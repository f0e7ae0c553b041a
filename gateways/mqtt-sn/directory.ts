import type { ClientId, PeerAddress } from '../../src/model/client.ts';
import { SlotMap } from '../../src/model/slot-map.ts';
import type { Connection } from './connection.ts';

/** The clients that are connected or asleep: by id, and by the address each was last heard from. */
export class Directory {
  readonly #byClientId = new SlotMap<string, Connection>();
  readonly #byAddress = new SlotMap<PeerAddress, Connection>();

  get size(): number {
    return this.#byClientId.size;
  }

  all(): Iterable<Connection> {
    return [...this.#byClientId.values()];
  }

  of(clientId: ClientId | string): Connection | undefined {
    return this.#byClientId.get(clientId);
  }

  at(address: PeerAddress): Connection | undefined {
    return this.#byAddress.get(address);
  }

  /** One address, one client: who had it before is displaced. */
  add(connection: Connection): void {
    const { address } = connection.facts.peer;
    this.#byAddress.get(address)?.displaced();
    this.#byClientId.set(connection.clientId, connection);
    this.#byAddress.set(address, connection);
  }

  remove(connection: Connection): void {
    const { address } = connection.facts.peer;
    if (this.#byClientId.get(connection.clientId) === connection) this.#byClientId.delete(connection.clientId);
    if (this.#byAddress.get(address) === connection) this.#byAddress.delete(address);
  }
}
