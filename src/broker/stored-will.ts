import type { Will } from '../gateway/gateway.ts';
import type { GatewayMs } from '../model/clock.ts';
import { Message, type Origin } from '../model/message.ts';
import type { StoredWill } from '../session/session-store.ts';

/** The will as the store keeps it; its payload is copied. */
export function storedWill({ draft, delaySeconds }: Will, origin: Origin, publishedAtMs: GatewayMs): StoredWill {
  const message = new Message(draft, origin, { publishedAtMs, expiresAtMs: Number.POSITIVE_INFINITY }).keep();
  return { message, delaySeconds, expirySeconds: draft.expirySeconds };
}

export function restoredWill({ message, delaySeconds, expirySeconds }: StoredWill): Will {
  const { topic, payload, qos, isRetain, properties } = message;
  return { draft: { topic, payload, qos, isRetain, properties, expirySeconds }, delaySeconds };
}
