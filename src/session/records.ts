// What can happen to Session State, each as a record. Records are "set"-like: they say what holds afterwards, never by how much something changed,
// so that replaying a suffix of the log over tables that are already newer ends in the same state.
import type { Subscription } from '../bus/subscription.ts';
import type { ClientId, Realm } from '../model/client.ts';
import type { TopicFilter } from '../model/topic.ts';
import type { ReceivingExchange, SendingExchange, Sequence, SessionFacts, SettleCause } from './session-store.ts';

/** Whom a state entry belongs to: a session by its id, or a gateway by its name. */
export type StateOwner = { readonly session: number } | { readonly gateway: string };

/** Every record but the two of the hot path: a message with its references, and runs of settled entries. */
export type StateRecord =
  | { readonly kind: 'session'; readonly id: number; readonly realm: Realm; readonly clientId: ClientId; readonly facts: SessionFacts }
  | { readonly kind: 'session-removed'; readonly id: number }
  | { readonly kind: 'subscription'; readonly session: number; readonly subscription: Subscription }
  | { readonly kind: 'subscription-removed'; readonly session: number; readonly filter: TopicFilter }
  | { readonly kind: 'sending'; readonly session: number; readonly packetId: number; readonly exchange: SendingExchange }
  /** The outgoing exchange is over and its queue entry settled. */
  | {
      readonly kind: 'sending-ended';
      readonly session: number;
      readonly packetId: number;
      readonly sequence: Sequence;
      readonly cause: SettleCause;
    }
  | { readonly kind: 'receiving'; readonly session: number; readonly packetId: number; readonly exchange: ReceivingExchange }
  | { readonly kind: 'receiving-forgotten'; readonly session: number; readonly packetId: number }
  | { readonly kind: 'state'; readonly owner: StateOwner; readonly key: string; readonly value: Uint8Array | undefined };
