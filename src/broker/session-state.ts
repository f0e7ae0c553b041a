import type { GatewayState, StateSpace } from '../gateway/gateway.ts';
import { GatewayError } from '../model/errors.ts';
import { STATE_VALUE_BYTES_MAX } from '../model/limits.ts';
import type { SessionStore, StoredSession } from '../session/session-store.ts';

/** How keys of what the broker keeps with a session begin. */
const BROKERS_OWN = '\0';

/** Where a space is kept, and what is in it. */
interface Owned {
  readonly owner: Parameters<SessionStore['putState']>[0];
  readonly values: ReadonlyMap<string, Uint8Array>;
}

/** A gateway's own durable space, or a session's while it is stored; what a session without a store writes ends with it. */
abstract class Space implements StateSpace {
  protected readonly store: SessionStore;
  #unstored: Map<string, Uint8Array> | undefined;

  constructor(store: SessionStore) {
    this.store = store;
  }

  /** @returns undefined: it is not stored now. */
  protected abstract owned(): Owned | undefined;

  get(key: string): Uint8Array | undefined {
    return this.#values()?.get(key);
  }

  entries(): Iterable<readonly [key: string, value: Uint8Array]> {
    return [...(this.#values() ?? [])].filter(([key]) => !key.startsWith(BROKERS_OWN));
  }

  put(key: string, value: Uint8Array): void {
    if (value.length > STATE_VALUE_BYTES_MAX)
      throw new GatewayError('LIMIT_EXCEEDED', `state "${key}" has ${value.length} bytes, the limit is ${STATE_VALUE_BYTES_MAX}`);
    const owned = this.owned();
    if (owned !== undefined) {
      this.store.putState(owned.owner, key, value);
      return;
    }
    this.#unstored ??= new Map();
    this.#unstored.set(key, new Uint8Array(value)); // a copy: Buffer.slice would share
  }

  delete(key: string): void {
    const owned = this.owned();
    if (owned === undefined) this.#unstored?.delete(key);
    else if (owned.values.has(key)) this.store.putState(owned.owner, key, undefined);
  }

  #values(): ReadonlyMap<string, Uint8Array> | undefined {
    return this.owned()?.values ?? this.#unstored;
  }
}

class SessionSpace extends Space {
  readonly #session: { readonly stored: StoredSession | undefined };

  constructor(store: SessionStore, session: { readonly stored: StoredSession | undefined }) {
    super(store);
    this.#session = session;
  }

  protected owned(): Owned | undefined {
    const { stored } = this.#session;
    return stored && { owner: stored, values: stored.state };
  }
}

class GatewaySpace extends Space implements GatewayState {
  readonly #gateway: string;

  constructor(store: SessionStore, gateway: string) {
    super(store);
    this.#gateway = gateway;
  }

  putAlong(key: string, value: () => Uint8Array): void {
    this.store.putStateAlong({ gateway: this.#gateway }, key, value);
  }

  protected owned(): Owned {
    return { owner: { gateway: this.#gateway }, values: this.store.gatewayState(this.#gateway) };
  }
}

export function sessionState(store: SessionStore, session: { readonly stored: StoredSession | undefined }): StateSpace {
  return new SessionSpace(store, session);
}

export function gatewayState(store: SessionStore, gateway: string): GatewayState {
  return new GatewaySpace(store, gateway);
}
