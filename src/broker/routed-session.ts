import type { ClientId } from '../model/client.ts';
import type { Origin } from '../model/message.ts';
import type { StoredSession } from '../session/session-store.ts';
import type { Outbound } from './outbound.ts';

/** A session as the router sees it. */
export interface RoutedSession {
  readonly clientId: ClientId;
  /** What it publishes carries it. */
  readonly origin: Origin;
  readonly outbound: Outbound;
  /** The queue on disk; undefined when the session ends with its link. */
  readonly stored: StoredSession | undefined;
}
