import type { Delivery } from '../gateway/gateway.ts';
import type { GatewayClock, GatewayMs } from '../model/clock.ts';
import type { Message, QoS, UserProperties } from '../model/message.ts';
import type { Receipts } from './receipts.ts';

/** What a bus match or a queue entry says about one delivery. */
export interface DeliveryTerms {
  readonly qos: QoS;
  readonly isRetain: boolean;
  readonly identifiers: readonly number[];
}

const NO_IDENTIFIERS: readonly number[] = [];

export interface DeliveryParts {
  readonly clock: GatewayClock;
  /** Undefined: nobody is told when a message came. */
  readonly receipts: Receipts | undefined;
}

/** One delivery object per session, shown anew for each message: none is allocated on the hot path. */
export class DeliveryView implements Delivery {
  readonly #parts: DeliveryParts;
  #message: Message | undefined;
  qos: QoS = 0;
  isRetain = false;
  isDuplicate = false;
  packetId = 0;
  identifiers: readonly number[] = NO_IDENTIFIERS;
  expirySeconds: number | undefined;
  receipt: UserProperties | undefined;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
  }

  get message(): Message {
    if (this.#message === undefined) throw new TypeError('a delivery is read before it is shown');
    return this.#message;
  }

  show(message: Message, terms: DeliveryTerms, mark: { readonly packetId: number; readonly isDuplicate: boolean }): this {
    const { clock, receipts } = this.#parts;
    this.#message = message;
    this.qos = terms.qos;
    this.isRetain = terms.isRetain;
    this.identifiers = terms.identifiers;
    this.packetId = mark.packetId;
    this.isDuplicate = mark.isDuplicate;
    this.expirySeconds = message.expiresAtMs === Number.POSITIVE_INFINITY ? undefined : secondsUntil(message.expiresAtMs, clock);
    if (receipts !== undefined) this.receipt = receipts.of(message);
    return this;
  }
}

/** Rounded up, so that 1 s left is never announced as 0. */
function secondsUntil(timeMs: GatewayMs, clock: GatewayClock): number {
  return Math.max(0, Math.ceil((timeMs - clock.gatewayMs()) / 1000));
}
