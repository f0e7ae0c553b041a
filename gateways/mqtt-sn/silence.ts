import type { CancelTimer, Clock } from '../../src/model/clock.ts';

/** Up to here the longer tolerance applies, §7.2. */
const SHORT_PERIOD_SECONDS = 60;

/** How long a client may be silent: its own period and the tolerance of §7.2, +50 % up to a minute, +10 % above. */
export function patienceMs(periodSeconds: number): number {
  return periodSeconds * (periodSeconds <= SHORT_PERIOD_SECONDS ? 1_500 : 1_100);
}

/** Tells once when a client was silent for longer than it announced (§6.11, §6.14). One timer, moved only when it fires. */
export class SilenceWatch {
  readonly #clock: Clock;
  readonly #onSilent: () => void;
  #patienceMs = 0;
  #lastHeardMs = 0;
  #cancel: CancelTimer | undefined;

  constructor(clock: Clock, onSilent: () => void) {
    this.#clock = clock;
    this.#onSilent = onSilent;
  }

  /** Counts from now. A period of 0 is no supervision, as in MQTT (MQTT 5 §3.1.2.10). */
  start(periodSeconds: number): void {
    this.stop();
    if (periodSeconds === 0) return;
    this.#patienceMs = patienceMs(periodSeconds);
    this.heard();
    this.#arm(this.#patienceMs);
  }

  heard(): void {
    this.#lastHeardMs = this.#clock.monotonicMs();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(delayMs: number): void {
    this.#cancel = this.#clock.after(delayMs, () => this.#check());
  }

  #check(): void {
    const leftMs = this.#lastHeardMs + this.#patienceMs - this.#clock.monotonicMs();
    if (leftMs > 0) {
      this.#arm(leftMs);
      return;
    }
    this.#cancel = undefined;
    this.#onSilent();
  }
}
