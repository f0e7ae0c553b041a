import type { Subscription } from '../bus/subscription.ts';
import type { ClientId, Realm } from '../model/client.ts';
import type { TopicFilter } from '../model/topic.ts';
import { QueueLanes } from './queue-lanes.ts';
import type { ReceivingExchange, SendingExchange, SessionFacts, StoredSession } from './session-store.ts';

const NONE: ReadonlyMap<never, never> = new Map<never, never>();

/** A session as the image keeps it. Only the image changes it. Maps that most sessions never fill are made when first written. */
export class SessionImage implements StoredSession {
  readonly id: number;
  readonly realm: Realm;
  readonly clientId: ClientId;
  facts: SessionFacts;
  readonly queue = new QueueLanes();
  /** Keys of rows that wait for the next checkpoint; the queue keeps its own. */
  dirt: SessionDirt | undefined;
  /** Is in the image's set of sessions to write. */
  isListed = false;
  /** Has rows. */
  isStored = false;
  #subscriptions: Map<TopicFilter, Subscription> | undefined;
  #sending: Map<number, SendingExchange> | undefined;
  #receiving: Map<number, ReceivingExchange> | undefined;
  #state: Map<string, Uint8Array> | undefined;

  constructor(id: number, realm: Realm, clientId: ClientId, facts: SessionFacts) {
    this.id = id;
    this.realm = realm;
    this.clientId = clientId;
    this.facts = facts;
  }

  get subscriptions(): ReadonlyMap<TopicFilter, Subscription> {
    return this.#subscriptions ?? NONE;
  }

  get sending(): ReadonlyMap<number, SendingExchange> {
    return this.#sending ?? NONE;
  }

  get receiving(): ReadonlyMap<number, ReceivingExchange> {
    return this.#receiving ?? NONE;
  }

  get state(): ReadonlyMap<string, Uint8Array> {
    return this.#state ?? NONE;
  }

  setSubscription(filter: TopicFilter, subscription: Subscription | undefined): void {
    this.#subscriptions = changed(this.#subscriptions, filter, subscription);
  }

  setSending(packetId: number, exchange: SendingExchange | undefined): void {
    this.#sending = changed(this.#sending, packetId, exchange);
  }

  /** Puts the exchanges into the order of their messages, in which they are sent again (MQTT-4.6.0-1). */
  orderSending(): void {
    if (this.#sending !== undefined) this.#sending = new Map([...this.#sending].sort(([, a], [, b]) => a.sequence - b.sequence));
  }

  setReceiving(packetId: number, exchange: ReceivingExchange | undefined): void {
    this.#receiving = changed(this.#receiving, packetId, exchange);
  }

  setState(key: string, value: Uint8Array | undefined): void {
    this.#state = changed(this.#state, key, value);
  }
}

export class SessionDirt {
  isFacts = false;
  readonly subscriptions = new Set<TopicFilter>();
  readonly sending = new Set<number>();
  readonly receiving = new Set<number>();
  readonly state = new Set<string>();
}

function changed<Key, Value>(map: Map<Key, Value> | undefined, key: Key, value: Value | undefined): Map<Key, Value> | undefined {
  if (value === undefined) {
    map?.delete(key);
    return map;
  }
  const kept = map ?? new Map<Key, Value>();
  kept.set(key, value);
  return kept;
}
