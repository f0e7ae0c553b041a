// What queues dropped, by cause: in all, for each queue, and once a minute in the log for those that lost something nobody planned to lose.
import type { CancelTimer, Clock } from '../model/clock.ts';
import { DROP_REPORTS_MAX } from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import type { Counter, Metrics } from '../model/metrics.ts';

export const DROP_CAUSES = [
  'queue-full',
  'queue-full-newest',
  'disk-full',
  'quota-messages',
  'quota-bytes',
  'disk-share',
  'sampled',
  'age',
  'superseded',
  'expired',
  'detached',
  'refused-by-peer',
  'unreadable',
  'purged',
] as const;

/**
 * `queue-full`: the oldest made room. `queue-full-newest`: it was not taken. `disk-full`: the disk ran full. `quota-messages`, `quota-bytes`: at a bound of its topic's own policy.
 * `disk-share`: the queue has its share of the disk. `sampled`: it is none of those that are taken. `age`: it waited too long. `superseded`: a newer one of its topic came. `detached`: nobody was there
 * and no queue for it. `unreadable`: the disk lost it. `purged`: somebody let go of it.
 */
export type DropCause = (typeof DROP_CAUSES)[number];

export type DropCounters = Readonly<Record<DropCause, Counter>>;

export function dropCounters(metrics: Metrics): DropCounters {
  return Object.fromEntries(DROP_CAUSES.map((cause) => [cause, metrics.counter(`messages.dropped.${cause}`)])) as DropCounters;
}

/** Causes somebody should hear of. The others are what was asked for, or are reported where they happen. */
const REPORTED: readonly DropCause[] = ['queue-full', 'queue-full-newest', 'disk-full', 'quota-messages', 'quota-bytes', 'disk-share'];
const REPORT_INTERVAL_MS = 60_000;

/** Whose queue it is. */
export interface DropOwner {
  readonly realm: string;
  readonly clientId: string;
}

export class Drops {
  readonly #parts: { readonly counters: DropCounters; readonly clock: Clock; readonly log: Log };
  readonly #pending = new Map<QueueDrops, QueueDropCounts>();
  #cancel: CancelTimer | undefined;
  /** `drops` is about to count something that is reported. */
  readonly #note = (drops: QueueDrops): void => {
    if (drops.owner === undefined || this.#pending.has(drops)) return;
    this.#pending.set(drops, drops.counts);
    this.#cancel ??= this.#parts.clock.after(REPORT_INTERVAL_MS, () => this.#tell());
  };

  constructor(parts: { readonly counters: DropCounters; readonly clock: Clock; readonly log: Log }) {
    this.#parts = parts;
  }

  /** @param owner - undefined: no client's queue. */
  of(owner: DropOwner | undefined): QueueDrops {
    return new QueueDrops(this.#parts.counters, this.#note, owner);
  }

  #tell(): void {
    this.#cancel = undefined;
    const reports = [...this.#pending].map(([drops, before]) => {
      const { realm, clientId } = drops.owner ?? {}; // nothing else: an owner is a whole session
      return { realm, clientId, ...difference(before, drops.counts) };
    });
    this.#pending.clear();
    for (const report of reports.slice(0, DROP_REPORTS_MAX)) this.#parts.log.warn('queue dropped messages', report);
    if (reports.length > DROP_REPORTS_MAX) this.#parts.log.warn('further queues dropped messages', { queues: reports.length - DROP_REPORTS_MAX });
  }
}

/** Causes that happened, and how often. */
export type QueueDropCounts = Readonly<Partial<Record<DropCause, number>>>;

/** Counts what one queue drops, since the gateway started. */
export class QueueDrops {
  readonly owner: DropOwner | undefined;
  readonly #totals: DropCounters;
  readonly #note: (drops: QueueDrops) => void;
  #counts: Partial<Record<DropCause, number>> | undefined;

  constructor(totals: DropCounters, note: (drops: QueueDrops) => void, owner: DropOwner | undefined) {
    this.#totals = totals;
    this.#note = note;
    this.owner = owner;
  }

  /** In the order of `DROP_CAUSES`. */
  get counts(): QueueDropCounts {
    const counts = DROP_CAUSES.map((cause) => [cause, this.#counts?.[cause] ?? 0] as const);
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  }

  add(cause: DropCause, count = 1): void {
    if (count === 0) return;
    if (REPORTED.includes(cause)) this.#note(this);
    this.#totals[cause].value += count;
    this.#counts ??= {};
    this.#counts[cause] = (this.#counts[cause] ?? 0) + count;
  }
}

function difference(before: QueueDropCounts, now: QueueDropCounts): QueueDropCounts {
  const since = DROP_CAUSES.map((cause) => [cause, (now[cause] ?? 0) - (before[cause] ?? 0)] as const);
  return Object.fromEntries(since.filter(([, count]) => count > 0));
}
