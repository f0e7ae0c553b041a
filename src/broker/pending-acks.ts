import type { PublishOutcome } from '../gateway/gateway.ts';

/** Outcomes that wait for the disk, in the order of the publishes they answer (MQTT-4.6.0-2, -3). */
export class PendingAcks {
  #tokens: number[] = [];
  #outcomes: PublishOutcome[] = [];
  #head = 0;

  get length(): number {
    return this.#tokens.length - this.#head;
  }

  push(token: number, outcome: PublishOutcome): void {
    this.#tokens.push(token);
    this.#outcomes.push(outcome);
  }

  /** Hands the oldest to `tell`. */
  shift(tell: (token: number, outcome: PublishOutcome) => void): void {
    const token = this.#tokens[this.#head];
    const outcome = this.#outcomes[this.#head];
    if (token === undefined || outcome === undefined) return;
    this.#head += 1;
    if (this.#head === this.#tokens.length) this.clear();
    tell(token, outcome);
  }

  clear(): void {
    this.#tokens.length = 0;
    this.#outcomes.length = 0;
    this.#head = 0;
  }
}
