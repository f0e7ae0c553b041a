import type { Message } from '../model/message.ts';
import type { SettleCause } from '../session/session-store.ts';
import type { DeliveryTerms } from './delivery-view.ts';

/** A message of a shared subscription in the hands of one member, until it is settled or its connection ends. */
export interface Claim {
  /** Those of the member, which it had when it got the message (MQTT-4.8.2-3). */
  readonly terms: DeliveryTerms;
  /** For sending it again; undefined when it is gone. */
  read(): Message | undefined;
  /** The member took responsibility for it, or refused it for good: nobody else gets it (MQTT-4.8.2-6). */
  settle(cause: SettleCause): void;
  /** Whether others may have it. */
  readonly isShared: boolean;
  /** The member could not use it. @returns false: it was given back `rejectionsMax` times already. */
  reject(rejectionsMax: number): boolean;
  /** Another member may have it. */
  giveBack(): void;
}
