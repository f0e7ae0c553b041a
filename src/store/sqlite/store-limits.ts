import {
  CHECKPOINT_INTERVAL_MS,
  CHECKPOINT_LOG_BYTES,
  COMPACT_GAIN_BYTES,
  GROUP_BYTES_MAX,
  GROUP_WAITERS_MAX,
  SETTLE_DELAY_MS,
  STORE_REST_MS,
} from '../../model/limits.ts';

/** Bounds of one store; tests make them small. */
export interface StoreLimits {
  readonly groupBytesMax: number;
  readonly groupWaitersMax: number;
  readonly checkpointLogBytes: number;
  readonly checkpointIntervalMs: number;
  readonly settleDelayMs: number;
  readonly compactGainBytes: number;
  readonly restMs: number;
}

export const STORE_LIMITS: StoreLimits = {
  groupBytesMax: GROUP_BYTES_MAX,
  groupWaitersMax: GROUP_WAITERS_MAX,
  checkpointLogBytes: CHECKPOINT_LOG_BYTES,
  checkpointIntervalMs: CHECKPOINT_INTERVAL_MS,
  settleDelayMs: SETTLE_DELAY_MS,
  compactGainBytes: COMPACT_GAIN_BYTES,
  restMs: STORE_REST_MS,
};
