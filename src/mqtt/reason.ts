// Core outcomes in MQTT's codes: one table each, complete by the compiler.
import type { EndReason, PublishOutcome, RefusalReason } from '../gateway/gateway.ts';
import { type ProtocolVersion, REASON } from './packets.ts';

/** CONNACK, MQTT 5 §3.2.2.2. */
const CONNACK_REASON: Record<RefusalReason, number> = {
  'bad-credentials': REASON.badUserNameOrPassword,
  banned: REASON.banned,
  'not-authorized': REASON.notAuthorized,
  'identifier-taken': REASON.clientIdentifierNotValid,
  busy: REASON.serverBusy,
  unavailable: REASON.serverUnavailable,
};

/** CONNACK, MQTT 3.1.1 §3.2.2.3. */
const CONNACK_RETURN_CODE: Record<RefusalReason, number> = {
  'bad-credentials': 4,
  banned: 5,
  'not-authorized': 5,
  'identifier-taken': 2,
  busy: 3,
  unavailable: 3,
};

export function connackReason(version: ProtocolVersion, reason: RefusalReason): number {
  return version === 5 ? CONNACK_REASON[reason] : CONNACK_RETURN_CODE[reason];
}

/** MQTT 5 §3.4.2.1. MQTT 3.x has no negative answer: what it cannot say is acknowledged or withheld. */
export const PUBACK_REASON: Record<PublishOutcome, number> = {
  accepted: REASON.success,
  'no-subscribers': REASON.noMatchingSubscribers,
  denied: REASON.notAuthorized,
  'quota-exceeded': REASON.quotaExceeded,
};

/** MQTT 5 §3.5.2.1. 0x10 may be told or not; Mosquitto tells it in PUBACK only, and suites compare with it. */
export const PUBREC_REASON: Record<PublishOutcome, number> = { ...PUBACK_REASON, 'no-subscribers': REASON.success };

/** DISCONNECT from the server, MQTT 5 §3.14.2.1. */
export const END_REASON: Record<EndReason, number> = {
  'taken-over': REASON.sessionTakenOver,
  kicked: REASON.administrativeAction,
  'shutting-down': REASON.serverShuttingDown,
};

/** What a codec error says in a 3.x CONNACK; undefined: close without one (MQTT-3.1.4-1 of 3.1.1). */
export function returnCodeOf(reasonCode: number): number | undefined {
  if (reasonCode === REASON.unsupportedProtocolVersion) return 1; // MQTT-3.1.2-2
  if (reasonCode === REASON.clientIdentifierNotValid) return 2; // MQTT-3.1.3-8
  if (reasonCode === REASON.implementationSpecificError) return 3; // not the client's fault
  return undefined;
}
