/**
 * Every failure this project can name. A caller branches on `code`, never on `message`: codes are stable, messages are for people.
 */
export type ErrorCode =
  | 'MALFORMED_PACKET' // bytes that no revision of the protocol can mean
  | 'PROTOCOL_VIOLATION' // well formed, but not allowed in this state
  | 'INVALID_TOPIC'
  | 'LIMIT_EXCEEDED'
  | 'STORE_UNAVAILABLE'
  | 'STORE_CORRUPT'
  | 'LINK_CLOSED'
  | 'ADDRESS_UNAVAILABLE' // a port in use, an address that is not ours, a path that cannot be bound
  | 'UPLINK_REFUSED'
  | 'CONTROL_UNAVAILABLE' // no gateway answers on the control socket
  | 'NOT_FOUND' // what somebody asked for by name
  | 'CONFIG_INVALID';

export class GatewayError extends Error {
  override readonly name: string = 'GatewayError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Thrown by codecs only. `clause` names the rule that was broken, e.g. `MQTT-3.3.2-2` or `RFC 7252 §3`. */
export class MalformedPacketError extends GatewayError {
  override readonly name = 'MalformedPacketError';
  readonly clause: string;

  constructor(clause: string, message: string) {
    super('MALFORMED_PACKET', `${message} [${clause}]`);
    this.clause = clause;
  }
}

/** The peer broke a rule that only state can tell, e.g. a second CONNECT (MQTT-3.1.0-2). */
export class ProtocolViolationError extends GatewayError {
  override readonly name = 'ProtocolViolationError';
  readonly clause: string;

  constructor(clause: string, message: string) {
    super('PROTOCOL_VIOLATION', `${message} [${clause}]`);
    this.clause = clause;
  }
}
