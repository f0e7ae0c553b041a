// How far something is that takes a while, in one line of standard error, for a person.
import { harmless } from '../observe/text-line.ts';
import type { Surroundings } from './surroundings.ts';

const INTERVAL_MS = 500;
/** Back to the beginning of the line, and all of it gone. */
const ANEW = '\r\x1b[K';

export class Progress {
  readonly #surroundings: Pick<Surroundings, 'clock' | 'isTerminal' | 'complain'>;
  #nextMs: number;
  #isShown = false;

  constructor(surroundings: Pick<Surroundings, 'clock' | 'isTerminal' | 'complain'>) {
    this.#surroundings = surroundings;
    this.#nextMs = surroundings.clock.monotonicMs() + INTERVAL_MS;
  }

  tell(text: () => string): void {
    const { clock, isTerminal, complain } = this.#surroundings;
    if (!isTerminal || clock.monotonicMs() < this.#nextMs) return;
    this.#nextMs = clock.monotonicMs() + INTERVAL_MS;
    this.#isShown = true;
    complain(`${ANEW}${harmless(text())}`);
  }

  /** What is written next stands alone. */
  end(): void {
    if (this.#isShown) this.#surroundings.complain(ANEW);
    this.#isShown = false;
  }
}
