import type { Counter, Metrics } from '../model/metrics.ts';
import { type DropCounters, dropCounters } from './drops.ts';

/** The broker's own counters, held as objects by the hot path. Each drop has its cause. */
export interface BrokerCounters {
  readonly received: Counter;
  readonly delivered: Counter;
  readonly denied: Counter;
  readonly duplicates: Counter;
  readonly noSubscribers: Counter;
  readonly quotaExceeded: Counter;
  readonly withheld: Counter;
  /** Packets of clients, other than messages, that waited for the disk. */
  readonly requestsWithheld: Counter;
  readonly connectsWithheld: Counter;
  readonly connectsRefused: Counter;
  readonly retainedRefused: Counter;
  readonly dropped: DropCounters;
  readonly droppedThrottled: Counter;
  readonly willsPublished: Counter;
  readonly willsLost: Counter;
  readonly delayedPublished: Counter;
  readonly sessionsExpired: Counter;
  readonly takenOver: Counter;
  readonly slowConsumers: Counter;
  readonly deadLetters: Counter;
  readonly rightsLost: Counter;
  readonly exported: Counter;
  readonly imported: Counter;
  /** What a file brought that was imported before. */
  readonly importedAgain: Counter;
  /** Rows of what was imported that went, as there were too many. */
  readonly importsForgotten: Counter;
  readonly devicesUnnumbered: Counter;
  readonly returned: Counter;
}

export function brokerCounters(metrics: Metrics): BrokerCounters {
  return {
    received: metrics.counter('messages.received'),
    delivered: metrics.counter('messages.delivered'),
    denied: metrics.counter('messages.denied'),
    duplicates: metrics.counter('messages.duplicates'),
    noSubscribers: metrics.counter('messages.dropped.no-subscribers'),
    quotaExceeded: metrics.counter('messages.refused.quota-exceeded'),
    withheld: metrics.counter('messages.withheld'),
    requestsWithheld: metrics.counter('requests.withheld'),
    connectsWithheld: metrics.counter('connects.withheld'),
    connectsRefused: metrics.counter('connects.refused.disk-behind'),
    retainedRefused: metrics.counter('retained.refused'),
    dropped: dropCounters(metrics),
    droppedThrottled: metrics.counter('messages.dropped.throttled'),
    willsPublished: metrics.counter('wills.published'),
    willsLost: metrics.counter('wills.lost'),
    delayedPublished: metrics.counter('delayed.published'),
    sessionsExpired: metrics.counter('sessions.expired'),
    takenOver: metrics.counter('sessions.taken-over'),
    slowConsumers: metrics.counter('sessions.slow-consumers'),
    deadLetters: metrics.counter('messages.dead-letters'),
    rightsLost: metrics.counter('sessions.rights-lost'),
    exported: metrics.counter('messages.exported'),
    imported: metrics.counter('messages.imported'),
    importedAgain: metrics.counter('messages.imported-again'),
    importsForgotten: metrics.counter('imports.forgotten'),
    devicesUnnumbered: metrics.counter('messages.without-device-number'),
    returned: metrics.counter('messages.returned'),
  };
}
