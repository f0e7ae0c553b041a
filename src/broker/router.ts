// One message in, every matching session out, in the turn it arrived in. Order of the work: what may refuse comes first, then deliveries that
// need no disk, then one append for all stored queues together, then deliveries from those queues.
import type { Share } from '../bus/audience.ts';
import type { Bus } from '../bus/bus.ts';
import type { Match } from '../bus/match.ts';
import type { DurabilityClass } from '../model/durability.ts';
import { type Message, minQoS, type QoS, type QueueNumber } from '../model/message.ts';
import { utf8Length } from '../model/topic-utf8.ts';
import { RETAIN_WORK, RETAINED_WORK, ROUTE_WORK, STORED_WORK, type Work, workOfBytes } from '../model/work.ts';
import { isFull } from '../session/disk-pressure.ts';
import type { Sequence, SessionStore } from '../session/session-store.ts';
import type { BrokerCounters } from './counters.ts';
import type { Declined } from './declined.ts';
import type { DeliveryTerms } from './delivery-view.ts';
import type { Durability } from './durability.ts';
import { type QueueNumbering, withNumbers } from './queue-numbering.ts';
import { appendFor, type Recipient, type Referent, unretained } from './recipient.ts';
import type { RetainedIndex } from './retained-index.ts';
import type { Retaining } from './retaining.ts';
import type { RoutedSession } from './routed-session.ts';
import type { SharedGroups } from './shared-groups.ts';

export interface RouterParts {
  readonly bus: Bus<RoutedSession>;
  readonly store: SessionStore;
  readonly durability: Durability;
  readonly retaining: Retaining;
  /** What the gateway says about itself; in memory only. */
  readonly systemRetained: RetainedIndex;
  readonly counters: BrokerCounters;
  readonly declined: Declined;
  readonly shares: SharedGroups;
  readonly numbering: QueueNumbering;
  readonly work: Work;
}

/** What an acknowledgement waits for: nothing, that everything written so far is on disk, or that one message is safe. */
export type Awaited = 'nothing' | 'disk' | Sequence;

/** `full`: whose bound it is that refuses it. */
export type Routed =
  | { readonly outcome: 'accepted' | 'no-subscribers'; readonly awaits: Awaited }
  | { readonly outcome: 'quota-exceeded'; readonly awaits: 'nothing'; readonly full: string };

/** The store, as something that is full. */
export const DISK = 'the disk is behind';

const ACCEPTED: Routed = { outcome: 'accepted', awaits: 'nothing' };
const NOBODY: Routed = { outcome: 'no-subscribers', awaits: 'nothing' };

export class Router {
  readonly #parts: RouterParts;
  /** Shown to each session in turn; who keeps terms copies them. */
  readonly #terms: { qos: QoS; isRetain: boolean; identifiers: readonly number[] } = { qos: 0, isRetain: false, identifiers: [] };
  /** Sessions whose queues refuse when full (bridges): only these must be asked before a message is accepted. */
  readonly #refusing = new Set<RoutedSession>();
  /** How many subscriptions the last message matched; one with No Local is a subscription, though its own session gets nothing by it. */
  #matched = 0;

  constructor(parts: RouterParts) {
    this.#parts = parts;
  }

  watchRefusing(session: RoutedSession, isRefusing: boolean): void {
    if (isRefusing) this.#refusing.add(session);
    else this.#refusing.delete(session);
  }

  /** What is refused is counted by who asked: it may ask again. */
  route(message: Message, publisher: RoutedSession | undefined): Routed {
    const full = this.whatIsFull(message, publisher);
    return full === undefined ? this.deliver(message, publisher) : { outcome: 'quota-exceeded', awaits: 'nothing', full };
  }

  /** The queue that refuses and has no room for it, or the store. Of QoS 0 nobody was promised anything. */
  whatIsFull(message: Message, publisher: RoutedSession | undefined): string | undefined {
    if (message.qos === 0) return undefined;
    const { store, bus, durability } = this.#parts;
    const isFree = message.qos === 1 && durability.classOf(message.topic) === 'ram'; // an id of QoS 2 needs the disk
    if (!isFree && (store.isCongested || (isFull(store) && this.#wouldBeStored(message, publisher)))) return DISK;
    if (this.#refusing.size === 0) return undefined;
    for (const found of bus.matches(message.topic)) {
      const subscriber = matchFor(found, publisher)?.subscriber;
      if (subscriber !== undefined && this.#refusing.has(subscriber) && subscriber.outbound.queue.refuses(message.topic)) return subscriber.clientId;
    }
    return undefined;
  }

  #wouldBeStored({ topic, isRetain, payload }: Message, publisher: RoutedSession | undefined): boolean {
    if (isRetain && payload.length > 0) return true; // an empty one makes room (MQTT-3.3.1-6)
    const { matches, shares } = this.#parts.bus.routing(topic);
    if (matches.some((found) => matchFor(found, publisher)?.subscriber.stored !== undefined)) return true;
    return shares.some((share) => this.#parts.shares.groupOf(share)?.keepsMessages === true);
  }

  /** Like `route`, but never refused. */
  deliver(published: Message, publisher: RoutedSession | undefined): Routed {
    const { counters, declined, numbering } = this.#parts;
    counters.received.value += 1;
    const numbers = this.#numbersFor(published, publisher);
    const declinedBefore = declined.count;
    const message = numbers === undefined ? published : withNumbers(published, numbers);
    const referents = this.#fanOut(message, publisher);
    const isDeclined = declined.count !== declinedBefore;
    const isMatched = this.#matched > 0; // what is stored next may bring other messages about
    const written = this.#store(message, referents);
    const awaits = isDeclined ? this.#awaitedWith(message, written) : written;
    if (numbers !== undefined) numbering.written(numbers);
    if (!isMatched) counters.noSubscribers.value += 1;
    if (awaits === 'nothing') return isMatched ? ACCEPTED : NOBODY;
    return { outcome: isMatched ? 'accepted' : 'no-subscribers', awaits };
  }

  /** Some queue did not take it and keeps account of that: it is acknowledged no earlier than that is on disk. */
  #awaitedWith({ qos, topic }: Message, written: Awaited): Awaited {
    const treated = this.#parts.durability.classOf(topic);
    return qos === 0 || treated === 'lazy' || treated === 'ram' ? written : 'disk';
  }

  /** What the gateway says about itself: retained in memory only, and not counted among what clients publish. */
  announce(message: Message): void {
    if (message.isRetain) this.#parts.systemRetained.set(message);
    const referents = this.#fanOut(message, undefined);
    if (referents !== undefined) appendFor(this.#parts, unretained(message), referents);
  }

  /** Brings a retained message to one session: as a new entry of its queue if that is stored (MQTT 5 §3.3.1.3). */
  replay(session: RoutedSession, retained: Message, terms: DeliveryTerms): void {
    const { numbering } = this.#parts;
    const number = terms.qos === 0 || !this.#isNumbered(retained) ? undefined : numbering.next(session, retained.origin);
    const message = number === undefined ? retained : withNumbers(retained, [number]); // it may have one, as it was published
    if (session.outbound.takeRetained(message, terms)) {
      this.#countStored(message);
      appendFor(this.#parts, unretained(message), [{ recipient: session.outbound, terms }]);
    }
    if (number !== undefined) numbering.written([number]);
  }

  /** Of the queues it will be given to, whatever they do with it. */
  #numbersFor(message: Message, publisher: RoutedSession | undefined): readonly QueueNumber[] | undefined {
    if (!this.#isNumbered(message)) return undefined;
    const { bus, numbering } = this.#parts;
    let numbers: QueueNumber[] | undefined;
    for (const found of bus.matches(message.topic)) {
      const match = matchFor(found, publisher);
      const number = match === undefined || match.qosMax === 0 ? undefined : numbering.next(match.subscriber, message.origin);
      if (number !== undefined) numbers = [...(numbers ?? []), number];
    }
    return numbers;
  }

  #isNumbered({ qos, topic }: Message): boolean {
    const { numbering, durability } = this.#parts;
    return qos > 0 && !numbering.isIdle && durability.classOf(topic) !== 'ram';
  }

  /** Delivers to everybody who needs no disk, and counts in `#matched` who gets it. @returns whose stored queues are to get it. */
  #fanOut(message: Message, publisher: RoutedSession | undefined): Referent[] | undefined {
    const { bus, work } = this.#parts;
    const resolvedBefore = bus.resolutionCount;
    const { matches, shares } = bus.routing(message.topic);
    if (bus.resolutionCount !== resolvedBefore) work.done += ROUTE_WORK;
    let referents: Referent[] | undefined;
    for (let index = 0; index < matches.length; index += 1) {
      const match = matchFor(matches[index], publisher);
      if (match === undefined) continue;
      const terms = this.#show(message, match);
      if (!match.subscriber.outbound.take(message, terms)) continue;
      referents ??= [];
      referents.push({ recipient: match.subscriber.outbound, terms: { ...terms } });
    }
    if (shares.length > 0) referents = this.#share(message, shares, referents);
    this.#matched = matches.length + shares.length; // set last: a delivery may bring about other messages
    return referents;
  }

  /** One member of each group gets it too; No Local does not hold there (MQTT-3.8.3-4). */
  #share(message: Message, shares: readonly Share<RoutedSession>[], plain: Referent[] | undefined): Referent[] | undefined {
    let referents = plain;
    const isReferred = (recipient: Recipient): boolean => referents?.some((each) => each.recipient === recipient) === true;
    for (const share of shares) {
      const referent = this.#parts.shares.groupOf(share)?.take(message, isReferred);
      if (referent !== undefined) referents = [...(referents ?? []), referent];
    }
    return referents;
  }

  #show(message: Message, match: Match<RoutedSession>): DeliveryTerms {
    const terms = this.#terms;
    terms.qos = minQoS(message.qos, match.qosMax); // MQTT-3.8.4-8
    terms.isRetain = message.isRetain && match.retainAsPublished; // MQTT-3.3.1-12, -13
    terms.identifiers = match.identifiers;
    return terms;
  }

  #store(message: Message, referents: readonly Referent[] | undefined): Awaited {
    if (referents === undefined && !message.isRetain) return 'nothing';
    const { durability } = this.#parts;
    const treated = durability.classOf(message.topic);
    durability.count(message.topic, treated);
    const awaits = message.isRetain ? this.#storeRetained(message, referents, treated) : this.#storeQueued(message, referents ?? [], treated);
    return treated === 'lazy' || treated === 'ram' ? 'nothing' : awaits;
  }

  #storeQueued(message: Message, referents: readonly Referent[], treated: DurabilityClass): Awaited {
    this.#countStored(message);
    const sequence = appendFor(this.#parts, message, referents, treated);
    return message.qos === 1 ? sequence : 'disk';
  }

  #storeRetained(message: Message, referents: readonly Referent[] | undefined, treated: DurabilityClass): Awaited {
    const retained = this.#retain(message, treated);
    if (retained === undefined) return referents === undefined ? 'nothing' : this.#storeQueued(unretained(message), referents, treated);
    const isOne = retained === message && treated !== 'ram';
    this.#countStored(retained);
    appendFor(this.#parts, retained, isOne ? (referents ?? []) : [], treated === 'ram' ? 'lazy' : treated); // of `ram` only what it leaves behind on disk
    if (!isOne && referents !== undefined) this.#storeQueued(unretained(message), referents, treated);
    return 'disk';
  }

  /** @returns what the store must keep of it. */
  #retain(message: Message, treated: DurabilityClass): Message | undefined {
    const { retaining, work } = this.#parts;
    const retained = retaining.take(message, treated);
    work.done += retained === undefined ? RETAIN_WORK : RETAIN_WORK + RETAINED_WORK;
    return retained;
  }

  #countStored({ topic, payload }: Message): void {
    this.#parts.work.done += STORED_WORK + workOfBytes(utf8Length(topic) + payload.length);
  }
}

/** What a subscriber gets of a message, which it may have published itself (MQTT-3.8.3-3). */
function matchFor(found: Match<RoutedSession> | undefined, publisher: RoutedSession | undefined): Match<RoutedSession> | undefined {
  return found?.subscriber === publisher ? found?.own : found;
}
