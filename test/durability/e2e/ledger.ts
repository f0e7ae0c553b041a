// What publishers sent and were told is safe, what collectors got, and what the two say when they are laid side by side.
import { payloadOf, type Reading, readingOf } from './reading.ts';

interface Entry {
  readonly topic: string;
  isAcknowledged: boolean;
}

/** The publishers' side. */
export class Ledger {
  readonly #entries = new Map<string, Entry>();
  #acknowledged = 0;

  /** Before the first copy leaves. */
  published(reading: Reading, topic: string): void {
    this.#entries.set(payloadOf(reading), { topic, isAcknowledged: false });
  }

  /** The gateway took responsibility: PUBACK, or PUBREC at QoS 2. Once more for the same reading is no news. */
  acknowledged(reading: Reading): void {
    const entry = this.#entries.get(payloadOf(reading));
    if (entry === undefined) throw new RangeError(`${payloadOf(reading)} was never published`);
    if (entry.isAcknowledged) return;
    entry.isAcknowledged = true;
    this.#acknowledged += 1;
  }

  get publishedCount(): number {
    return this.#entries.size;
  }

  get acknowledgedCount(): number {
    return this.#acknowledged;
  }

  /** Topic it was published to; undefined when it never was. */
  topicOf(payload: string): string | undefined {
    return this.#entries.get(payload)?.topic;
  }

  /** Payloads of what was acknowledged. */
  *acknowledgedPayloads(): Iterable<string> {
    for (const [payload, { isAcknowledged }] of this.#entries) if (isAcknowledged) yield payload;
  }
}

/** One collector's side, as it comes in. */
export class Arrivals {
  readonly #copies = new Map<string, number>();
  readonly #ledger: Ledger;
  readonly #lastNumber = new Map<string, number>();
  readonly #outOfOrder: string[] = [];
  readonly #strange: string[] = [];

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  record(topic: string, payload: string): void {
    const reading = readingOf(payload);
    if (reading === undefined || this.#ledger.topicOf(payload) !== topic) {
      this.#strange.push(`${topic}: ${payload}`);
      return;
    }
    const copies = this.#copies.get(payload) ?? 0;
    this.#copies.set(payload, copies + 1);
    if (copies === 0) this.#checkOrder(topic, payload, reading);
  }

  /** Different readings that came. */
  get count(): number {
    return this.#copies.size;
  }

  has(payload: string): boolean {
    return this.#copies.has(payload);
  }

  get isComplete(): boolean {
    for (const payload of this.#ledger.acknowledgedPayloads()) if (!this.#copies.has(payload)) return false;
    return true;
  }

  findings(): Findings {
    const duplicates = { 1: 0, 2: 0 };
    const repeated: string[] = [];
    for (const [payload, copies] of this.#copies) {
      const qos = readingOf(payload)?.qos ?? 1;
      duplicates[qos] += copies - 1;
      if (qos === 2 && copies > 1) repeated.push(payload);
    }
    const lost = [...this.#ledger.acknowledgedPayloads()].filter((payload) => !this.#copies.has(payload));
    return { lost, duplicates, repeatedQos2: repeated, outOfOrder: this.#outOfOrder, strange: this.#strange };
  }

  /** First arrivals count up per topic and QoS. */
  #checkOrder(topic: string, payload: string, { source, qos, number }: Reading): void {
    const lane = `${topic} ${source} ${qos}`;
    if (number < (this.#lastNumber.get(lane) ?? 0)) this.#outOfOrder.push(payload);
    else this.#lastNumber.set(lane, number);
  }
}

export interface Findings {
  /** Acknowledged, and never came. */
  readonly lost: readonly string[];
  /** Copies beyond the first, by QoS; at QoS 1 they are allowed. */
  readonly duplicates: Readonly<Record<1 | 2, number>>;
  readonly repeatedQos2: readonly string[];
  /** Came for the first time after a later one of the same topic and QoS had come. */
  readonly outOfOrder: readonly string[];
  /** Never published, or not to that topic. */
  readonly strange: readonly string[];
}
