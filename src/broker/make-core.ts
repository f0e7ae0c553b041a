// What all sessions share, put together once.
import { Bus } from '../bus/bus.ts';
import type { GatewayClock } from '../model/clock.ts';
import { DEAD_LETTERS_BYTES_MAX, DEAD_LETTERS_MAX, ROUTE_CACHE_BYTES_MAX } from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import type { Draft } from '../model/message.ts';
import type { Metrics } from '../model/metrics.ts';
import type { QueueLimits } from '../model/queue-policy.ts';
import type { Turns } from '../model/turns.ts';
import type { SessionStore } from '../session/session-store.ts';
import { Announcer } from './announcer.ts';
import type { Core } from './core.ts';
import { brokerCounters } from './counters.ts';
import { DeadLetters } from './dead-letters.ts';
import { Declined } from './declined.ts';
import { DelayedMessages, type DelayedParts } from './delayed.ts';
import { Drops } from './drops.ts';
import { Durability, type DurabilitySettings } from './durability.ts';
import { ExportEras } from './export-eras.ts';
import type { Access } from './permissions.ts';
import { Presence } from './presence.ts';
import { QueueNumbering } from './queue-numbering.ts';
import { QueueRules, type QueueSettings } from './queue-rules.ts';
import type { Receipts } from './receipts.ts';
import { RetainedIndex } from './retained-index.ts';
import { type RetainedLimits, Retaining } from './retaining.ts';
import type { RoutedSession } from './routed-session.ts';
import { Router } from './router.ts';
import { SharedGroups, type SharedSettings } from './shared-groups.ts';
import { type SlowConsumerSettings, SlowConsumers } from './slow-consumers.ts';
import { Withheld } from './withheld.ts';

export interface CoreSettings {
  readonly queue: QueueSettings;
  readonly memoryQueueLimits: QueueLimits;
  readonly retainedLimits: RetainedLimits;
  readonly qos2QuarantineMs: number;
  readonly delayedLimits: QueueLimits;
  readonly sharedSubscriptions: SharedSettings;
  /** The gateway's name in presence messages; undefined: there are none. */
  readonly presenceNode: string | undefined;
  /** The gateway's name in alarms. */
  readonly node: string;
  readonly slowConsumer: SlowConsumerSettings;
  readonly durability: DurabilitySettings;
}

export interface CoreParts {
  readonly store: SessionStore;
  readonly clock: GatewayClock;
  readonly access: Access;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly turns: Turns;
  readonly settings: CoreSettings;
  /** Absent: nobody is told when a message came. */
  readonly receipts?: Receipts | undefined;
  /** A message with User Properties was published here once and comes home over other gateways. Absent: none ever does. */
  readonly isReturned?: ((draft: Draft) => boolean) | undefined;
}

/** @param sessionOf - the session of a delayed message's publisher, if it is still there. */
export function makeCore({ store, clock, access, log, metrics, turns, settings, receipts, isReturned }: CoreParts, sessionOf: DelayedParts['sessionOf']): Core {
  const counters = brokerCounters(metrics);
  const bus = new Bus<RoutedSession>({ routeCacheBytesMax: ROUTE_CACHE_BYTES_MAX });
  const retained = new RetainedIndex();
  const systemRetained = new RetainedIndex();
  const drops = new Drops({ counters: counters.dropped, clock, log });
  const queueRules = new QueueRules(settings.queue);
  const durability = new Durability({ store, metrics, settings: settings.durability });
  const shares = new SharedGroups({ store, clock, durability, drops, queueRules }, bus, settings.sharedSubscriptions);
  const retaining = new Retaining({ store, clock, retained, counters, limits: settings.retainedLimits });
  const declined = new Declined();
  const numbering = new QueueNumbering({ store, durability, clock, topics: bus.topics, devicesBeyond: counters.devicesUnnumbered });
  const router = new Router({ bus, store, durability, retaining, systemRetained, counters, declined, shares, numbering, work: turns.work });
  const withheld = new Withheld({ store, clock });
  const onRoom = (): void => withheld.roomMayBe();
  const announcer = new Announcer(bus.topics, clock, router);
  const { presenceNode, memoryQueueLimits, qos2QuarantineMs } = settings;
  return {
    store,
    durability,
    bus,
    clock,
    access,
    router,
    shares,
    retained,
    systemRetained,
    announcer,
    delayed: new DelayedMessages({ store, clock, access, counters, router, sessionOf, onRoom, limits: settings.delayedLimits }),
    deadLetters: new DeadLetters({ store, clock, drops, counters, limits: { messagesMax: DEAD_LETTERS_MAX, bytesMax: DEAD_LETTERS_BYTES_MAX } }),
    exportEras: new ExportEras(store),
    exclusiveHolders: new Map(),
    presence: presenceNode === undefined ? undefined : new Presence(announcer, clock, presenceNode),
    slowConsumers: new SlowConsumers({ clock, log, counter: counters.slowConsumers, settings: settings.slowConsumer }),
    withheld,
    counters,
    queueRules,
    numbering,
    drops,
    declined,
    receipts,
    isReturned,
    turns,
    memoryQueueLimits,
    qos2QuarantineMs,
  };
}
