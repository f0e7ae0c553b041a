import type { Clock } from '../model/clock.ts';

/** Weight of the newest sample (RFC 6298 §2). */
const SMOOTHING = 1 / 8;

/** How long a peer takes to acknowledge: one delivery at a time is measured, and none that was repeated (RFC 6298 §3). */
export class AcknowledgementTime {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** Smoothed; `Infinity`: nobody knows yet. */
  expectedMs = Number.POSITIVE_INFINITY;
  /** Being measured; 0: none. */
  #packetId = 0;
  #sentMs = 0;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  sent(packetId: number): void {
    if (this.#packetId !== 0) return;
    this.#packetId = packetId;
    this.#sentMs = this.#clock.monotonicMs();
  }

  settled(packetId: number): void {
    if (packetId !== this.#packetId) return;
    this.#packetId = 0;
    const sampleMs = this.#clock.monotonicMs() - this.#sentMs;
    this.expectedMs = this.expectedMs === Number.POSITIVE_INFINITY ? sampleMs : this.expectedMs + (sampleMs - this.expectedMs) * SMOOTHING;
  }

  /** What is under way is sent again, or ends with its link. */
  forget(): void {
    this.#packetId = 0;
  }
}
