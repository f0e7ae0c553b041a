import type { Counter, Metrics } from '../model/metrics.ts';

/** What a stream listener or dialer counts, as objects so that the hot path looks nothing up. */
export class LinkCounters {
  readonly accepted: Counter;
  readonly refused: Counter;
  readonly failed: Counter;
  readonly bytesReceived: Counter;
  readonly bytesSent: Counter;
  /** Links open now. */
  open = 0;

  constructor(metrics: Metrics, name: string) {
    this.accepted = metrics.counter(`transport.${name}.accepted`);
    this.refused = metrics.counter(`transport.${name}.refused`);
    this.failed = metrics.counter(`transport.${name}.failed`);
    this.bytesReceived = metrics.counter(`transport.${name}.bytes.received`);
    this.bytesSent = metrics.counter(`transport.${name}.bytes.sent`);
    metrics.gauge(`transport.${name}.connections`, () => this.open);
  }
}
