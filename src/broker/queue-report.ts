// Which queues hold or have dropped something: what a person asks who misses messages.
import type { Realm } from '../model/client.ts';
import { QUEUES_LISTED_MAX } from '../model/limits.ts';
import type { StoredSession } from '../session/session-store.ts';
import type { QueueDropCounts } from './drops.ts';
import type { PolicyUsage } from './queue-policies.ts';

export interface QueueFacts {
  /** `$share` for the queue of a shared group, whose client id is its filter. */
  readonly realm: Realm;
  readonly clientId: string;
  readonly isConnected: boolean;
  /** Stored, those in flight included. */
  readonly messages: number;
  readonly bytes: number;
  /** Waiting in memory: QoS 0, and all of a session that ends with its link. */
  readonly messagesInMemory: number;
  readonly inflight: number;
  /** By cause, since the gateway started. */
  readonly dropped: QueueDropCounts;
  /** By cause, since the queue began, whatever restarts; undefined: nobody keeps account. */
  readonly lost?: QueueDropCounts | undefined;
  /** Policies by topic, with what of their topics is stored; undefined: none. */
  readonly policies?: readonly PolicyUsage[] | undefined;
}

export interface QueueReport {
  readonly queues: readonly QueueFacts[];
  /** Queues that would be listed as well, were there room. */
  readonly further: number;
}

/** @param clientId - only its queues, also empty ones; undefined: whatever holds or has dropped something, greatest loss first. */
export function queueReport(all: Iterable<QueueFacts>, clientId: string | undefined): QueueReport {
  const found = [...all].filter((facts) => (clientId === undefined ? isWorthTelling(facts) : facts.clientId === clientId));
  found.sort((a, b) => lossOf(b) - lossOf(a) || b.messages + b.messagesInMemory - (a.messages + a.messagesInMemory));
  return { queues: found.slice(0, QUEUES_LISTED_MAX), further: Math.max(0, found.length - QUEUES_LISTED_MAX) };
}

export function storedFacts(stored: StoredSession | undefined): Pick<QueueFacts, 'messages' | 'bytes'> {
  return { messages: stored?.queue.count ?? 0, bytes: stored?.queue.bytes ?? 0 };
}

function isWorthTelling(facts: QueueFacts): boolean {
  return facts.messages + facts.messagesInMemory > 0 || lossOf(facts) > 0;
}

function lossOf({ dropped }: QueueFacts): number {
  return Object.values(dropped).reduce((sum, count) => sum + count, 0);
}
