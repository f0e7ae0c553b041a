import type { CancelTimer, Clock } from '../../src/model/clock.ts';
import type { Counter } from '../../src/model/metrics.ts';

interface Waiting {
  cancel: CancelTimer;
  repetitions: number;
}

export interface RetryRules {
  readonly clock: Clock;
  /** T_RETRY, ms. */
  readonly intervalMs: number;
  /** N_RETRY. */
  readonly repetitionsMax: number;
  readonly retransmitted: Counter;
}

/** Supervises the requests of one sender: sends again after T_RETRY, gives up after N_RETRY (§6.13, which holds for both ends). */
export class Retries<Key> {
  readonly #rules: RetryRules;
  readonly #onExhausted: (key: Key) => void;
  readonly #waiting = new Map<Key, Waiting>();

  constructor(rules: RetryRules, onExhausted: (key: Key) => void) {
    this.#rules = rules;
    this.#onExhausted = onExhausted;
  }

  /** A request was sent. One that is supervised already keeps its count: this was its repetition. */
  watch(key: Key, sendAgain: () => void): void {
    if (this.#waiting.has(key)) return;
    const waiting: Waiting = { cancel: () => {}, repetitions: 0 };
    this.#waiting.set(key, waiting);
    this.#arm(key, waiting, sendAgain);
  }

  /** @returns whether an answer was waited for. */
  answered(key: Key): boolean {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return false;
    waiting.cancel();
    return this.#waiting.delete(key);
  }

  clear(): void {
    for (const { cancel } of this.#waiting.values()) cancel();
    this.#waiting.clear();
  }

  #arm(key: Key, waiting: Waiting, sendAgain: () => void): void {
    const { clock, intervalMs, repetitionsMax, retransmitted } = this.#rules;
    waiting.cancel = clock.after(intervalMs, () => {
      if (waiting.repetitions === repetitionsMax) {
        this.#waiting.delete(key);
        this.#onExhausted(key);
        return;
      }
      waiting.repetitions += 1;
      retransmitted.value += 1;
      this.#arm(key, waiting, sendAgain);
      sendAgain();
    });
  }
}
