import type { ErrorCode } from '../model/errors.ts';

/** sysexits(3), which service managers and scripts understand. */
export const EXIT = {
  ok: 0,
  /** A stop that did not end in time, or was cut short by a second signal. */
  failed: 1,
  usage: 64,
  dataError: 65,
  unavailable: 69,
  software: 70,
  cannotCreate: 73,
  config: 78,
} as const;

/** What the process ends with when it could not start. */
export const EXIT_OF: Readonly<Record<ErrorCode, number>> = {
  ADDRESS_UNAVAILABLE: EXIT.unavailable,
  NOT_FOUND: EXIT.unavailable,
  CONFIG_INVALID: EXIT.config,
  CONTROL_UNAVAILABLE: EXIT.unavailable,
  INVALID_TOPIC: EXIT.software,
  LIMIT_EXCEEDED: EXIT.software,
  LINK_CLOSED: EXIT.unavailable,
  MALFORMED_PACKET: EXIT.software,
  PROTOCOL_VIOLATION: EXIT.software,
  STORE_CORRUPT: EXIT.dataError,
  STORE_UNAVAILABLE: EXIT.cannotCreate,
  UPLINK_REFUSED: EXIT.unavailable,
};
