// What becomes of a delivery its peer could not use.
import { GatewayError } from '../model/errors.ts';
import { Message } from '../model/message.ts';
import { type TopicName, topicName } from '../model/topic.ts';
import type { StoredDelivery } from '../session/session-store.ts';
import type { Core } from './core.ts';
import type { RoutedSession } from './routed-session.ts';

/** What its peer would not take is kept as a dead letter, in one commit with its end in the queue. False: it is not in flight. */
export function setAside({ store, deadLetters, numbering }: Core, session: RoutedSession, packetId: number, reason: string): boolean {
  const aside = (delivery: StoredDelivery): void => {
    deadLetters.add(session.clientId, delivery, reason);
    numbering.setAside(session, delivery.message);
  };
  return store.together(() => session.outbound.refused(packetId, aside));
}

/** As `setAside`, but it is published again below another topic. */
export function redirect(core: Core, { outbound }: RoutedSession, packetId: number, topicPrefix: string): boolean {
  return core.store.together(() => outbound.refused(packetId, ({ message }) => publishBelow(core, message, topicPrefix)));
}

/** As whose it was, and with what is left of its time. Nothing refuses it: it leaves a queue for it. */
function publishBelow({ bus, router }: Pick<Core, 'bus' | 'router'>, message: Message, topicPrefix: string): void {
  const { qos, properties, payload, origin, publishedAtMs, expiresAtMs } = message;
  const topic = bus.topics.intern(placed(topicPrefix, message.topic.name));
  router.deliver(new Message({ topic, payload, qos, isRetain: false, properties }, origin, { publishedAtMs, expiresAtMs }), undefined);
}

/** Where both together are too long, all such messages go to one topic. */
function placed(prefix: string, name: TopicName): TopicName {
  try {
    return topicName(prefix + name);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return topicName(`${prefix}long`);
  }
}
