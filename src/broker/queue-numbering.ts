// Numbers by which whoever gets what a queue holds can prove that it got everything: one of all messages given to the queue, and one of those of each
// publisher, both from 1 in each boot. A number is given when a message is routed, before it is written, whatever becomes of it there: what is lost between
// the two shows as a gap. Which number a boot ended with is told at the next start, so that its end shows as well.
//
// Only what is promised to arrive is numbered: nothing of QoS 0 and nothing of durability `ram`, which any broken link or kill may take without a word.
import { clientId } from '../model/client.ts';
import type { GatewayClock } from '../model/clock.ts';
import { NUMBERED_DEVICES_MAX } from '../model/limits.ts';
import { Message, type Origin, type QueueNumber } from '../model/message.ts';
import type { Counter } from '../model/metrics.ts';
import { BOOT_ENDED_TOPIC, type BootEnded, deviceOf, NUMBERING_GATEWAY, numberIn, SET_ASIDE_TOPIC, type SetAside } from '../model/queue-numbers.ts';
import type { TopicName, TopicTable } from '../model/topic.ts';
import type { SessionStore } from '../session/session-store.ts';
import type { Durability } from './durability.ts';
import { appendFor } from './recipient.ts';
import type { RoutedSession } from './routed-session.ts';

/** What is stored of one queue: of which boot it speaks, the last number given in that, and the boot before it that gave any (0: none). */
interface Account {
  readonly boot: number;
  readonly last: number;
  readonly after: number;
}

export interface QueueNumberingParts {
  readonly store: SessionStore;
  readonly durability: Durability;
  readonly clock: GatewayClock;
  readonly topics: TopicTable;
  /** Messages without a number of their publisher. */
  readonly devicesBeyond: Counter;
}

/** One queue that counts. */
class NumberedQueue {
  readonly after: number;
  /** Given out. */
  #given = 0;
  /** Given out and not written yet: a message that is routed may bring about another one. */
  #underWay = 0;
  #last = 0;
  readonly #ofDevice = new Map<string, number>();

  constructor(after: number) {
    this.after = after;
  }

  /** Whatever has a number up to this one is written, or never will be. */
  get last(): number {
    return this.#last;
  }

  next(): number {
    this.#given += 1;
    this.#underWay += 1;
    return this.#given;
  }

  written(): void {
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#last = this.#given;
  }

  /** 0: there is no room for one more publisher. */
  nextOf({ gateway, clientId: device }: Origin): number {
    const key = `${gateway}\0${device}`;
    const before = this.#ofDevice.get(key);
    if (before === undefined && this.#ofDevice.size >= NUMBERED_DEVICES_MAX) return 0;
    const number = (before ?? 0) + 1;
    this.#ofDevice.set(key, number);
    return number;
  }
}

export class QueueNumbering {
  readonly #parts: QueueNumberingParts;
  /** Of this boot: one that stops counting and begins again goes on where it was. */
  readonly #queues = new Map<string, NumberedQueue>();
  readonly #counting = new Map<RoutedSession, NumberedQueue>();

  constructor(parts: QueueNumberingParts) {
    this.#parts = parts;
  }

  /** Nobody counts. */
  get isIdle(): boolean {
    return this.#counting.size === 0;
  }

  /** A restart left the session: it goes on counting before anything is routed to it, until its client says otherwise. */
  restored(session: RoutedSession): void {
    if (this.#accountOf(session) !== undefined) this.#begin(session);
  }

  /** As its client wants it from now on. */
  treat(session: RoutedSession, { isCounting }: { readonly isCounting: boolean }): void {
    if (!isCounting) this.forget(session);
    else if (!this.#counting.has(session)) this.#begin(session);
  }

  forget(session: RoutedSession): void {
    this.#counting.delete(session);
  }

  /** Undefined: that queue does not count. Each number is reported back by `written`. */
  next(session: RoutedSession, origin: Origin): QueueNumber | undefined {
    const queue = this.#counting.get(session);
    if (queue === undefined) return undefined;
    const number = queue.next();
    const deviceNumber = queue.nextOf(origin);
    if (deviceNumber === 0) this.#parts.devicesBeyond.value += 1;
    const given = { queue: nameOf(session), boot: this.#parts.store.boot.boot, number, deviceNumber };
    return number === 1 ? { ...given, after: queue.after } : given;
  }

  /** The message with these numbers is in its queues now, or will not be. */
  written(numbers: readonly QueueNumber[]): void {
    for (const { queue: name } of numbers) {
      const queue = this.#queues.get(name);
      if (queue === undefined) continue;
      queue.written();
      this.#parts.store.putStateAlong({ gateway: NUMBERING_GATEWAY }, name, () => this.#account(queue));
    }
  }

  /** One of its messages is a dead letter from now on: in the group in which it became one. */
  setAside(session: RoutedSession, message: Message): void {
    const numbered = this.#counting.has(session) ? numberIn(nameOf(session), message) : undefined;
    if (numbered === undefined) return;
    this.#tell(session, SET_ASIDE_TOPIC, { numbered, device: deviceOf(message.origin) } satisfies SetAside);
  }

  /** What is not on disk yet of the last numbers: before the store is closed. */
  save(): void {
    for (const [name, queue] of this.#queues) this.#parts.store.putState({ gateway: NUMBERING_GATEWAY }, name, this.#account(queue));
  }

  #begin(session: RoutedSession): void {
    const { store } = this.#parts;
    const name = nameOf(session);
    const known = this.#queues.get(name);
    if (known !== undefined) {
      this.#counting.set(session, known);
      return;
    }
    store.together(() => {
      const before = this.#accountOf(session);
      const hasNumbers = before !== undefined && before.last > 0;
      if (hasNumbers) this.#tell(session, BOOT_ENDED_TOPIC, before satisfies BootEnded);
      const queue = new NumberedQueue(hasNumbers ? before.boot : (before?.after ?? 0));
      this.#queues.set(name, queue);
      this.#counting.set(session, queue);
      store.putState({ gateway: NUMBERING_GATEWAY }, name, this.#account(queue));
    });
  }

  /** In the queue itself, behind what is there already. */
  #tell(session: RoutedSession, topic: TopicName, said: object): void {
    const { topics, clock } = this.#parts;
    const draft = { topic: topics.intern(topic), payload: Buffer.from(JSON.stringify(said)), qos: 1, isRetain: false } as const;
    const origin = { gateway: NUMBERING_GATEWAY, clientId: clientId(nameOf(session)) };
    const message = new Message(draft, origin, { publishedAtMs: clock.gatewayMs(), expiresAtMs: Number.POSITIVE_INFINITY });
    appendFor(this.#parts, message, [{ recipient: session.outbound, terms: { qos: 1, isRetain: false, identifiers: [] } }], 'strict');
  }

  #account({ last, after }: NumberedQueue): Uint8Array {
    return Buffer.from(JSON.stringify({ boot: this.#parts.store.boot.boot, last, after } satisfies Account));
  }

  #accountOf(session: RoutedSession): Account | undefined {
    const value = this.#parts.store.gatewayState(NUMBERING_GATEWAY).get(nameOf(session));
    return value === undefined ? undefined : (JSON.parse(Buffer.from(value).toString()) as Account);
  }
}

/** Whoever counts is alone in its gateway; client ids are for anybody to choose. */
function nameOf({ origin }: RoutedSession): string {
  return origin.gateway;
}

/** The message with these numbers and no others. */
export function withNumbers(message: Message, numbers: readonly QueueNumber[]): Message {
  const { topic, payload, qos, isRetain, properties, origin, publishedAtMs, expiresAtMs } = message;
  return new Message({ topic, payload, qos, isRetain, properties }, origin, { publishedAtMs, expiresAtMs, numbers });
}
