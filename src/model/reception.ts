import type { EpochMs } from './clock.ts';

/**
 * `synchronized`: the clock was right at that moment. `estimated`: it was set right before or after it in the same boot, and the monotonic clock counted the
 * time between: as exact as the board's crystal, a few seconds a day. `unknown`: it was never right in that boot.
 */
export type Certainty = 'synchronized' | 'estimated' | 'unknown';

/** When the gateway took a message over, as far as is known by now. */
export interface Reception {
  readonly boot: number;
  /** Since the gateway started in that boot. */
  readonly uptimeMs: number;
  readonly certainty: Certainty;
  /** Undefined: unknown. */
  readonly wallMs: EpochMs | undefined;
}
