// Retained messages on their way to a new subscriber, in slices, so that a subscription to everything stalls nobody and needs no memory of its
// own: what goes straight to the link waits in the index until the link takes it. What goes into a stored queue is written before SUBACK, for
// from then on it is promised.
import type { Subscription } from '../bus/subscription.ts';
import type { GatewayClock } from '../model/clock.ts';
import { type Message, minQoS, type Origin, type QoS } from '../model/message.ts';
import type { TopicFilter } from '../model/topic.ts';
import type { Turns } from '../model/turns.ts';
import { REPLAY_STEP_WORK, REPLAYED_WORK } from '../model/work.ts';
import { isFull } from '../session/disk-pressure.ts';
import type { SessionStore } from '../session/session-store.ts';
import type { RetainedIndex } from './retained-index.ts';
import type { RoutedSession } from './routed-session.ts';
import type { Router } from './router.ts';

export interface ReplayParts {
  readonly clock: GatewayClock;
  readonly store: Pick<SessionStore, 'isCongested' | 'room'>;
  readonly router: Router;
  readonly retained: RetainedIndex;
  readonly systemRetained: RetainedIndex;
  readonly turns: Turns;
}

/** One walk over what a subscription selects. */
interface Walk {
  /** The subscription's key. */
  readonly key: TopicFilter;
  readonly messages: Iterator<Message | undefined>;
  readonly qosMax: QoS;
  readonly identifiers: readonly number[];
  readonly noLocal: boolean;
  /** `queue`: what is written to the stored queue; `link`: what is not. */
  readonly into: 'queue' | 'link';
  /** Found, and not taken yet. */
  next: Message | undefined;
}

/** Until the store has committed enough to take more. */
const CONGESTED_MS = 10;

export class RetainedReplay {
  readonly #parts: ReplayParts;
  readonly #session: RoutedSession;
  /** By the subscription's key, in the order they began. A client may begin thousands at once. */
  readonly #walks: Readonly<Record<Walk['into'], Map<TopicFilter, Walk>>> = { queue: new Map(), link: new Map() };
  #written: (() => void)[] = [];
  #isWalking = false;
  #isScheduled = false;

  constructor(parts: ReplayParts, session: RoutedSession) {
    this.#parts = parts;
    this.#session = session;
  }

  /** True while something must still be written before the subscriber is answered. */
  get isWriting(): boolean {
    return this.#walks.queue.size > 0;
  }

  /** Runs once everything that must be written is. */
  whenWritten(run: () => void): void {
    if (this.isWriting) this.#written.push(run);
    else run();
  }

  begin(selects: TopicFilter, { filter: key, qosMax, identifier, noLocal }: Subscription): void {
    this.cancel(key);
    if (!this.#mayBring(selects)) {
      this.#parts.turns.work.done += REPLAY_STEP_WORK; // a look is a step
      return;
    }
    const identifiers = identifier === undefined ? [] : [identifier];
    const { stored, outbound } = this.#session;
    const add = (into: Walk['into']): void => {
      this.#walks[into].set(key, { key, messages: this.#selected(selects), qosMax, identifiers, noLocal, into, next: undefined });
    };
    if (stored !== undefined && (qosMax > 0 || outbound.keepsQos0)) add('queue');
    if (!outbound.keepsQos0) add('link');
    this.continue();
  }

  /** The subscription is gone, or replaced: who waits for what it brought waits no longer. */
  cancel(key: TopicFilter): void {
    this.#walks.queue.delete(key);
    this.#walks.link.delete(key);
    if (!this.isWriting) this.#runWritten();
  }

  /** The link is gone; the next one asks again. @returns keys of subscriptions that were not answered yet. */
  clear(): readonly TopicFilter[] {
    const unanswered = [...this.#walks.queue.keys()];
    this.#walks.queue.clear();
    this.#walks.link.clear();
    this.#written = [];
    return unanswered;
  }

  /** Goes on as far as the link and this turn allow. Acknowledgements call it too: while the next slice has its time, they begin none. */
  continue(): void {
    if (this.#isWalking || this.#isScheduled || this.#walks.queue.size + this.#walks.link.size === 0) return;
    this.#isWalking = true;
    try {
      this.#walk();
    } finally {
      this.#isWalking = false;
    }
  }

  #walk(): void {
    const { store, turns } = this.#parts;
    const startedAt = turns.work.done;
    for (;;) {
      const walk = this.#current();
      if (walk === undefined) return;
      if (walk.into === 'queue' && (store.isCongested || isFull(store))) {
        this.#putOff((run) => this.#parts.clock.after(CONGESTED_MS, run));
        return;
      }
      if (!this.#take(walk)) return;
      if (turns.work.done - startedAt >= turns.workMax) {
        this.#putOff((run) => turns.later(run));
        return;
      }
    }
  }

  /** What is written comes first; undefined: nothing is left. */
  #current(): Walk | undefined {
    const { queue, link } = this.#walks;
    if (queue.size === 0) this.#runWritten();
    const [walk] = (queue.size > 0 ? queue : link).values();
    return walk;
  }

  #runWritten(): void {
    if (this.#written.length === 0) return;
    const written = this.#written;
    this.#written = [];
    for (const run of written) run();
  }

  /** One step of a walk. @returns false when the link has no room: it says when it has. */
  #take(walk: Walk): boolean {
    const { router } = this.#parts;
    const message = walk.next ?? this.#following(walk);
    if (message === undefined) return true;
    const qos = minQoS(message.qos, walk.qosMax);
    if (walk.into === 'link' && !this.#session.outbound.canTakeNow(qos)) {
      walk.next = message;
      return false;
    }
    walk.next = undefined;
    this.#parts.turns.work.done += REPLAYED_WORK;
    router.replay(this.#session, message, { qos, isRetain: true, identifiers: walk.identifiers });
    return true;
  }

  /** What the next step brings, if it belongs into this walk and is still valid (MQTT-3.3.2-5). A walk that is over goes. */
  #following(walk: Walk): Message | undefined {
    const { stored, outbound } = this.#session;
    const { done, value: message } = walk.messages.next();
    this.#parts.turns.work.done += REPLAY_STEP_WORK;
    if (done === true) this.#walks[walk.into].delete(walk.key);
    if (done === true || message === undefined) return undefined;
    if (walk.noLocal && isFrom(message.origin, this.#session.origin)) return undefined; // MQTT-3.8.3-3
    const isWritten = stored !== undefined && (minQoS(message.qos, walk.qosMax) > 0 || outbound.keepsQos0);
    const isWanted = isWritten === (walk.into === 'queue') && message.expiresAtMs > this.#parts.clock.gatewayMs();
    return isWanted ? message : undefined;
  }

  #mayBring(selects: TopicFilter): boolean {
    const { retained, systemRetained } = this.#parts;
    return retained.maySelect(selects) || (selects.startsWith('$SYS') && systemRetained.maySelect(selects));
  }

  /** As of now, however late the walk begins. */
  #selected(selects: TopicFilter): Iterator<Message | undefined> {
    const { retained, systemRetained } = this.#parts;
    return selects.startsWith('$SYS') ? chained(retained.matching(selects), systemRetained.matching(selects)) : retained.matching(selects);
  }

  #putOff(schedule: (run: () => void) => void): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    schedule(() => {
      this.#isScheduled = false;
      this.continue();
    });
  }
}

/** Origins that come from the store are objects of their own. */
function isFrom(origin: Origin, { gateway, clientId }: Origin): boolean {
  return origin.clientId === clientId && origin.gateway === gateway;
}

function* chained(first: Generator<Message | undefined>, second: Generator<Message | undefined>): Generator<Message | undefined> {
  yield* first;
  yield* second;
}
