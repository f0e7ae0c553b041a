// How long a client is not read for what it published: until its rate allows more, or until there is room for a message that its version of the protocol
// has no word to refuse.
import type { CancelTimer, Clock } from '../model/clock.ts';
import { WITHHELD_SECONDS_MAX } from '../model/limits.ts';
import type { Counter } from '../model/metrics.ts';
import type { Turns } from '../model/turns.ts';
import { HOLD } from './intake.ts';

/** A client asks for a sign of life once per keep-alive, and waits for the answer no longer than another one. */
const PATIENCE = 2.5;

/** What a client sends, while it is read. */
export interface Holdable {
  hold(reason: number): void;
  release(reason: number): void;
}

export interface HoldingParts {
  readonly context: { readonly clock: Clock };
  readonly turns: Turns;
  readonly counters: { readonly withheldTimeouts: Counter };
}

export class Holding {
  readonly #intake: Holdable;
  readonly #parts: HoldingParts;
  #cancelThrottle: CancelTimer | undefined;
  #cancelPatience: CancelTimer | undefined;

  constructor(intake: Holdable, parts: HoldingParts) {
    this.#intake = intake;
    this.#parts = parts;
  }

  throttle(delayMs: number): void {
    this.#intake.hold(HOLD.throttled);
    this.#cancelThrottle?.();
    this.#cancelThrottle = this.#parts.context.clock.after(delayMs, () => this.#intake.release(HOLD.throttled));
  }

  /**
   * A link that is not read does not tell that its peer has gone, and would stay open for as long as there is no room.
   *
   * @param keepAliveSeconds - 0: none was agreed on.
   * @param onTooLong - the client has given up by now.
   */
  withhold(keepAliveSeconds: number, onTooLong: () => void): void {
    const seconds = keepAliveSeconds === 0 ? WITHHELD_SECONDS_MAX : Math.min(PATIENCE * keepAliveSeconds, WITHHELD_SECONDS_MAX);
    this.#intake.hold(HOLD.withheld);
    this.#cancelPatience = this.#parts.context.clock.after(seconds * 1000, () => {
      this.#parts.counters.withheldTimeouts.value += 1;
      onTooLong();
    });
  }

  readOn(): void {
    this.#cancelPatience?.();
    this.#parts.turns.later(() => this.#intake.release(HOLD.withheld));
  }

  stop(): void {
    this.#cancelThrottle?.();
    this.#cancelPatience?.();
  }
}
