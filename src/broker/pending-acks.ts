import type { PublishOutcome } from '../gateway/gateway.ts';

/** Outcomes that wait for the disk, in the order of the publishes they answer (MQTT-4.6.0-2, -3). */
export class PendingAcks {
  readonly #tokens: number[] = [];
  readonly #outcomes: PublishOutcome[] = [];
  /** What waits lies from head to end; the arrays are not shortened for each batch. */
  #head = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#head;
  }

  push(token: number, outcome: PublishOutcome): void {
    this.#tokens[this.#end] = token;
    this.#outcomes[this.#end] = outcome;
    this.#end += 1;
  }

  /** Hands the oldest to `tell`. */
  shift(tell: (token: number, outcome: PublishOutcome) => void): void {
    if (this.#head === this.#end) return;
    const token = this.#tokens[this.#head] as number;
    const outcome = this.#outcomes[this.#head] as PublishOutcome;
    this.#head += 1;
    if (this.#head === this.#end) this.#rewind();
    tell(token, outcome);
  }

  clear(): void {
    this.#tokens.length = 0;
    this.#outcomes.length = 0;
    this.#rewind();
  }

  #rewind(): void {
    this.#head = 0;
    this.#end = 0;
  }
}
