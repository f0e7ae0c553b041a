import type { Clock, EpochMs, GatewayMs } from '../../model/clock.ts';

/** The latest moment the store knows of its last boot. */
export interface LastMoment {
  readonly gatewayMs: GatewayMs;
  readonly wallMs: EpochMs;
  readonly isSynchronized: boolean;
}

/**
 * Gateway time at `clock.monotonicMs() === 0`. It goes on from the last moment; the time in between counts only when the wall clock was disciplined on
 * both sides of it: a board without one that starts in 1970, or is set by hand, must not expire what is queued.
 */
export function gatewayTimeOffset(clock: Clock, last: LastMoment | undefined): number {
  if (last === undefined) return 0;
  const isKnown = last.isSynchronized && clock.isSynchronized();
  const awayMs = isKnown ? Math.max(0, clock.nowMs() - last.wallMs) : 0;
  return last.gatewayMs + awayMs - clock.monotonicMs();
}

export function laterMoment(a: LastMoment | undefined, b: LastMoment): LastMoment {
  return a === undefined || b.gatewayMs > a.gatewayMs ? b : a;
}
