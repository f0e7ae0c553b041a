// Which reason codes each packet may carry (MQTT 5 §2.4, table 2-6).
import { type AckType, MqttCodecError, REASON } from './packets.ts';

/** Of CONNACK in 3.x; 6 and above mean nothing. */
export const CONNACK_RETURN_CODE_MAX = 5;

const ACKNOWLEDGED: readonly number[] = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
const RELEASED: readonly number[] = [0x00, 0x92];

export const ACK_REASONS: Record<AckType, readonly number[]> = { puback: ACKNOWLEDGED, pubrec: ACKNOWLEDGED, pubrel: RELEASED, pubcomp: RELEASED };

export const ACK_CLAUSE: Record<AckType, string> = {
  puback: 'MQTT-3.4.2-1',
  pubrec: 'MQTT-3.5.2-1',
  pubrel: 'MQTT-3.6.2-1',
  pubcomp: 'MQTT-3.7.2-1',
};

export const CONNACK_REASONS: readonly number[] = [
  ...[0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a],
  ...[0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f],
];

export const SUBACK_REASONS: readonly number[] = [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2];

export const SUBACK_RETURN_CODES: readonly number[] = [0x00, 0x01, 0x02, 0x80]; // MQTT-3.9.3-2 of 3.1.1

export const UNSUBACK_REASONS: readonly number[] = [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91];

export const DISCONNECT_REASONS: readonly number[] = [
  ...[0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99],
  ...[0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2],
];

export const AUTH_REASONS: readonly number[] = [0x00, 0x18, 0x19];

/** @throws MqttCodecError - 0x82 when the list does not hold `reasonCode`. */
export function requireListed(list: readonly number[], reasonCode: number, clause: string): void {
  if (!list.includes(reasonCode)) throw new MqttCodecError(REASON.protocolError, clause, `reason code ${reasonCode} is not one of this packet's`);
}
