import type { DurableWaiter, Sequence, SessionStore, StoredSession } from '../session/session-store.ts';

/**
 * An outgoing QoS 2 exchange outlives a restart, a message that was in memory only does not. The peer may hold its packet id, and would take the next
 * message under it for a copy: the exchange is ended by PUBREL, which a peer that does not know the id answers as well (MQTT-4.3.3-11). See docs/interpretation.md.
 */
export function releaseOrphans(store: SessionStore, stored: StoredSession): void {
  for (const [packetId, { sequence, state }] of [...stored.sending]) {
    if (state === 'sent' && !stored.queue.has(sequence)) store.releaseSending(stored, packetId);
  }
}

/** Exchanges begin anew, under their packet ids. @param waiter - told of each when its PUBLISH may leave. */
export function publishAgain(
  store: SessionStore,
  stored: StoredSession,
  exchanges: Iterable<readonly [packetId: number, sequence: Sequence]>,
  waiter: DurableWaiter,
): void {
  for (const [packetId, sequence] of exchanges) {
    store.beginSending(stored, packetId, sequence);
    store.whenDurable(waiter, packetId);
  }
}
