import type { Subscription } from '../bus/subscription.ts';
import { INTERNAL_PROTOCOL, type Principal } from '../model/client.ts';
import { GatewayError } from '../model/errors.ts';
import type { QoS } from '../model/message.ts';
import { topicFilter } from '../model/topic.ts';
import { fillPlaceholders } from './placeholders.ts';

/** A subscription clients have without asking for it. */
export interface AutoSubscription {
  /** A filter; may hold `${clientid}` and `${username}`. */
  readonly filter: string;
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
  /** Only for this client, user and protocol. */
  readonly clientId?: string | undefined;
  readonly username?: string | undefined;
  /** Without its version. */
  readonly protocol?: string | undefined;
}

/** What a client that connects is subscribed to. Bridges and the gateway's own clients are left alone. */
export function autoSubscriptions(configured: readonly AutoSubscription[], principal: Principal): Subscription[] {
  if (principal.protocol === INTERNAL_PROTOCOL) return [];
  return configured.filter((entry) => isFor(entry, principal)).flatMap((entry) => subscriptionOf(entry, principal) ?? []);
}

function isFor({ clientId, username, protocol }: AutoSubscription, principal: Principal): boolean {
  if (clientId !== undefined && clientId !== principal.clientId) return false;
  if (username !== undefined && username !== principal.username) return false;
  return protocol === undefined || protocol === principal.protocol.split(' ')[0]; // "mqtt 5.0"
}

/** Undefined when this client's names make no filter of it. */
function subscriptionOf({ filter, qos, noLocal, retainAsPublished, retainHandling }: AutoSubscription, principal: Principal): Subscription | undefined {
  const text = fillPlaceholders(filter, principal);
  if (text === undefined) return undefined;
  try {
    return { filter: topicFilter(text), qosMax: qos, noLocal, retainAsPublished, retainHandling, identifier: undefined };
  } catch (error) {
    if (error instanceof GatewayError) return undefined; // too long with this client's name
    throw error;
  }
}
