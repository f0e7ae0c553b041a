import { crc32 } from 'node:zlib';
import type { DurabilityClass } from '../model/durability.ts';
import { RECEIVING_MAX } from '../model/limits.ts';
import type { Draft } from '../model/message.ts';
import type { ReceivingExchange, StoredSession } from '../session/session-store.ts';
import type { Core } from './core.ts';

/**
 * Packet ids of incoming QoS 2 messages between PUBLISH and PUBREL (MQTT-4.3.3-10), in the store when the session is and the message may be. An id whose
 * message is in memory only is as well: after a restart both are forgotten.
 */
export class ReceivedIds {
  readonly #core: Core;
  /** Made by the first message of QoS 2. */
  #unstored: Set<number> | undefined;
  /** Of messages in memory only, of a stored session. */
  #volatile: Map<number, ReceivingExchange> | undefined;
  #stored: StoredSession | undefined;
  #isReliableLink = true;

  constructor(core: Core) {
    this.#core = core;
  }

  attach(stored: StoredSession | undefined, isReliableLink: boolean): void {
    this.#stored = stored;
    this.#isReliableLink = isReliableLink;
  }

  get isFull(): boolean {
    if (this.#stored === undefined) return this.#unstored !== undefined && this.#unstored.size >= RECEIVING_MAX;
    const size = (): number => (this.#stored?.receiving.size ?? 0) + (this.#volatile?.size ?? 0);
    if (size() >= RECEIVING_MAX) this.#endQuarantines(this.#stored);
    return size() >= RECEIVING_MAX;
  }

  /**
   * Whether this is another copy of a message that was taken over: its id is open, or the exchange was completed a moment ago on a link that
   * duplicates and reorders and the content is the same.
   */
  isKnown(packetId: number, draft: Draft): boolean {
    if (this.#stored === undefined) return this.#unstored?.has(packetId) === true;
    return [this.#stored.receiving.get(packetId), this.#volatile?.get(packetId)].some((exchange) => {
      if (exchange === undefined) return false;
      if (exchange.state === 'open') return true;
      return exchange.untilMs > this.#core.clock.gatewayMs() && exchange.digest === digestOf(draft);
    });
  }

  /**
   * Joins the group of the message just routed.
   *
   * @param treated - as that is.
   * @returns whether an acknowledgement must wait for it.
   */
  begin(packetId: number, draft: Draft, treated: DurabilityClass): boolean {
    if (this.#stored === undefined) {
      this.#unstored ??= new Set();
      this.#unstored.add(packetId);
      return false;
    }
    const digest = this.#isReliableLink ? 0 : digestOf(draft);
    if (treated === 'ram') {
      this.#volatile ??= new Map();
      this.#volatile.set(packetId, { state: 'open', digest, untilMs: Number.POSITIVE_INFINITY });
      return false;
    }
    this.#volatile?.delete(packetId);
    const isPutOff = treated === 'lazy';
    this.#core.store.beginReceiving(this.#stored, packetId, digest, isPutOff ? this.#core.durability.lazyMs : 0);
    return !isPutOff;
  }

  /** PUBREL. @returns whether the id was open (or, in quarantine, completed just before). */
  release(packetId: number): boolean {
    if (this.#stored === undefined) return this.#unstored?.delete(packetId) === true;
    const { clock, store, qos2QuarantineMs } = this.#core;
    const untilMs = this.#isReliableLink ? undefined : clock.gatewayMs() + qos2QuarantineMs;
    const volatile = this.#volatile?.get(packetId);
    if (volatile?.state === 'open') {
      if (untilMs === undefined) this.#volatile?.delete(packetId);
      else this.#volatile?.set(packetId, { state: 'quarantined', digest: volatile.digest, untilMs });
      return true;
    }
    const exchange = this.#stored.receiving.get(packetId);
    if (exchange?.state !== 'open') return (exchange ?? volatile) !== undefined;
    store.endReceiving(this.#stored, packetId, untilMs);
    return true;
  }

  /** The peer began a new session: its ids mean other messages from now on (MQTT-3.2.2-5). */
  forget(): void {
    this.#unstored = undefined;
    this.#volatile = undefined;
    const stored = this.#stored;
    if (stored === undefined) return;
    for (const packetId of [...stored.receiving.keys()]) this.#core.store.endReceiving(stored, packetId, undefined);
  }

  #endQuarantines(stored: StoredSession): void {
    const { clock, store } = this.#core;
    const now = clock.gatewayMs();
    for (const [packetId, { untilMs }] of [...stored.receiving]) if (untilMs <= now) store.endReceiving(stored, packetId, undefined);
    for (const [packetId, { untilMs }] of [...(this.#volatile ?? [])]) if (untilMs <= now) this.#volatile?.delete(packetId);
  }
}

function digestOf({ topic, payload }: Draft): number {
  return crc32(payload, crc32(topic.name));
}
