import { GatewayError } from '../model/errors.ts';
import { Message } from '../model/message.ts';
import { type TopicName, topicName } from '../model/topic.ts';
import type { Core } from './core.ts';

/** Publishes a message again below another topic, as whose it was and with what is left of its time. */
export function redirect({ bus, router }: Pick<Core, 'bus' | 'router'>, message: Message, topicPrefix: string): void {
  const { qos, properties, payload, origin, publishedAtMs, expiresAtMs } = message;
  const topic = bus.topics.intern(placed(topicPrefix, message.topic.name));
  router.route(new Message({ topic, payload, qos, isRetain: false, properties }, origin, { publishedAtMs, expiresAtMs }), undefined);
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
