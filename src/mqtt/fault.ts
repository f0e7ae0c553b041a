// What went wrong on a connection: how its peer is told, and what it is counted as.
import { GatewayError, ProtocolViolationError } from '../model/errors.ts';
import { MqttCodecError, REASON } from './packets.ts';

export interface Fault {
  /** `internal-error` is not the peer's doing. */
  readonly kind: 'malformed' | 'protocol-error' | 'internal-error';
  readonly clause: string | undefined;
  /** For CONNACK or DISCONNECT of 5.0. */
  readonly reasonCode: number;
  /** Close without a word; see MqttCodecError. */
  readonly isSilent: boolean;
}

export function faultOf(error: unknown): Fault {
  if (error instanceof MqttCodecError) {
    const { clause, reasonCode, closesSilently } = error;
    return { kind: reasonCode === REASON.malformedPacket ? 'malformed' : 'protocol-error', clause, reasonCode, isSilent: closesSilently };
  }
  if (error instanceof ProtocolViolationError) {
    return { kind: 'protocol-error', clause: error.clause, reasonCode: REASON.protocolError, isSilent: false };
  }
  if (error instanceof GatewayError && error.code === 'INVALID_TOPIC') {
    return { kind: 'protocol-error', clause: 'MQTT 5 §4.7.3', reasonCode: REASON.topicNameInvalid, isSilent: false };
  }
  return { kind: 'internal-error', clause: undefined, reasonCode: REASON.implementationSpecificError, isSilent: false };
}
