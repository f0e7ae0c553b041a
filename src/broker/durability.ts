// What is promised of a message, by its topic: when its publisher is answered, and how long its commit may be put off. Protocols do not know of it.
// See docs/decisions/0036-durability-classes.md.
import { DURABILITY_CLASSES, type DurabilityClass } from '../model/durability.ts';
import { DURABILITY_TOPICS_REMEMBERED } from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import type { Message } from '../model/message.ts';
import type { Counter, Metrics } from '../model/metrics.ts';
import { type Topic, type TopicFilter, type TopicName, topicMatches } from '../model/topic.ts';
import type { SessionStore } from '../session/session-store.ts';

/** Topics of one class; the first rule one of whose filters selects a topic holds. */
export interface DurabilityRule {
  readonly topics: readonly TopicFilter[];
  readonly class: DurabilityClass;
}

export interface DurabilitySettings {
  /** Of what no rule names. */
  readonly defaultClass: DurabilityClass;
  readonly classes: readonly DurabilityRule[];
  /** Longest wait of a `grouped` commit for acknowledgements that would make it needless. */
  readonly windowMs: number;
  /** Longest wait of a `lazy` commit for others. */
  readonly lazyMs: number;
  /** Of all messages of the class `ram` that wait in queues; beyond it they are `lazy`. */
  readonly ramBytesMax: number;
}

export interface DurabilityParts {
  readonly store: SessionStore;
  readonly metrics: Metrics;
  readonly settings: DurabilitySettings;
}

/** Whose acknowledgement a message waits for. */
export interface Acknowledging {
  /** How long it takes until what is written now is acknowledged, in milliseconds; `Infinity`: it cannot be sent now, or nobody knows. */
  expectedAckMs(message: Message): number;
}

/** For `postern status`. */
export interface DurabilityStatus {
  readonly defaultClass: DurabilityClass;
  readonly windowMs: number;
  readonly isLazyAllowed: boolean;
  readonly classes: readonly { readonly class: DurabilityClass; readonly topics: string }[];
  /** What a power cut may cost beyond what was never acknowledged, by class. */
  readonly mayBeLost: Readonly<Record<string, string>>;
}

/** The timers of the store are no finer. */
const PATIENCE_MS_MIN = 1;

export class Durability {
  /** False: `lazy` is acknowledged after its commit, as `grouped` is. For whoever sees that the disk may soon refuse. */
  isLazyAllowed = true;
  /** Commits are put off so many times as long. For whoever sees the disk wear out. */
  windowFactor = 1;
  readonly #parts: DurabilityParts;
  readonly #counters: Readonly<Record<DurabilityClass, Counter>>;
  readonly #overflowed: Counter;
  readonly #known = new Map<TopicName, DurabilityClass>();

  constructor(parts: DurabilityParts) {
    this.#parts = parts;
    const counters = DURABILITY_CLASSES.map((name) => [name, parts.metrics.counter(`messages.durability.${name}`)]);
    this.#counters = Object.fromEntries(counters) as Record<DurabilityClass, Counter>;
    this.#overflowed = parts.metrics.counter('messages.durability.ram-overflowed');
  }

  /** As it is to be treated now: there must be room for `ram`, and `lazy` must be allowed. */
  classOf(topic: Topic): DurabilityClass {
    const configured = this.#configured(topic);
    if (configured === 'ram') return this.#isRamFull ? this.#lazyOrGrouped : 'ram';
    return configured === 'lazy' ? this.#lazyOrGrouped : configured;
  }

  /** For the figures: once per message that is stored or retained. */
  count(topic: Topic, treated: DurabilityClass): void {
    this.#counters[treated].value += 1;
    if (treated !== 'ram' && this.#configured(topic) === 'ram') this.#overflowed.value += 1;
  }

  /** How long the commit of a message may be put off; `Infinity`: it is never written. */
  withinMs(treated: DurabilityClass, message: Message, recipients: readonly { readonly recipient: Acknowledging }[]): number {
    if (treated === 'strict') return 0;
    if (treated === 'ram') return Number.POSITIVE_INFINITY;
    return treated === 'lazy' ? this.lazyMs : this.#patienceMs(message, recipients);
  }

  get lazyMs(): number {
    return this.#parts.settings.lazyMs * this.windowFactor;
  }

  get status(): DurabilityStatus {
    const { defaultClass, classes } = this.#parts.settings;
    return {
      defaultClass,
      windowMs: this.#windowMs,
      isLazyAllowed: this.isLazyAllowed,
      classes: classes.map(({ topics, class: name }) => ({ class: name, topics: topics.join(' ') })),
      mayBeLost: this.#mayBeLost(),
    };
  }

  /** What is promised less than elsewhere is said at each start. */
  tell(log: Log): void {
    const { defaultClass, classes } = this.#parts.settings;
    const mayBeLost = this.#mayBeLost();
    for (const name of ['lazy', 'ram'] as const) {
      const topics = classes.filter((rule) => rule.class === name).flatMap((rule) => rule.topics);
      if (defaultClass === name) topics.push('all others' as TopicFilter);
      if (topics.length > 0) log.warn('acknowledged before it is on disk', { class: name, topics: topics.join(' '), mayBeLost: mayBeLost[name] });
    }
  }

  get #windowMs(): number {
    return this.#parts.settings.windowMs * this.windowFactor;
  }

  get #lazyOrGrouped(): DurabilityClass {
    return this.isLazyAllowed ? 'lazy' : 'grouped';
  }

  get #isRamFull(): boolean {
    return this.#parts.store.volatileBytes >= this.#parts.settings.ramBytesMax;
  }

  /** Twice what the slowest of its queues takes; whoever will not be done within the window is not waited for. */
  #patienceMs(message: Message, recipients: readonly { readonly recipient: Acknowledging }[]): number {
    if (message.qos !== 1 || message.isRetain) return 0; // it is written whatever they do
    let slowestMs = 0;
    for (const { recipient } of recipients) slowestMs = Math.max(slowestMs, recipient.expectedAckMs(message));
    const windowMs = this.#windowMs;
    return slowestMs >= windowMs ? 0 : Math.min(windowMs, Math.max(PATIENCE_MS_MIN, 2 * slowestMs));
  }

  #configured(topic: Topic): DurabilityClass {
    const { defaultClass, classes } = this.#parts.settings;
    if (classes.length === 0) return defaultClass;
    let found = this.#known.get(topic.name);
    if (found !== undefined) return found;
    found = classes.find(({ topics }) => topics.some((filter) => topicMatches(filter, topic.name)))?.class ?? defaultClass;
    if (this.#known.size >= DURABILITY_TOPICS_REMEMBERED) this.#known.clear();
    this.#known.set(topic.name, found);
    return found;
  }

  #mayBeLost(): Record<string, string> {
    const lost: Record<string, string> = { strict: 'nothing', grouped: 'nothing' };
    lost['lazy'] = this.isLazyAllowed ? `what was acknowledged in the last ${this.lazyMs} ms and while that is written` : 'nothing';
    lost['ram'] = 'everything queued or retained, by any restart';
    return lost;
  }
}
