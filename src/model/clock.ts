/** Milliseconds since the Unix epoch, wall clock. Steps when NTP corrects it: never subtract two of these. */
export type EpochMs = number;

/**
 * Milliseconds of gateway time: monotonic within a boot plus an offset stored per boot. Deadlines that survive a restart
 * are given in it, so that a step of the wall clock changes stamps and never expiry. `Infinity` means never.
 */
export type GatewayMs = number;

/** Stops a pending timer; calling it again, or after it fired, does nothing. */
export type CancelTimer = () => void;

/** The only source of time and randomness. Tests pass a fake and move it by hand. */
export interface Clock {
  /** Wall clock, for stamps that people and other systems read. */
  nowMs(): EpochMs;
  /** Monotonic milliseconds since an arbitrary start, for measuring, time-outs and retransmission. */
  monotonicMs(): number;
  /** Whether the wall clock is disciplined by a time source; false on a board until NTP has answered, and after a step until it is known whose step it was. */
  isSynchronized(): boolean;
  /** Runs once, not before `delayMs` from now; delays beyond 24 days are allowed. */
  after(delayMs: number, run: () => void): CancelTimer;
  /** Uniform in [0, 1). Spreads retries and start values; never a secret. */
  random(): number;
}

/**
 * A wall clock before this is not right, whatever is said of it: boards without one start in 1970, or at the day their system was built. Never later than
 * the day this was written.
 */
export const WALL_CLOCK_MIN_MS: EpochMs = Date.UTC(2026, 0, 1);

/** The machine's own count of time, which a process outlives and a reboot does not. */
export interface MachineTime {
  /** Names the boot of the machine; another number after a reboot. */
  readonly bootId: number;
  /** Since that boot, times asleep included. */
  uptimeMs(): number;
}

/** The clock as the core sees it, once the store has told where gateway time stood. */
export interface GatewayClock extends Clock {
  gatewayMs(): GatewayMs;
}

/** Continues gateway time from `offsetMs`, the value that belongs to `clock.monotonicMs() === 0`. */
export function gatewayClock(clock: Clock, offsetMs: number): GatewayClock {
  return {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    isSynchronized: () => clock.isSynchronized(),
    after: (delayMs, run) => clock.after(delayMs, run),
    random: () => clock.random(),
    gatewayMs: () => clock.monotonicMs() + offsetMs,
  };
}
