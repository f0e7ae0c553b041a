// What the gateway answers, within what the client can take and wants to hear.
import type { Link } from '../transport/transport.ts';
import type { Terms } from './connect.ts';
import { encodeAck, encodePacket } from './encode.ts';
import { type AckType, type DisconnectProperties, type Packet, type ProtocolVersion, REASON } from './packets.ts';
import { isRefusal, reasonText } from './reason.ts';
import type { MqttSettings } from './settings.ts';

/** Longer texts hold something of the client's, e.g. a topic. */
const REASON_CHARS_MAX = 256;

/** What is known of an end besides its code. */
export interface Explanation {
  readonly text?: string | undefined;
  readonly serverReference?: string | undefined;
}

export class Replies {
  readonly #link: Link;
  readonly #settings: MqttSettings;
  #packetBytesMax: number | undefined;
  #wantsWords = true;
  #version: ProtocolVersion = 5;

  constructor(link: Link, settings: MqttSettings) {
    this.#link = link;
    this.#settings = settings;
  }

  /** The client has said what it speaks. */
  speak(version: ProtocolVersion): void {
    this.#version = version;
  }

  /** The client has said what it takes. */
  agree(terms: Terms): void {
    this.#packetBytesMax = terms.packetBytesMax;
    this.#wantsWords = terms.wantsProblemInformation;
  }

  /** @returns false: the client has no room for it, and nothing was written (MQTT-3.1.2-24). */
  send(packet: Packet): boolean {
    return encodePacket(packet, this.#version, this.#link, this.#packetBytesMax);
  }

  /** @param reasonCode - 0 towards 3.x. */
  ack(type: AckType, packetId: number, reasonCode: number): void {
    const properties = isRefusal(reasonCode) ? this.#because(reasonText(reasonCode)) : undefined;
    if (properties === undefined || !this.send({ type, packetId, reasonCode, properties })) encodeAck(type, packetId, reasonCode, this.#link);
  }

  /** @returns as `send`. */
  answer(type: 'suback' | 'unsuback', packetId: number, reasonCodes: readonly number[]): boolean {
    const refusal = reasonCodes.find(isRefusal);
    const properties = refusal === undefined ? undefined : this.#because(reasonText(refusal));
    return this.send({ type, packetId, reasonCodes, properties });
  }

  /** Properties of a CONNACK that refuses and of DISCONNECT; every 5.0 client may be told a reason there (MQTT-3.1.2-29). */
  farewell(reasonCode: number, { text, serverReference }: Explanation): Pick<DisconnectProperties, 'reasonString' | 'serverReference'> | undefined {
    if (this.#version !== 5) return undefined;
    const isElsewhere = reasonCode === REASON.useAnotherServer || reasonCode === REASON.serverMoved;
    return {
      reasonString: this.#settings.reasonStrings ? (text ?? reasonText(reasonCode)).slice(0, REASON_CHARS_MAX) : undefined,
      serverReference: isElsewhere ? (serverReference ?? this.#settings.serverReference) : undefined,
    };
  }

  /** MQTT-3.1.2-29: in other packets only where the client did not decline. */
  #because(text: string): { readonly reasonString: string } | undefined {
    return this.#settings.reasonStrings && this.#wantsWords && this.#version === 5 ? { reasonString: text } : undefined;
  }
}
