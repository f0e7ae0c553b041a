// Mistakes a store could make, planted around an honest one: a harness that does not report each of them proves nothing.
import type { SessionStore } from '../../../src/session/session-store.ts';
import type { Synchronous } from '../../../src/store/sqlite/database.ts';

export const FAULTS = [
  'acknowledge-before-commit',
  'synchronous-off',
  'synchronous-normal',
  'forgotten-receiver-id',
  'settled-at-send',
  'early-completion',
] as const;
export type Fault = (typeof FAULTS)[number];

export function synchronousOf(fault: Fault | undefined): Synchronous {
  if (fault === 'synchronous-normal') return 'normal';
  return fault === 'synchronous-off' ? 'off' : 'full';
}

/** @param fault - undefined, or one that is not the store's surface: the store itself. */
export function planted(store: SessionStore, fault: Fault | undefined): SessionStore {
  switch (fault) {
    case 'acknowledge-before-commit':
      return decorated(store, { whenDurable: (waiter, token) => waiter.durable(token), whenSafe: (_sequence, waiter, token) => waiter.durable(token) });
    case 'forgotten-receiver-id':
      return decorated(store, { beginReceiving: () => undefined });
    case 'settled-at-send':
      return decorated(store, {
        read: (session, sequence) => {
          const delivery = store.read(session, sequence);
          store.settle(session, sequence, 'delivered');
          return delivery;
        },
      });
    case 'early-completion':
      return earlyCompletion(store);
    default:
      return store;
  }
}

/** PUBCOMP does not wait for the commit that forgets the id. */
function earlyCompletion(store: SessionStore): SessionStore {
  let isCompleting = false;
  return decorated(store, {
    endReceiving: (session, packetId, quarantineUntilMs) => {
      isCompleting = true;
      store.endReceiving(session, packetId, quarantineUntilMs);
    },
    whenDurable: (waiter, token) => {
      if (isCompleting) waiter.durable(token);
      else store.whenDurable(waiter, token);
      isCompleting = false;
    },
  });
}

function decorated(store: SessionStore, changed: Partial<SessionStore>): SessionStore {
  return new Proxy(store, {
    get(target, name) {
      const owner = name in changed ? changed : target;
      const value: unknown = Reflect.get(owner, name, owner);
      return typeof value === 'function' ? value.bind(owner) : value;
    },
  });
}
