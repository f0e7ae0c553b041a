import type { Will } from '../gateway/gateway.ts';
import type { GatewayMs } from '../model/clock.ts';
import { Message, type Origin } from '../model/message.ts';
import type { SessionFacts, StoredWill } from '../session/session-store.ts';

interface StatedSession {
  readonly ownerKey: string;
  readonly expirySeconds: number;
  readonly isAttached: boolean;
  readonly will: Will | undefined;
  readonly origin: Origin;
}

/** What the store keeps of a session whatever its gateway. */
export function storedFacts(session: StatedSession, nowMs: GatewayMs): SessionFacts {
  const { ownerKey: principal, expirySeconds, isAttached, will, origin } = session;
  return {
    principal,
    expirySeconds,
    detachedAtMs: isAttached ? undefined : nowMs,
    will: will === undefined ? undefined : storedWill(will, origin, nowMs),
  };
}

/** The will as the store keeps it; its payload is copied. */
function storedWill({ draft, delaySeconds }: Will, origin: Origin, publishedAtMs: GatewayMs): StoredWill {
  const message = new Message(draft, origin, { publishedAtMs, expiresAtMs: Number.POSITIVE_INFINITY }).keep();
  return { message, delaySeconds, expirySeconds: draft.expirySeconds };
}

export function restoredWill({ message, delaySeconds, expirySeconds }: StoredWill): Will {
  const { topic, payload, qos, isRetain, properties } = message;
  return { draft: { topic, payload, qos, isRetain, properties, expirySeconds }, delaySeconds };
}
