// Messages of a stored queue on their way to another gateway, by whatever carries them: taken out in pieces, let go of once they are safe elsewhere, and put in
// here, each once.
import type { CarriedMessage, Era } from '../model/carried-message.ts';
import type { GatewayClock } from '../model/clock.ts';
import { CARRIED_BODY_BYTES_MAX, QUEUE_CARRIED_BYTES_PER_REQUEST } from '../model/limits.ts';
import { Message } from '../model/message.ts';
import { DEAD_LETTER_REALM, type QueueName, type Selection } from '../model/queue-selection.ts';
import { type TopicTable, topicName } from '../model/topic.ts';
import { isFull } from '../session/disk-pressure.ts';
import { messageSize } from '../session/message-size.ts';
import type { DurableWaiter, Sequence, SessionStore, StoredDelivery, StoredSession } from '../session/session-store.ts';
import type { BrokerSession } from './client-session.ts';
import type { BrokerCounters } from './counters.ts';
import type { DeadLetters } from './dead-letters.ts';
import { DELAYED_REALM } from './delayed.ts';
import type { Durability } from './durability.ts';
import type { ExportEras } from './export-eras.ts';
import { type ImportedPlace, ImportedSequences } from './imported-sequences.ts';
import { findQueue, notFound, walkQueue } from './queue-walk.ts';
import { appendFor, unretained } from './recipient.ts';
import type { RetainedIndex } from './retained-index.ts';
import { DISK, type Router } from './router.ts';
import type { Withheld } from './withheld.ts';

export interface Exported {
  readonly messages: readonly CarriedMessage[];
  /** Behind which the rest lies; undefined: there is none. */
  readonly next: Sequence | undefined;
  /** The last that was there at the first request: what comes later is for another export. */
  readonly upTo: Sequence;
  /** Left out, as they are under way to the client and cannot be let go of. */
  readonly inFlight: number;
  /** Left out, as no frame takes them. */
  readonly tooLarge: number;
  /** In the queue, now. */
  readonly queued: number;
}

export interface Imported {
  readonly imported: number;
  /** Were imported before. */
  readonly known: number;
  readonly expired: number;
  /** Published, and nobody had subscribed. */
  readonly unmatched: number;
  /** What had no room for the message behind these; undefined: all were taken. */
  readonly full: string | undefined;
}

/** Undefined: they are published to their topics. */
export type ImportTarget = QueueName | undefined;

export interface QueueCarriageParts {
  readonly store: SessionStore;
  readonly clock: GatewayClock;
  readonly topics: TopicTable;
  readonly counters: BrokerCounters;
  readonly deadLetters: DeadLetters;
  readonly durability: Durability;
  readonly exportEras: ExportEras;
  readonly retained: RetainedIndex;
  readonly router: Router;
  readonly withheld: Withheld;
  sessionOf(stored: StoredSession): BrokerSession | undefined;
}

const PUBLISHED = { gateway: 'queue-import' };
/** Above what a message counts: fixed fields and lengths, and the lengths of a user property. */
const FIXED_BYTES = 128;
const USER_PROPERTY_BYTES = 9;

export class QueueCarriage {
  readonly #parts: QueueCarriageParts;

  constructor(parts: QueueCarriageParts) {
    this.#parts = parts;
  }

  /**
   * Resolves once what it tells of is on disk: a sequence number that a crash gives again must not have left.
   *
   * @throws GatewayError NOT_FOUND - no such queue, or several; or nothing can be let go of there, and that is wanted.
   */
  async export(name: QueueName, selection: Selection, { isToRemove }: { readonly isToRemove: boolean }): Promise<Exported> {
    const { store, exportEras, counters } = this.#parts;
    const queue = this.#queueToExport(name, isToRemove);
    const last = queue.queue.last ?? 0;
    const upTo = Math.min(selection.upTo ?? last, last);
    exportEras.nameUpTo(upTo);
    const isKept = isToRemove ? this.#isUnderWay(queue) : () => false;
    const messages: CarriedMessage[] = [];
    let [bytes, inFlight, tooLarge] = [0, 0, 0];
    const next = walkQueue(this.#parts, queue, { ...selection, upTo }, (sequence, delivery) => {
      if (delivery.message.expiresAtMs <= this.#parts.clock.gatewayMs()) return true;
      const size = carriedBytes(delivery.message);
      if (isKept(sequence)) inFlight += 1;
      else if (size > CARRIED_BODY_BYTES_MAX) tooLarge += 1;
      else {
        messages.push(this.#carried(sequence, delivery));
        bytes += size;
      }
      return bytes < QUEUE_CARRIED_BYTES_PER_REQUEST;
    });
    await untilDurable(store);
    counters.exported.value += messages.length;
    return { messages, next, upTo, inFlight, tooLarge, queued: queue.queue.count };
  }

  /**
   * Lets go of messages that are safe elsewhere, of those that still wait.
   *
   * @throws GatewayError NOT_FOUND - as `export`.
   */
  removeExported(name: QueueName, era: Era, sequences: readonly Sequence[]): { readonly removed: number } {
    const { deadLetters, exportEras, withheld } = this.#parts;
    const queue = this.#queueToExport(name, true);
    const isKept = this.#isUnderWay(queue);
    let removed = 0;
    for (const sequence of sequences) {
      if (!queue.queue.has(sequence) || exportEras.eraOf(sequence) !== era || isKept(sequence)) continue;
      if (queue.realm === DEAD_LETTER_REALM) deadLetters.remove(queue, sequence, 'moved');
      else this.#parts.sessionOf(queue)?.outbound.queue.end(sequence, 'moved');
      removed += 1;
    }
    withheld.roomMayBe();
    return { removed };
  }

  /**
   * Takes the messages up to the first there is no room for, each that was not taken before; resolves once they are on disk. Nothing is dropped for
   * them: a queue at its bound takes no more, whatever its policy.
   *
   * @throws GatewayError NOT_FOUND - no such queue, or several, or none that messages can be put into.
   */
  async import(target: ImportTarget, messages: readonly CarriedMessage[]): Promise<Imported> {
    const { store, counters } = this.#parts;
    const { place, put } = target === undefined ? this.#topics() : this.#queueToFill(target);
    const known = new ImportedSequences(store, place, counters.importsForgotten);
    const totals = { imported: 0, known: 0, expired: 0, unmatched: 0 };
    const full = store.together(() => {
      for (const carried of messages) {
        const outcome = known.has(carried.era, carried.sequence) ? 'known' : this.#importOne(carried, put);
        if (typeof outcome === 'object') {
          known.save();
          return outcome.full;
        }
        totals[outcome] += 1;
        known.add(carried.era, carried.sequence);
      }
      known.save();
      return undefined;
    });
    counters.imported.value += totals.imported;
    counters.importedAgain.value += totals.known;
    await untilDurable(store);
    return { ...totals, full };
  }

  #importOne(carried: CarriedMessage, put: Put): 'imported' | 'expired' | 'unmatched' | { readonly full: string } {
    const { clock, topics } = this.#parts;
    const nowMs = clock.gatewayMs();
    const isTransitKnown = carried.isSynchronized && clock.isSynchronized();
    const transitMs = isTransitKnown ? Math.max(0, clock.nowMs() - carried.exportedAtMs) : 0;
    if (carried.leftMs <= transitMs) return 'expired'; // MQTT-3.3.2-5
    const stamps = { publishedAtMs: nowMs - carried.ageMs - transitMs, expiresAtMs: nowMs + carried.leftMs - transitMs };
    const { payload, publishedQoS, wasRetained, properties, origin } = carried;
    const draft = { topic: topics.intern(topicName(carried.topic)), payload, qos: publishedQoS, isRetain: wasRetained, properties };
    return put(new Message(draft, origin, stamps), carried);
  }

  #topics(): Filling {
    const { store, router, retained } = this.#parts;
    const put: Put = (message) => {
      const newer = message.isRetain && (retained.get(message.topic.name)?.publishedAtMs ?? Number.NEGATIVE_INFINITY) > message.publishedAtMs;
      const routed = router.route(newer ? unretained(message) : message, undefined);
      if (routed.outcome === 'quota-exceeded') return { full: routed.full };
      return routed.outcome === 'no-subscribers' && !message.isRetain ? 'unmatched' : 'imported';
    };
    return { place: { owner: PUBLISHED, state: () => store.gatewayState(PUBLISHED.gateway) }, put };
  }

  #queueToFill(target: QueueName): Filling {
    const { store, durability } = this.#parts;
    const stored = findQueue(store, target);
    const session = this.#parts.sessionOf(stored);
    const recipient = session?.outbound;
    const isOfBridge = stored.realm === String(stored.clientId); // a bridge is alone in its realm, which has its name
    const isRetired = isOfBridge && session?.isAttached === false && stored.subscriptions.size === 0;
    if (recipient?.stored === undefined || isRetired) throw notFound(`nothing can be put into the queue of ${target.clientId}: nobody would deliver it`);
    const put: Put = (message, { qos, isRetain }) => {
      if (store.isCongested || isFull(store)) return { full: DISK };
      if (recipient.queue.isAtBound) return { full: `the queue of ${target.clientId} is full` };
      appendFor({ store, durability }, unretained(message), [{ recipient, terms: { qos, isRetain, identifiers: [] } }], 'strict');
      return 'imported';
    };
    return { place: { owner: stored, state: () => stored.state }, put };
  }

  #queueToExport(name: QueueName, isToRemove: boolean): StoredSession {
    const queue = findQueue(this.#parts.store, name);
    const isRemovable = queue.realm === DEAD_LETTER_REALM || this.#parts.sessionOf(queue) !== undefined;
    if (queue.realm === DELAYED_REALM || (isToRemove && !isRemovable))
      throw notFound(`the queue of ${name.clientId} belongs to the gateway: nothing leaves it`);
    return queue;
  }

  #isUnderWay(queue: StoredSession): (sequence: Sequence) => boolean {
    const session = this.#parts.sessionOf(queue);
    return (sequence) => session !== undefined && !session.outbound.queue.isWaiting(sequence);
  }

  #carried(sequence: Sequence, { message, qos, isRetain }: StoredDelivery): CarriedMessage {
    const { clock, exportEras } = this.#parts;
    const nowMs = clock.gatewayMs();
    const { topic, payload, properties, origin } = message;
    return {
      era: exportEras.eraOf(sequence) ?? '',
      sequence,
      exportedAtMs: clock.nowMs(),
      isSynchronized: clock.isSynchronized(),
      ageMs: Math.max(0, nowMs - message.publishedAtMs),
      leftMs: message.expiresAtMs - nowMs,
      topic: topic.name,
      payload,
      publishedQoS: message.qos,
      wasRetained: message.isRetain,
      qos,
      isRetain,
      properties,
      origin,
    };
  }
}

/** Writes one message. `full`: what had no room for it. */
type Put = (message: Message, carried: CarriedMessage) => 'imported' | 'unmatched' | { readonly full: string };

interface Filling {
  readonly place: ImportedPlace;
  readonly put: Put;
}

/** At least what it takes in a file. */
function carriedBytes(message: Message): number {
  const { gateway, clientId } = message.origin;
  const userProperties = message.properties?.userProperties?.length ?? 0;
  return messageSize(message) + Buffer.byteLength(gateway) + Buffer.byteLength(clientId) + FIXED_BYTES + USER_PROPERTY_BYTES * userProperties;
}

function untilDurable(store: Pick<SessionStore, 'whenDurable'>): Promise<void> {
  return new Promise((resolve) => {
    const waiter: DurableWaiter = { durable: () => resolve() };
    store.whenDurable(waiter, 0);
  });
}
