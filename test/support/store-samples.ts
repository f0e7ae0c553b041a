import { crc32 } from 'node:zlib';
import type { Subscription } from '../../src/bus/subscription.ts';
import { clientId } from '../../src/model/client.ts';
import { type Draft, Message, type QueueNumber } from '../../src/model/message.ts';
import { type Topic, topicFilter, topicName } from '../../src/model/topic.ts';
import { topicOf as plainTopicOf } from '../../src/model/topic-utf8.ts';
import type { ReferenceOptions, SessionFacts, SessionStore, StoredSession } from '../../src/session/session-store.ts';

export const FACTS: SessionFacts = { principal: 'user:ada', expirySeconds: Number.POSITIVE_INFINITY, detachedAtMs: undefined, will: undefined };
export const QOS_1: ReferenceOptions = { qos: 1, isRetain: false, identifiers: [] };

export function topicOf(name: string): Topic {
  return plainTopicOf(topicName(name));
}

export function messageOf(
  topic: string,
  payload: string | Uint8Array,
  draft: Partial<Draft> & { readonly expiresAtMs?: number; readonly numbers?: readonly QueueNumber[] | undefined } = {},
): Message {
  const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
  const { expiresAtMs = Number.POSITIVE_INFINITY, numbers, ...rest } = draft;
  const origin = { gateway: 'mqtt', clientId: clientId('sensor-1') };
  return new Message({ topic: topicOf(topic), payload: bytes, qos: 1, isRetain: false, ...rest }, origin, {
    publishedAtMs: 1_800_000_000_123,
    expiresAtMs,
    numbers,
  });
}

export function subscriptionOf(filter: string, options: Partial<Subscription> = {}): Subscription {
  return { filter: topicFilter(filter), qosMax: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, identifier: undefined, ...options };
}

/** A message as text that two stores can be compared by. */
export function messageText(message: Message): string {
  const { topic, qos, isRetain, properties, origin, publishedAtMs, expiresAtMs, numbers } = message;
  const { correlationData, ...texts } = properties ?? {};
  const parts = { qos, isRetain, texts, origin, publishedAtMs, expiresAtMs: String(expiresAtMs), correlationData: hex(correlationData), numbers };
  const payload = message.payload.length > 40 ? `${message.payload.length} bytes ${crc32(message.payload)}` : hex(message.payload);
  return `${topic.name} ${payload} ${JSON.stringify(parts)}`;
}

/** Everything a store says is persistent, as plain values in a fixed order. */
export function contentsOf(store: SessionStore, gateways: readonly string[] = []): unknown {
  return {
    sessions: sorted([...store.sessions].map(([key, session]) => [key, sessionContents(store, session)] as const)),
    retained: sorted([...store.retained].map(([topic, message]) => [topic, messageText(message)] as const)),
    state: gateways.map((gateway) => [gateway, stateContents(store.gatewayState(gateway))]),
    queuedMessages: store.status().queuedMessages,
    queuedBytes: store.status().queuedBytes,
  };
}

function sessionContents(store: SessionStore, session: StoredSession): unknown {
  const { principal, expirySeconds, detachedAtMs, will } = session.facts;
  return {
    realm: session.realm,
    clientId: session.clientId,
    facts: [principal, String(expirySeconds), detachedAtMs ?? 'attached'],
    will: will === undefined ? 'none' : [will.delaySeconds, will.expirySeconds ?? 'never', messageText(will.message)],
    subscriptions: sorted([...session.subscriptions].map(([filter, { identifier, ...rest }]) => [filter, { ...rest, identifier: identifier ?? 0 }] as const)),
    queue: queueContents(store, session),
    bytes: session.queue.bytes,
    sending: [...session.sending].map(([id, { sequence, state }]) => [id, sequence, state]).sort(([, a], [, b]) => Number(a) - Number(b)),
    receiving: sorted([...session.receiving].map(([id, { state, digest, untilMs }]) => [String(id), [state, digest, String(untilMs)]] as const)),
    state: stateContents(session.state),
  };
}

export function queueContents(store: SessionStore, session: StoredSession): unknown[] {
  const entries: unknown[] = [];
  for (let at = session.queue.next(0); at !== undefined; at = session.queue.next(at)) {
    const delivery = store.read(session, at);
    if (delivery === undefined) entries.push([at, 'unreadable']);
    else entries.push([at, delivery.qos, delivery.isRetain, delivery.identifiers, messageText(delivery.message), session.queue.laneOf(at)]);
  }
  return entries;
}

function stateContents(state: ReadonlyMap<string, Uint8Array>): unknown[] {
  return sorted([...state].map(([key, value]) => [key, hex(value)] as const));
}

function sorted<Entry extends readonly [string, unknown]>(entries: Entry[]): Entry[] {
  return entries.sort(([a], [b]) => (a < b ? -1 : 1));
}

function hex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : Buffer.from(bytes).toString('hex');
}

/** Resolves when everything written so far is durable. */
export function durable(store: SessionStore): Promise<void> {
  return new Promise((resolve) => store.whenDurable({ durable: () => resolve() }, 0));
}
