// Makes the figures below $SYS of their part of the configuration.
import type { Announcer } from '../broker/announcer.ts';
import { SysTopics } from '../broker/sys-topics.ts';
import type { Config } from '../config/config.ts';
import type { Clock } from '../model/clock.ts';
import type { MetricsTable } from '../model/metrics.ts';

export interface SysParts {
  readonly announcer: Announcer;
  readonly clock: Clock;
  readonly metrics: MetricsTable;
  readonly version: string;
}

/** Undefined when none are wanted. */
export function createSysTopics({ intervalSeconds, node }: Config['sys'], { announcer, clock, metrics, version }: SysParts): SysTopics | undefined {
  if (intervalSeconds === 0) return undefined;
  const heapBytes = (): number => process.memoryUsage().heapUsed;
  return new SysTopics({ announcer, clock, intervalSeconds, version, node, metrics, heapBytes });
}
