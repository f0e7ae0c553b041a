/** Waits between attempts, growing by `factor` up to `capMs`, each spread over its upper half by jitter. */
export interface RetrySchedule {
  readonly firstMs: number;
  readonly factor: number;
  readonly capMs: number;
  /** Share of each wait that is random, 0 (none) to 1 (anything from zero): peers that failed together must not return together. */
  readonly jitter: number;
}

/**
 * Wait before attempt `attempt`.
 *
 * @param attempt - 0 for the first retry.
 * @param random - uniform in [0, 1).
 * @returns milliseconds, within [wait x (1 - jitter), wait].
 */
export function retryDelayMs(schedule: RetrySchedule, attempt: number, random: number): number {
  const waitMs = Math.min(schedule.capMs, schedule.firstMs * schedule.factor ** attempt);
  return waitMs * (1 - schedule.jitter * random);
}
