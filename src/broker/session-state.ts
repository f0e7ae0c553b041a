import type { StateSpace } from '../gateway/gateway.ts';
import { GatewayError } from '../model/errors.ts';
import { STATE_VALUE_BYTES_MAX } from '../model/limits.ts';
import type { SessionStore, StoredSession } from '../session/session-store.ts';

/** How keys of what the broker keeps with a session begin. */
const BROKERS_OWN = '\0';

type Owner = Parameters<SessionStore['putState']>[0];

/** A gateway's own durable space, or a session's while it is stored; what a session without a store writes ends with it. */
export function stateSpace(
  store: SessionStore,
  owner: () => { readonly owner: Owner; readonly values: ReadonlyMap<string, Uint8Array> } | undefined,
): StateSpace {
  const unstored = new Map<string, Uint8Array>();
  const values = (): ReadonlyMap<string, Uint8Array> => owner()?.values ?? unstored;
  return {
    get: (key) => values().get(key),
    entries: () => [...values()].filter(([key]) => !key.startsWith(BROKERS_OWN)),
    put(key, value) {
      if (value.length > STATE_VALUE_BYTES_MAX)
        throw new GatewayError('LIMIT_EXCEEDED', `state "${key}" has ${value.length} bytes, the limit is ${STATE_VALUE_BYTES_MAX}`);
      const found = owner();
      if (found === undefined)
        unstored.set(key, new Uint8Array(value)); // a copy: Buffer.slice would share
      else store.putState(found.owner, key, value);
    },
    delete(key) {
      const found = owner();
      if (found === undefined) unstored.delete(key);
      else if (found.values.has(key)) store.putState(found.owner, key, undefined);
    },
  };
}

export function sessionState(store: SessionStore, stored: () => StoredSession | undefined): StateSpace {
  return stateSpace(store, () => {
    const session = stored();
    return session === undefined ? undefined : { owner: session, values: session.state };
  });
}

export function gatewayState(store: SessionStore, gateway: string): StateSpace {
  return stateSpace(store, () => ({ owner: { gateway }, values: store.gatewayState(gateway) }));
}
