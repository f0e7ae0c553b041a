import type { CancelTimer, GatewayClock } from '../../src/model/clock.ts';

/** A clock moved by hand. Timers run in order of their deadline while it advances; promises settle in between. */
export class FakeClock implements GatewayClock {
  isSynced = true;
  #nowMs: number;
  #monotonicMs = 0;
  #offsetMs: number;
  #seed = 1;
  #timers: { dueMs: number; run: () => void }[] = [];

  constructor(options: { readonly nowMs?: number; readonly gatewayOffsetMs?: number } = {}) {
    this.#nowMs = options.nowMs ?? 1_800_000_000_000;
    this.#offsetMs = options.gatewayOffsetMs ?? 0;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  gatewayMs(): number {
    return this.#monotonicMs + this.#offsetMs;
  }

  isSynchronized(): boolean {
    return this.isSynced;
  }

  /** Deterministic: a linear congruential sequence (Numerical Recipes' constants). */
  random(): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#seed / 2 ** 32;
  }

  after(delayMs: number, run: () => void): CancelTimer {
    const timer = { dueMs: this.#monotonicMs + Math.max(0, delayMs), run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get pendingTimers(): number {
    return this.#timers.length;
  }

  /** NTP corrects the wall clock; monotonic time does not notice. */
  stepWallClock(byMs: number): void {
    this.#nowMs += byMs;
  }

  /** Moves time and lets each timer's turn finish before the next one runs. */
  async advanceMs(byMs: number): Promise<void> {
    const endMs = this.#monotonicMs + byMs;
    await settled();
    for (;;) {
      const next = this.#timers.filter((timer) => timer.dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#moveTo(next.dueMs);
      next.run();
      await settled();
    }
    this.#moveTo(endMs);
  }

  async advanceSeconds(bySeconds: number): Promise<void> {
    await this.advanceMs(bySeconds * 1000);
  }

  #moveTo(monotonicMs: number): void {
    this.#nowMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }
}

/** Resolves after the end-of-turn work (setImmediate) that is pending now has run, twice: work that it started included. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
