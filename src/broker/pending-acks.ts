import type { PublishOutcome } from '../gateway/gateway.ts';

/** So many answered entries before what waits are let go of at once: under a publisher that never stops it never runs empty. */
const ANSWERED_MAX = 1_024;

/** Outcomes that wait, in the order of the publishes they answer (MQTT-4.6.0-2, -3). What some wait for comes before what others wait for. */
export class PendingAcks {
  readonly #tokens: number[] = [];
  readonly #outcomes: PublishOutcome[] = [];
  readonly #isComplete: boolean[] = [];
  /** What waits lies from head to end; the arrays are not shortened for each batch. */
  #head = 0;
  #end = 0;
  /** Number of the entry at index 0: numbers are never given twice, so that what one link asked for is nothing to the next. */
  #first = 0;

  get length(): number {
    return this.#end - this.#head;
  }

  /** The oldest waits for nothing any more. */
  get isFirstComplete(): boolean {
    return this.#head < this.#end && this.#isComplete[this.#head] === true;
  }

  /** @returns its number. */
  push(token: number, outcome: PublishOutcome): number {
    const index = this.#end;
    this.#tokens[index] = token;
    this.#outcomes[index] = outcome;
    this.#isComplete[index] = false;
    this.#end += 1;
    return this.#first + index;
  }

  /** What that one waited for has happened. Of one that is not there any more nothing is done. */
  complete(number: number): void {
    const index = number - this.#first;
    if (index >= this.#head && index < this.#end) this.#isComplete[index] = true;
  }

  /** Hands the oldest to `tell`. */
  shift(tell: (token: number, outcome: PublishOutcome) => void): void {
    if (this.#head === this.#end) return;
    const token = this.#tokens[this.#head] as number;
    const outcome = this.#outcomes[this.#head] as PublishOutcome;
    this.#head += 1;
    if (this.#head === this.#end) this.#rewind();
    else if (this.#head === ANSWERED_MAX) this.#moveDown();
    tell(token, outcome);
  }

  clear(): void {
    this.#tokens.length = 0;
    this.#outcomes.length = 0;
    this.#isComplete.length = 0;
    this.#rewind();
  }

  #moveDown(): void {
    const { length } = this;
    this.#tokens.copyWithin(0, this.#head, this.#end);
    this.#outcomes.copyWithin(0, this.#head, this.#end);
    this.#isComplete.copyWithin(0, this.#head, this.#end);
    this.#first += this.#head;
    this.#head = 0;
    this.#end = length;
  }

  #rewind(): void {
    this.#first += this.#end;
    this.#head = 0;
    this.#end = 0;
  }
}
