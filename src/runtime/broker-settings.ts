// The broker's part of the configuration, in its own terms.
import type { AutoSubscription } from '../broker/auto-subscribe.ts';
import { type BrokerSettings, DEFAULT_BROKER_SETTINGS } from '../broker/broker.ts';
import type { QueueRule, QueueSettings } from '../broker/queue-rules.ts';
import type { Config } from '../config/config.ts';

const RETAIN_HANDLING = { always: 0, new: 1, never: 2 } as const;

export function brokerSettings(config: Config): BrokerSettings {
  const { sessions, queue, retained, sharedSubscriptions, will, qos2, delayed, topicRewrite, autoSubscribe, sys, slowConsumer, store } = config;
  const { defaultClass, classes, windowMs, ramBytesMax } = store;
  return {
    ...DEFAULT_BROKER_SETTINGS,
    sessionsMax: sessions.max,
    queue: queueSettings(queue),
    retainedLimits: retained,
    sharedSubscriptions,
    willRestartGraceSeconds: will.restartGraceSeconds,
    qos2QuarantineMs: qos2.quarantineSeconds * 1000,
    delayedLimits: delayed,
    rewrite: topicRewrite.rules,
    autoSubscribe: autoSubscribe.topics.map(autoSubscription),
    node: sys.node,
    presenceNode: sys.presence ? sys.node : undefined,
    slowConsumer: { afterSeconds: slowConsumer.afterSeconds, isDisconnected: slowConsumer.disconnect },
    durability: { ...DEFAULT_BROKER_SETTINGS.durability, defaultClass, classes, windowMs, ramBytesMax },
  };
}

export function queueSettings(queue: Config['queue']): QueueSettings {
  return { ...queue, rules: queue.rules.map(queueRule) };
}

/** A list of the file is never absent: an empty one says nothing. */
function queueRule({ priorities, ...rest }: Config['queue']['rules'][number]): QueueRule {
  return { ...rest, priorities: priorities.length === 0 ? undefined : priorities };
}

function autoSubscription({ retainHandling, ...rest }: Config['autoSubscribe']['topics'][number]): AutoSubscription {
  return { ...rest, retainHandling: RETAIN_HANDLING[retainHandling] };
}
