import type { Clock, EpochMs, GatewayMs, MachineTime } from '../../model/clock.ts';
import { AWAY_MS_MAX } from '../../model/limits.ts';

/** The latest moment the store knows of its last boot. */
export interface LastMoment {
  readonly gatewayMs: GatewayMs;
  readonly wallMs: EpochMs;
  readonly isSynchronized: boolean;
}

/** How gateway time stood to the uptime of the machine in the last boot of the store. */
export interface MachineLead {
  readonly bootId: number;
  /** Uptime less gateway time. */
  readonly leadMs: number;
}

/**
 * Gateway time at `clock.monotonicMs() === 0`. It goes on from the last moment. While the machine stayed up, its uptime says how long the gateway was
 * away; otherwise that counts only when the wall clock was disciplined on both sides of it: a board without one that starts in 1970, or is set by
 * hand, must not expire what is queued.
 */
export function gatewayTimeOffset(clock: Clock, last: LastMoment | undefined, machine?: { readonly now: MachineTime; readonly last: MachineLead }): number {
  if (last === undefined) return 0;
  return last.gatewayMs + (awayByMachine(last, machine) ?? awayByWallClock(clock, last)) - clock.monotonicMs();
}

/** Undefined when the machine was rebooted, or its uptime is not the one it was (a container's). */
function awayByMachine(last: LastMoment, machine: Parameters<typeof gatewayTimeOffset>[2]): number | undefined {
  if (machine === undefined || machine.now.bootId !== machine.last.bootId) return undefined;
  const awayMs = machine.now.uptimeMs() - machine.last.leadMs - last.gatewayMs;
  return awayMs < 0 ? undefined : awayMs;
}

function awayByWallClock(clock: Clock, last: LastMoment): number {
  const awayMs = last.isSynchronized && clock.isSynchronized() ? clock.nowMs() - last.wallMs : 0;
  return awayMs < 0 || awayMs > AWAY_MS_MAX ? 0 : awayMs;
}

export function laterMoment(a: LastMoment | undefined, b: LastMoment): LastMoment {
  return a === undefined || b.gatewayMs > a.gatewayMs ? b : a;
}
