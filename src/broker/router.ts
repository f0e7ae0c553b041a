// One message in, every matching session out, in the turn it arrived in. Order of the work: what may refuse comes first, then deliveries that
// need no disk, then one append for all stored queues together, then deliveries from those queues.
import type { Bus } from '../bus/bus.ts';
import type { Match } from '../bus/match.ts';
import type { GatewayClock } from '../model/clock.ts';
import { Message, minQoS, type QoS } from '../model/message.ts';
import { messageSize } from '../session/message-size.ts';
import type { SessionStore, StoredSession } from '../session/session-store.ts';
import type { BrokerCounters } from './counters.ts';
import type { DeliveryTerms, Outbound } from './outbound.ts';
import type { RetainedIndex } from './retained-index.ts';

/** A session as the router sees it. */
export interface RoutedSession {
  readonly outbound: Outbound;
  /** The queue on disk; undefined when the session ends with its link. */
  readonly stored: StoredSession | undefined;
}

export interface RetainedLimits {
  readonly messagesMax: number;
  readonly bytesMax: number;
}

const NO_PAYLOAD = new Uint8Array(0);

export interface RouterParts {
  readonly bus: Bus<RoutedSession>;
  readonly store: SessionStore;
  readonly clock: GatewayClock;
  readonly retained: RetainedIndex;
  readonly counters: BrokerCounters;
  readonly retainedLimits: RetainedLimits;
}

/** `isStored`: something was written that an acknowledgement must wait for. */
export interface Routed {
  readonly outcome: 'accepted' | 'no-subscribers' | 'quota-exceeded';
  readonly isStored: boolean;
}

/** A session whose stored queue gets the message that is being routed. */
interface Referent {
  readonly session: RoutedSession;
  readonly terms: DeliveryTerms;
}

const ACCEPTED: Routed = { outcome: 'accepted', isStored: false };
const ACCEPTED_STORED: Routed = { outcome: 'accepted', isStored: true };
const NOBODY: Routed = { outcome: 'no-subscribers', isStored: false };
const NOBODY_STORED: Routed = { outcome: 'no-subscribers', isStored: true };
const REFUSED: Routed = { outcome: 'quota-exceeded', isStored: false };

export class Router {
  readonly #parts: RouterParts;
  /** Shown to each session in turn; who keeps terms copies them. */
  readonly #terms: { qos: QoS; isRetain: boolean; identifiers: readonly number[] } = { qos: 0, isRetain: false, identifiers: [] };
  /** Sessions whose queues refuse when full (bridges): only these must be asked before a message is accepted. */
  readonly #refusing = new Set<RoutedSession>();

  constructor(parts: RouterParts) {
    this.#parts = parts;
  }

  watchRefusing(session: RoutedSession, isRefusing: boolean): void {
    if (isRefusing) this.#refusing.add(session);
    else this.#refusing.delete(session);
  }

  route(message: Message, publisher: RoutedSession | undefined): Routed {
    if (message.qos === 0 || !this.#mustRefuse(message, publisher)) return this.deliver(message, publisher);
    this.#parts.counters.received.value += 1;
    this.#parts.counters.quotaExceeded.value += 1;
    return REFUSED;
  }

  /** Like `route`, but never refused. */
  deliver(message: Message, publisher: RoutedSession | undefined): Routed {
    const { bus, counters } = this.#parts;
    counters.received.value += 1;
    const matches = bus.matches(message.topic);
    let referents: Referent[] | undefined;
    let matched = 0;
    for (let index = 0; index < matches.length; index += 1) {
      const match = matchFor(matches[index], publisher);
      if (match === undefined) continue;
      matched += 1;
      const terms = this.#show(message, match);
      if (!match.subscriber.outbound.take(message, terms)) continue;
      referents ??= [];
      referents.push({ session: match.subscriber, terms: { ...terms } });
    }
    const isStored = this.#store(message, referents);
    if (matched > 0) return isStored ? ACCEPTED_STORED : ACCEPTED;
    counters.noSubscribers.value += 1;
    return isStored ? NOBODY_STORED : NOBODY;
  }

  /** Brings a retained message to one session: as a new entry of its queue if that is stored (MQTT 5 §3.3.1.3). */
  replay(session: RoutedSession, message: Message, terms: DeliveryTerms): void {
    if (!session.outbound.takeRetained(message, terms)) return;
    this.#append(unretained(message), [{ session, terms }]);
  }

  #show(message: Message, match: Match<RoutedSession>): DeliveryTerms {
    const terms = this.#terms;
    terms.qos = minQoS(message.qos, match.qosMax); // MQTT-3.8.4-8
    terms.isRetain = message.isRetain && match.retainAsPublished; // MQTT-3.3.1-12, -13
    terms.identifiers = match.identifiers;
    return terms;
  }

  #store(message: Message, referents: readonly Referent[] | undefined): boolean {
    const isRetained = message.isRetain && this.#retain(message);
    if (referents === undefined && !isRetained) return false;
    this.#append(message.isRetain && !isRetained ? unretained(message) : message, referents ?? []);
    return true;
  }

  #append(message: Message, referents: readonly Referent[]): void {
    const { store } = this.#parts;
    let isReferred = false;
    for (const { session, terms } of referents) {
      if (session.stored === undefined) continue;
      store.refer(session.stored, terms);
      isReferred = true;
    }
    const sequence = store.append(message);
    if (!isReferred) return;
    for (const { session, terms } of referents) session.outbound.appended(message, sequence, terms);
  }

  /** @returns whether the retained set changes, and with it the store. */
  #retain(message: Message): boolean {
    const { retained, counters, store } = this.#parts;
    if (message.qos === 0 && store.isCongested) {
      counters.retainedRefused.value += 1;
      return false;
    }
    if (message.payload.length === 0) return retained.delete(message.topic.name); // MQTT-3.3.1-6, -7
    if (!this.#hasRoom(message) && !(this.#endExpired() && this.#hasRoom(message))) {
      counters.retainedRefused.value += 1;
      return false;
    }
    retained.set(message.keep()); // MQTT-3.3.1-5
    return true;
  }

  #hasRoom(message: Message): boolean {
    const { retained, retainedLimits } = this.#parts;
    const replaced = retained.get(message.topic.name);
    const count = retained.count + (replaced === undefined ? 1 : 0);
    const bytes = retained.bytes + messageSize(message) - (replaced === undefined ? 0 : messageSize(replaced));
    return count <= retainedLimits.messagesMax && bytes <= retainedLimits.bytesMax;
  }

  /** Lets go of retained messages whose time is over (MQTT-3.3.2-5). @returns whether there were any. */
  #endExpired(): boolean {
    const { retained, store, clock } = this.#parts;
    const expired = retained.takeExpired(clock.gatewayMs());
    for (const message of expired) store.append(cleared(message));
    return expired.length > 0;
  }

  #mustRefuse({ topic }: Message, publisher: RoutedSession | undefined): boolean {
    if (this.#parts.store.isCongested) return true;
    if (this.#refusing.size === 0) return false;
    return this.#parts.bus.matches(topic).some((found) => {
      const subscriber = matchFor(found, publisher)?.subscriber;
      return subscriber !== undefined && this.#refusing.has(subscriber) && subscriber.outbound.isRefusing;
    });
  }
}

/** What a subscriber gets of a message, which it may have published itself (MQTT-3.8.3-3). */
function matchFor(found: Match<RoutedSession> | undefined, publisher: RoutedSession | undefined): Match<RoutedSession> | undefined {
  return found?.subscriber === publisher ? found?.own : found;
}

/** The message as one queue gets it: appending it must not retain it again. */
function unretained(message: Message): Message {
  const { topic, payload, qos, properties } = message;
  return new Message({ topic, payload, qos, properties, isRetain: false }, message.origin, message);
}

/** What removes the retained message of that topic from the store. */
function cleared({ topic, origin, publishedAtMs, expiresAtMs }: Message): Message {
  return new Message({ topic, payload: NO_PAYLOAD, qos: 0, isRetain: true }, origin, { publishedAtMs, expiresAtMs });
}
