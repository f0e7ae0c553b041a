// `$delayed/{seconds}/{topic}`: messages that wait for their time. They lie in the queue of a session nobody can attach, in a realm no listener can
// enter, so that what holds for queued messages holds for them; when each is due, and whose it is, is state of that session, written in the group
// of the message.

import { clientId, type Principal, type Realm, realm } from '../model/client.ts';
import type { CancelTimer, GatewayClock, GatewayMs } from '../model/clock.ts';
import { DELAYED_WILLS_BYTES_MAX, DELAYED_WILLS_MAX } from '../model/limits.ts';
import { Message } from '../model/message.ts';
import type { QueueLimits } from '../model/queue-policy.ts';
import { isFull } from '../session/disk-pressure.ts';
import { type Sequence, type SessionStore, type StoredDelivery, type StoredSession, sessionKey } from '../session/session-store.ts';
import type { BrokerCounters } from './counters.ts';
import type { Permissions } from './permissions.ts';
import { mayPublish } from './publish-gate.ts';
import { isAtBound } from './queue-bounds.ts';
import { unretained } from './recipient.ts';
import type { RoutedSession } from './routed-session.ts';
import { DISK, type Routed, type Router } from './router.ts';

/** Whose message it is: asked for permission again when it is due, and for No Local. */
export interface Publisher {
  readonly principal: Principal;
  readonly realm: Realm;
}

export interface DelayedParts {
  readonly store: SessionStore;
  readonly clock: GatewayClock;
  readonly access: Permissions;
  readonly counters: BrokerCounters;
  readonly router: Router;
  readonly limits: QueueLimits;
  /** There is room for another one. */
  readonly onRoom: () => void;
  /** The publisher's session, if it is still there. */
  readonly sessionOf: (publisher: Publisher) => RoutedSession | undefined;
}

/** What the store keeps of one message besides itself. */
interface Terms extends Publisher {
  readonly dueMs: GatewayMs;
}

interface Waiting {
  readonly sequence: Sequence;
  readonly dueMs: GatewayMs;
}

export const DELAYED_REALM = realm('$delayed');
const OWNER = clientId('$delayed');
/** Published in one turn; what else is due waits for the next, so that others get theirs. */
const PUBLISHED_PER_TURN = 64;
/** Until a message is tried again that a full queue, of a bridge say, refused when it was due. */
const REFUSED_MS = 1_000;
/** Whatever the class of its topic: that holds once it is due. */
const TAKEN: Routed = { outcome: 'accepted', awaits: 'disk' };

export class DelayedMessages {
  readonly #parts: DelayedParts;
  /** Latest first: the next one is the last. */
  #waiting: Waiting[] = [];
  /** Due, and refused so far, by topic: each in the order it came due. The topic tried longest ago is the first. */
  readonly #refused = new Map<string, Sequence[]>();
  #refusedCount = 0;
  #queue: StoredSession | undefined;
  #cancel: CancelTimer | undefined;
  #cancelRetry: CancelTimer | undefined;

  constructor(parts: DelayedParts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#waiting.length + this.#refusedCount;
  }

  /** Takes up what earlier boots left. What came due meanwhile is published at once. */
  restore(): void {
    this.#queue = this.#parts.store.sessions.get(sessionKey(DELAYED_REALM, OWNER));
    if (this.#queue === undefined) return;
    for (const [key, value] of this.#queue.state) this.#waiting.push({ sequence: Number(key), dueMs: termsFrom(value).dueMs });
    this.#waiting.sort((a, b) => b.dueMs - a.dueMs || b.sequence - a.sequence);
    this.#arm();
  }

  /** @param message - under its final topic; the publisher may publish it there. */
  add(message: Message, delaySeconds: number, publisher: Publisher): Routed {
    const { store, limits } = this.#parts;
    if (store.isCongested || isFull(store)) return refused(DISK);
    if (isAtBound(this.#queueToFill(), limits)) return refused(OWNER);
    this.#append(message, delaySeconds, publisher);
    return TAKEN;
  }

  /** Its publisher is gone and cannot be asked to wait: a store that is behind and a full queue take it as well. @returns whether they did. */
  addWill(message: Message, delaySeconds: number, publisher: Publisher): boolean {
    const { messagesMax, bytesMax } = this.#parts.limits;
    const limits = { messagesMax: messagesMax + DELAYED_WILLS_MAX, bytesMax: bytesMax + DELAYED_WILLS_BYTES_MAX };
    if (messagesMax === 0 || isAtBound(this.#queueToFill(), limits)) return false;
    this.#append(message, delaySeconds, publisher);
    return true;
  }

  #append(message: Message, delaySeconds: number, { principal, realm: publisherRealm }: Publisher): void {
    const { store, clock } = this.#parts;
    const queue = this.#queueToFill();
    const dueMs = clock.gatewayMs() + delaySeconds * 1000;
    store.refer(queue, { qos: message.qos, isRetain: message.isRetain, identifiers: [] });
    const sequence = store.append(unretained(message));
    store.putState(queue, String(sequence), Buffer.from(JSON.stringify({ dueMs, principal, realm: publisherRealm } satisfies Terms)));
    this.#insert({ sequence, dueMs });
  }

  #queueToFill(): StoredSession {
    this.#queue ??= this.#parts.store.createSession(DELAYED_REALM, OWNER, {
      principal: 'internal',
      expirySeconds: Number.POSITIVE_INFINITY,
      detachedAtMs: 0,
      will: undefined,
    });
    return this.#queue;
  }

  #insert(entry: Waiting): void {
    let low = 0;
    let high = this.#waiting.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#waiting[middle]?.dueMs ?? 0) > entry.dueMs) low = middle + 1;
      else high = middle;
    }
    this.#waiting.splice(low, 0, entry);
    if (low === this.#waiting.length - 1) this.#arm();
  }

  #arm(): void {
    this.#cancel?.();
    const next = this.#waiting.at(-1);
    if (next === undefined) return;
    this.#cancel = this.#parts.clock.after(Math.max(0, next.dueMs - this.#parts.clock.gatewayMs()), () => this.#publishDue());
  }

  #publishDue(): void {
    const now = this.#parts.clock.gatewayMs();
    for (let published = 0; published < PUBLISHED_PER_TURN; published += 1) {
      const next = this.#waiting.at(-1);
      if (next === undefined || next.dueMs > now) break;
      this.#waiting.pop();
      if (this.#queue !== undefined) this.#publishInOrder(this.#queue, next.sequence);
    }
    this.#arm();
  }

  /** What was published to its topic and refused comes first. */
  #publishInOrder(queue: StoredSession, sequence: Sequence): void {
    const before = this.#refused.size === 0 ? undefined : this.#refused.get(this.#topicOf(queue, sequence));
    if (before === undefined && this.#publish(queue, sequence)) return;
    if (before === undefined) this.#refused.set(this.#topicOf(queue, sequence), [sequence]);
    else before.push(sequence);
    this.#refusedCount += 1;
    this.#retryIn(REFUSED_MS);
  }

  #topicOf(queue: StoredSession, sequence: Sequence): string {
    return this.#parts.store.read(queue, sequence)?.message.topic.name ?? '';
  }

  #retryIn(delayMs: number): void {
    this.#cancelRetry ??= this.#parts.clock.after(delayMs, () => {
      this.#cancelRetry = undefined;
      if (this.#queue !== undefined) this.#retry(this.#queue);
    });
  }

  /** The topics in turn, until none of them is let through or others want theirs. */
  #retry(queue: StoredSession): void {
    let refusals = 0;
    for (let attempts = 0; attempts < PUBLISHED_PER_TURN && refusals < this.#refused.size; attempts += 1) {
      const [[topic, sequences] = ['', []]] = this.#refused;
      this.#refused.delete(topic);
      const [oldest] = sequences;
      if (oldest === undefined) continue;
      if (this.#publish(queue, oldest)) {
        sequences.shift();
        this.#refusedCount -= 1;
        refusals = 0;
      } else {
        refusals += 1;
      }
      if (sequences.length > 0) this.#refused.set(topic, sequences);
    }
    if (this.#refused.size > 0) this.#retryIn(refusals > 0 ? REFUSED_MS : 0);
  }

  /** @returns false when it was refused, and stays. */
  #publish(queue: StoredSession, sequence: Sequence): boolean {
    const isDone = this.#parts.store.together(() => this.#move(queue, sequence)); // it is here or there, once
    if (isDone) this.#parts.onRoom();
    return isDone;
  }

  #move(queue: StoredSession, sequence: Sequence): boolean {
    const { store, counters, clock } = this.#parts;
    const key = String(sequence);
    const terms = queue.state.get(key);
    const delivery = store.read(queue, sequence);
    if (delivery === undefined || terms === undefined) {
      counters.dropped.unreadable.value += 1;
      store.settle(queue, sequence, 'unreadable');
    } else if (delivery.message.expiresAtMs <= clock.gatewayMs()) {
      counters.dropped.expired.value += 1;
      store.settle(queue, sequence, 'expired'); // MQTT-3.3.2-5
    } else if (this.#route(delivery, termsFrom(terms))) {
      store.settle(queue, sequence, 'delivered');
    } else {
      return false;
    }
    store.putState(queue, key, undefined);
    return true;
  }

  /** @returns false when a queue that refuses has no room for it: it was acknowledged, so it may neither be dropped nor exceed that bound. */
  #route({ message, qos, isRetain }: StoredDelivery, publisher: Publisher): boolean {
    const { access, counters, router, sessionOf } = this.#parts;
    if (!mayPublish(access, publisher.principal, message.topic)) {
      counters.denied.value += 1;
      return true;
    }
    const { topic, payload, properties, origin } = message;
    const due = new Message({ topic, payload, qos, isRetain, properties }, origin, message);
    const session = sessionOf(publisher);
    if (router.whatIsFull(due, session) !== undefined) return false;
    counters.delayedPublished.value += 1;
    router.deliver(due, session);
    return true;
  }
}

function termsFrom(value: Uint8Array): Terms {
  return JSON.parse(Buffer.from(value).toString()) as Terms;
}

function refused(full: string): Routed {
  return { outcome: 'quota-exceeded', awaits: 'nothing', full };
}
