// What a queue lost, put into that queue as messages for whoever gets it. Each in the group in which it leaves the ledger, and none before the last one is
// through: while its peer is slow or away, losses grow together there instead.
import { LOSS_REPORTS_AT_ONCE } from '../model/limits.ts';
import type { Losses, LossReport } from '../model/losses.ts';
import { type Draft, Message } from '../model/message.ts';
import type { Core } from './core.ts';
import { appendFor } from './recipient.ts';
import type { RoutedSession } from './routed-session.ts';

/** As QoS 2, so that it is on disk before it leaves: another one must not come out under its number after a kill. */
const TERMS = { qos: 2, isRetain: false, identifiers: [] } as const;

export type LossDraft = (report: LossReport) => Draft;

export function reportLosses(
  { store, clock, durability }: Pick<Core, 'store' | 'clock' | 'durability'>,
  { outbound, origin }: Pick<RoutedSession, 'outbound' | 'origin'>,
  draftOf: LossDraft,
): void {
  const { ledger } = outbound.queue;
  if (ledger === undefined || ledger.isReportWaiting) return;
  const nowMs = clock.gatewayMs();
  const aheadMs = clock.nowMs() - nowMs;
  const tell = ({ sinceMs, untilMs, ...losses }: Losses, report: number): number => {
    const draft = draftOf({ ...losses, report, since: sinceMs + aheadMs, until: untilMs + aheadMs });
    const message = new Message(draft, origin, { publishedAtMs: nowMs, expiresAtMs: Number.POSITIVE_INFINITY });
    return appendFor({ store, durability }, message, [{ recipient: outbound, terms: TERMS }], 'strict');
  };
  for (let told = 0; told < LOSS_REPORTS_AT_ONCE && store.room === 'ample' && !store.isCongested; told += 1) {
    if (!store.together(() => ledger.takeFirst(tell))) return;
  }
}
