// Core outcomes in MQTT's codes: one table each, complete by the compiler.
import type { EndReason, PublishOutcome, RefusalReason } from '../gateway/gateway.ts';
import { type ProtocolVersion, REASON } from './packets.ts';

/** CONNACK, MQTT 5 §3.2.2.2. */
const CONNACK_REASON: Record<RefusalReason, number> = {
  'bad-credentials': REASON.badUserNameOrPassword,
  'bad-authentication-method': REASON.badAuthenticationMethod,
  banned: REASON.banned,
  'not-authorized': REASON.notAuthorized,
  'identifier-taken': REASON.clientIdentifierNotValid,
  'rate-exceeded': REASON.connectionRateExceeded,
  'quota-exceeded': REASON.quotaExceeded,
  busy: REASON.serverBusy,
  unavailable: REASON.serverUnavailable,
  'use-another-server': REASON.useAnotherServer,
  'server-moved': REASON.serverMoved,
};

/** CONNACK, MQTT 3.1.1 §3.2.2.3. */
const CONNACK_RETURN_CODE: Record<RefusalReason, number> = {
  'bad-credentials': 4,
  'bad-authentication-method': 5,
  banned: 5,
  'not-authorized': 5,
  'identifier-taken': 2,
  'rate-exceeded': 3,
  'quota-exceeded': 3,
  busy: 3,
  unavailable: 3,
  'use-another-server': 3,
  'server-moved': 3,
};

export function connackReason(version: ProtocolVersion, reason: RefusalReason): number {
  return version === 5 ? CONNACK_REASON[reason] : CONNACK_RETURN_CODE[reason];
}

/** MQTT 5 §3.4.2.1. MQTT 3.x has no negative answer: what it cannot say is acknowledged or withheld. */
export const PUBACK_REASON: Record<PublishOutcome, number> = {
  accepted: REASON.success,
  'no-subscribers': REASON.noMatchingSubscribers,
  denied: REASON.notAuthorized,
  'invalid-topic': REASON.topicNameInvalid,
  'quota-exceeded': REASON.quotaExceeded,
};

/** MQTT 5 §3.5.2.1. 0x10 may be told or not; Mosquitto tells it in PUBACK only, and suites compare with it. */
export const PUBREC_REASON: Record<PublishOutcome, number> = { ...PUBACK_REASON, 'no-subscribers': REASON.success };

/** DISCONNECT from the server, MQTT 5 §3.14.2.1. */
export const END_REASON: Record<EndReason, number> = {
  'taken-over': REASON.sessionTakenOver,
  kicked: REASON.administrativeAction,
  'rate-exceeded': REASON.messageRateTooHigh,
  'slow-consumer': REASON.quotaExceeded,
  'shutting-down': REASON.serverShuttingDown,
};

/** DISCONNECT after a re-authentication that failed (MQTT-4.12.1-2): what of CONNACK's codes it may not carry has a relative. */
export const REAUTHENTICATION_REASON: Record<RefusalReason, number> = {
  ...CONNACK_REASON,
  'bad-credentials': REASON.notAuthorized,
  banned: REASON.administrativeAction,
  'identifier-taken': REASON.notAuthorized,
  unavailable: REASON.serverBusy,
};

/** What an error says in a 3.x CONNACK; undefined: close without one (MQTT-3.1.4-1 of 3.1.1). */
export function returnCodeOf(reasonCode: number): number | undefined {
  return RETURN_CODES.get(reasonCode);
}

const RETURN_CODES: ReadonlyMap<number, number> = new Map([
  [REASON.unsupportedProtocolVersion, 1], // MQTT-3.1.2-2
  [REASON.clientIdentifierNotValid, 2], // MQTT-3.1.3-8
  [REASON.implementationSpecificError, 3], // not the client's fault
  [REASON.serverBusy, 3],
  [REASON.useAnotherServer, 3],
]);

/** Codes below mean success, of some kind (MQTT 5 §2.4). */
const REFUSAL_MIN = 0x80;

export function isRefusal(reasonCode: number): boolean {
  return reasonCode >= REFUSAL_MIN;
}

/** Reason Code as it appears in names of counters: `packet-too-large`. */
export function reasonName(reasonCode: number): string {
  return NAMES.get(reasonCode) ?? `0x${reasonCode.toString(16)}`;
}

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(REASON).map(([name, reasonCode]) => [reasonCode, name.replaceAll(/[A-Z]+/g, (capitals) => `-${capitals.toLowerCase()}`)]),
);

/** A Reason String where nothing more is known than the code. */
export function reasonText(reasonCode: number): string {
  return REASON_TEXT.get(reasonCode) ?? reasonName(reasonCode).replaceAll('-', ' ');
}

const REASON_TEXT: ReadonlyMap<number, string> = new Map([
  [REASON.implementationSpecificError, 'the gateway failed; its log says why'],
  [REASON.notAuthorized, 'the access rules do not permit it'],
  [REASON.quotaExceeded, 'a queue, a number of subscriptions or the disk is at its limit'],
  [REASON.topicFilterInvalid, 'the filter has more levels than this gateway takes'],
  [REASON.packetIdentifierNotFound, 'no exchange with this packet identifier is open'],
  [REASON.keepAliveTimeout, 'nothing was received for one and a half times the keep-alive'],
  [REASON.sessionTakenOver, 'another connection uses this client identifier'],
  [REASON.payloadFormatInvalid, 'the payload is not the UTF-8 it says it is'],
]);
