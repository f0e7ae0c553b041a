import { MqttCodecError, REASON } from './packets.ts';

/**
 * What a 5.0 client has sent at QoS 1 and 2 and not seen the end of, on this connection (MQTT 5 §4.9). QoS 2 is counted by packet id: a client
 * that repeats a PUBLISH takes no second place, and a PUBREL of an earlier connection gives none back.
 */
export class ReceiveWindow {
  readonly #max: number;
  #atLeastOnce = 0;
  /** Made for the first one: most clients never use QoS 2. */
  #exactlyOnce: Set<number> | undefined;

  /** @param max - Receive Maximum we announced. */
  constructor(max: number) {
    this.#max = max;
  }

  /** @throws MqttCodecError - 0x93: the client has more under way than it may. */
  begin(qos: 1 | 2, packetId: number): void {
    if (qos === 1) this.#atLeastOnce += 1;
    else this.#open().add(packetId);
    if (this.#atLeastOnce + (this.#exactlyOnce?.size ?? 0) <= this.#max) return;
    throw new MqttCodecError(REASON.receiveMaximumExceeded, 'MQTT-3.3.4-9', `more than ${this.#max} publishes without their last answer`);
  }

  /** PUBACK goes out. */
  acknowledged(): void {
    this.#atLeastOnce -= 1;
  }

  /** PUBCOMP, or a PUBREC that refuses, goes out. */
  completed(packetId: number): void {
    this.#exactlyOnce?.delete(packetId);
  }

  #open(): Set<number> {
    this.#exactlyOnce ??= new Set();
    return this.#exactlyOnce;
  }
}
