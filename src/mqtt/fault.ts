// What went wrong on a connection: how its peer is told, and what it is counted as.
import type { PeerAddress } from '../model/client.ts';
import { GatewayError, ProtocolViolationError } from '../model/errors.ts';
import { hexPrefix, type Log } from '../model/log.ts';
import type { Counter } from '../model/metrics.ts';
import { MqttCodecError, REASON } from './packets.ts';
import { type Stranger, strangerOf } from './stranger.ts';

export interface Fault {
  /** `internal-error` is not the peer's doing. */
  readonly kind: 'malformed' | 'protocol-error' | 'internal-error';
  readonly clause: string | undefined;
  /** For CONNACK or DISCONNECT of 5.0. */
  readonly reasonCode: number;
  /** Close without a word; see MqttCodecError. */
  readonly isSilent: boolean;
  /** What a peer may be told in words. */
  readonly text: string | undefined;
}

/** Where a fault is written down. */
export interface FaultBook {
  readonly who: { readonly peer: PeerAddress; readonly listener: string; readonly clientId: string | undefined };
  readonly log: Log;
  readonly counters: {
    readonly faults: Readonly<Record<Fault['kind'], Counter>>;
    readonly strangers: Readonly<Record<Stranger['key'], Counter>>;
  };
  /** Nothing it sent before was MQTT either. */
  readonly isFirst: boolean;
}

const HEX_BYTES = 16;

/** @param bytes - what was read last, if that was the cause. */
export function noteFault(error: unknown, bytes: Buffer | undefined, { who, log, counters, isFirst }: FaultBook): Fault {
  const fault = faultOf(error);
  const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
  const hex = bytes && hexPrefix(bytes, HEX_BYTES);
  const stranger = isFirst && bytes !== undefined ? strangerOf(bytes) : undefined;
  counters.faults[fault.kind].value += 1;
  if (fault.kind === 'internal-error') {
    log.error('connection failed', { ...who, error: stack ?? message });
  } else if (stranger === undefined) {
    log.warn('bad input', { ...who, clause: fault.clause, error: message, hex });
  } else {
    counters.strangers[stranger.key].value += 1;
    log.warn('no MQTT', { ...who, protocol: stranger.protocol, advice: stranger.advice, hex });
  }
  return fault;
}

function faultOf(error: unknown): Fault {
  if (error instanceof MqttCodecError) {
    const { clause, reasonCode, closesSilently } = error;
    return { kind: reasonCode === REASON.malformedPacket ? 'malformed' : 'protocol-error', clause, reasonCode, isSilent: closesSilently, text: error.message };
  }
  if (error instanceof ProtocolViolationError) {
    return { kind: 'protocol-error', clause: error.clause, reasonCode: REASON.protocolError, isSilent: false, text: error.message };
  }
  if (error instanceof GatewayError && error.code === 'INVALID_TOPIC') {
    return { kind: 'protocol-error', clause: 'MQTT 5 §4.7.3', reasonCode: REASON.topicNameInvalid, isSilent: false, text: error.message };
  }
  return { kind: 'internal-error', clause: undefined, reasonCode: REASON.implementationSpecificError, isSilent: false, text: undefined };
}
