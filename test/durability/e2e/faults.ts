// Planted faults: a store that breaks one promise each, between the gateway and the store that keeps it.
import type { StoreOverrides } from '../../../src/runtime.ts';
import type { DurableWaiter, SessionStore, StoredSession } from '../../../src/session/session-store.ts';
import type { Committer } from '../../../src/store/sqlite/committer.ts';

export type FaultName = 'ack-before-commit' | 'synchronous-off' | 'forgotten-receiver-id' | 'row-deleted-at-send' | 'early-pubcomp';

export interface Fault {
  /** What is wrong, in one sentence. */
  readonly about: string;
  /** `kills`: lost or repeated messages show it. `slow-disk`: only the time of an acknowledgement does; a kill leaves what the kernel has. */
  readonly seenBy: 'kills' | 'slow-disk';
  readonly overrides: StoreOverrides;
}

/** Committing in the thread that answers hides an answer that comes too early: it leaves after the commit all the same. */
const COMMIT_DELAY_MS = 5;

export const FAULTS: Readonly<Record<FaultName, Fault>> = {
  'ack-before-commit': {
    about: 'everything is acknowledged before it is on the disk',
    seenBy: 'kills',
    overrides: {
      committer: later,
      decorate: (store) =>
        replacing(store, { whenDurable: (waiter, token) => waiter.durable(token), whenSafe: (_sequence, waiter, token) => waiter.durable(token) }),
    },
  },
  'synchronous-off': {
    about: 'commits are not flushed to the disk',
    seenBy: 'slow-disk',
    overrides: { synchronous: 'off' },
  },
  'forgotten-receiver-id': {
    about: 'the packet id of an incoming QoS 2 message is not stored with it',
    seenBy: 'kills',
    overrides: { decorate: (store) => replacing(store, { beginReceiving: () => undefined }) },
  },
  'row-deleted-at-send': {
    about: 'a message leaves its queue when it is sent, not when it is acknowledged',
    seenBy: 'kills',
    overrides: { decorate: settlingAtSend },
  },
  'early-pubcomp': {
    about: 'PUBCOMP leaves before the end of the exchange is on the disk',
    seenBy: 'kills',
    overrides: { committer: later, decorate: answeringReleaseEarly },
  },
};

export function isFaultName(name: string): name is FaultName {
  return name in FAULTS;
}

/** Commits a while after it was asked to. */
function later(own: Committer): Committer {
  return {
    commit: (unit, done) => void setTimeout(() => own.commit(unit, done), COMMIT_DELAY_MS),
    close: () => own.close(),
  };
}

/** @throws RangeError - no fault of that name. */
export function overridesOf(name: string): StoreOverrides {
  if (isFaultName(name)) return FAULTS[name].overrides;
  throw new RangeError(`no such fault: ${name}`);
}

/** `store` with some of its methods replaced; the rest runs on the store itself. */
function replacing(store: SessionStore, replacements: Partial<SessionStore>): SessionStore {
  return new Proxy(store, {
    get: (target, name) => {
      if (name in replacements) return Reflect.get(replacements, name);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** A QoS 2 message is read once to get its id and again to be sent; one of QoS 1 was sent when a later one is read. */
function settlingAtSend(store: SessionStore): SessionStore {
  const sentUpTo = new Map<number, number>();
  const isSending = (session: StoredSession, sequence: number): boolean => [...session.sending.values()].some((exchange) => exchange.sequence === sequence);
  return replacing(store, {
    read: (session, sequence) => {
      const entry = store.read(session, sequence);
      const before = sentUpTo.get(session.id);
      if (before !== undefined && before < sequence) store.settle(session, before, 'delivered');
      if (entry?.qos === 1) sentUpTo.set(session.id, sequence);
      else sentUpTo.delete(session.id);
      if (entry?.qos === 2 && isSending(session, sequence)) store.settle(session, sequence, 'delivered');
      return entry;
    },
  });
}

function answeringReleaseEarly(store: SessionStore): SessionStore {
  let isReleasing = false;
  return replacing(store, {
    endReceiving: (session, packetId, quarantineUntilMs) => {
      isReleasing = true;
      store.endReceiving(session, packetId, quarantineUntilMs);
    },
    whenDurable: (waiter: DurableWaiter, token: number) => {
      if (isReleasing) waiter.durable(token);
      else store.whenDurable(waiter, token);
      isReleasing = false;
    },
  });
}
