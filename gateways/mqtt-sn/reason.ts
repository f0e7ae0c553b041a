// Core outcome to return code (§5.3.10). 1.2 has one code for "later", 0x01, and one for "never", 0x03.
import type { PublishOutcome, RefusalReason, SubscribeOutcome } from '../../src/gateway/gateway.ts';
import { RETURN_CODE, type ReturnCode } from './packets.ts';

const { accepted, congestion, notSupported } = RETURN_CODE;

export const CONNACK_CODE: Readonly<Record<RefusalReason, ReturnCode>> = {
  'bad-credentials': notSupported,
  'bad-authentication-method': notSupported,
  banned: notSupported,
  'not-authorized': notSupported,
  'identifier-taken': notSupported,
  'rate-exceeded': congestion,
  'quota-exceeded': congestion,
  busy: congestion,
  unavailable: congestion,
  'use-another-server': congestion,
  'server-moved': notSupported,
};

export const PUBACK_CODE: Readonly<Record<PublishOutcome, ReturnCode>> = {
  accepted,
  'no-subscribers': accepted,
  denied: notSupported,
  'invalid-topic': notSupported,
  'quota-exceeded': congestion,
};

export const SUBACK_CODE: Readonly<Record<SubscribeOutcome['kind'], ReturnCode>> = {
  granted: accepted,
  denied: notSupported,
  'quota-exceeded': congestion,
};
