import type { DeliveryFlow } from '../gateway/gateway.ts';
import type { InflightTable } from './inflight.ts';
import type { OutboundGate } from './outbound-gate.ts';

/** What is done to the window and to the gate from outside, and what follows of it. */
export class OutboundFlow implements DeliveryFlow {
  readonly #gate: OutboundGate;
  readonly #inflight: InflightTable;
  readonly #outbound: { pump(): void; limit(inflightMax: number): void };

  constructor(gate: OutboundGate, inflight: InflightTable, outbound: { pump(): void; limit(inflightMax: number): void }) {
    this.#gate = gate;
    this.#inflight = inflight;
    this.#outbound = outbound;
  }

  limitInflight(inflightMax: number, ordinaryMax: number): void {
    this.#outbound.limit(inflightMax);
    this.#gate.keepRoom(inflightMax, ordinaryMax);
  }

  allow(leastPriority: number): void {
    this.#pumpIf(this.#gate.allow(leastPriority));
  }

  withhold(packetId: number, why: 'refused' | 'unanswered'): boolean {
    return this.#pumpIf(this.#inflight.withhold(packetId, why));
  }

  offer(packetId: number): boolean {
    return this.#pumpIf(this.#inflight.offer(packetId));
  }

  #pumpIf(hasChanged: boolean): boolean {
    if (hasChanged) this.#outbound.pump();
    return hasChanged;
  }
}
