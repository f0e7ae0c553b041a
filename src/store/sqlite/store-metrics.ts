import type { Counter, Metrics } from '../../model/metrics.ts';
import type { SettleCause } from '../../session/session-store.ts';
import { CAUSE_CODE } from './record-codec.ts';
import type { Recovered } from './recovery.ts';

export function settledCounters(metrics: Metrics): Readonly<Record<SettleCause, Counter>> {
  const causes = Object.keys(CAUSE_CODE) as SettleCause[];
  return Object.fromEntries(causes.map((cause) => [cause, metrics.counter(`store.settled.${cause}`)])) as Record<SettleCause, Counter>;
}

/** What the store holds. */
export function storeGauges(metrics: Metrics, { image, segments, lost }: Pick<Recovered, 'image' | 'segments' | 'lost'>): void {
  metrics.gauge('store.queued.messages', () => image.queuedMessages);
  metrics.gauge('store.queued.bytes', () => image.queuedBytes);
  metrics.gauge('store.volatile.messages', () => image.volatile.count);
  metrics.gauge('store.volatile.bytes', () => image.volatile.bytes);
  metrics.gauge('store.segments', () => segments.count);
  metrics.gauge('store.groups.lost', () => lost.count);
}
