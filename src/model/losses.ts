import type { EpochMs, GatewayMs } from './clock.ts';
import type { NumberRange } from './number-ranges.ts';
import { topicName } from './topic.ts';

/**
 * Under this name a report of losses waits in the queue it is about; no client publishes or subscribes to it there. The remote knows it by the name the
 * bridge is configured with.
 */
export const LOSS_REPORT_TOPIC = topicName('$postern/loss');

/** Messages of one publisher that one queue lost by one cause. Of a range not every message need be lost: `count` are. */
export interface Losses {
  readonly cause: string;
  /** The publisher, as `deviceOf` has it. Undefined: of several, or it cannot be read any more. */
  readonly device: string | undefined;
  /** Of the publisher's own numbers. Undefined: they have none. */
  readonly boot: number | undefined;
  readonly range: NumberRange | undefined;
  /** Of the numbers the queue gave in that boot; where it gives none, of its places. Undefined: they had neither. */
  readonly queueRange: NumberRange | undefined;
  /** Where the first number of the boot is among them: the boot before that gave any, 0 for none. */
  readonly after?: number | undefined;
  readonly count: number;
  readonly sinceMs: GatewayMs;
  readonly untilMs: GatewayMs;
}

/** Losses as they are told. */
export interface LossReport extends Omit<Losses, 'sinceMs' | 'untilMs'> {
  /** From 1 on, each once in the life of the queue. */
  readonly report: number;
  readonly since: EpochMs;
  readonly until: EpochMs;
}
