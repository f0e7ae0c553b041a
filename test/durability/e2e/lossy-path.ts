// One direction of a bad network: datagrams get lost, come twice, and overtake one another.
import type { CancelTimer, Clock } from '../../../src/model/clock.ts';
import type { Random } from './random.ts';

/** Shares of all datagrams. */
export interface Losses {
  readonly drop: number;
  readonly duplicate: number;
  readonly reorder: number;
}

export const LOSSY: Losses = { drop: 0.1, duplicate: 0.05, reorder: 0.05 };

/** The second copy comes this much later, at most: often after the exchange it belongs to is over. */
const LATE_MS_MAX = 80;
/** One that is to be overtaken waits for the next, but no longer than this. */
const HELD_MS_MAX = 40;

export interface PathParts {
  readonly random: Random;
  readonly clock: Pick<Clock, 'after'>;
  /** The other end. */
  readonly deliver: (datagram: Buffer) => void;
}

export class LossyPath {
  readonly counts = { sent: 0, dropped: 0, duplicated: 0, reordered: 0 };
  readonly #losses: Losses;
  readonly #parts: PathParts;
  readonly #timers = new Set<CancelTimer>();
  #held: Buffer | undefined;

  constructor(losses: Losses, parts: PathParts) {
    this.#losses = losses;
    this.#parts = parts;
  }

  /** The datagram may be kept. */
  send(datagram: Buffer): void {
    const { drop, duplicate, reorder } = this.#losses;
    const { random } = this.#parts;
    const fate = random.next();
    this.counts.sent += 1;
    if (fate < drop) {
      this.counts.dropped += 1;
    } else if (fate < drop + duplicate) {
      this.counts.duplicated += 1;
      this.#pass(datagram);
      this.#later(random.between(1, LATE_MS_MAX), () => this.#pass(datagram));
    } else if (fate < drop + duplicate + reorder && this.#held === undefined) {
      this.counts.reordered += 1;
      this.#held = datagram;
      this.#later(HELD_MS_MAX, () => this.#release(datagram));
    } else {
      this.#pass(datagram);
    }
  }

  close(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#held = undefined;
  }

  #pass(datagram: Buffer): void {
    const overtaken = this.#held;
    this.#held = undefined;
    this.#parts.deliver(datagram);
    if (overtaken !== undefined) this.#parts.deliver(overtaken);
  }

  #release(datagram: Buffer): void {
    if (this.#held !== datagram) return;
    this.#held = undefined;
    this.#parts.deliver(datagram);
  }

  #later(delayMs: number, run: () => void): void {
    const cancel = this.#parts.clock.after(delayMs, () => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
  }
}
