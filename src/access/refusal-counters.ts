import type { Counter, Metrics } from '../model/metrics.ts';
import type { DenyReason } from './access.ts';

/** Connections that were not let in, by cause: `access.refused.banned`. */
export class RefusalCounters {
  readonly #counters: Record<DenyReason, Counter>;

  constructor(metrics: Metrics) {
    const counter = (reason: DenyReason): Counter => metrics.counter(`access.refused.${reason}`);
    this.#counters = {
      'bad-credentials': counter('bad-credentials'),
      'bad-authentication-method': counter('bad-authentication-method'),
      banned: counter('banned'),
      'not-authorized': counter('not-authorized'),
      'rate-exceeded': counter('rate-exceeded'),
      busy: counter('busy'),
    };
  }

  count(reason: DenyReason): void {
    this.#counters[reason].value += 1;
  }
}
